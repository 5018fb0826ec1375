"""A stranger asks a mail host to carry mail to somebody else's domain, and is told 550 5.7.1."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def open_relay_refused(net: Net) -> None:
    async with net.dialogue("mail.belgiannews.com", from_host="student") as smtp:
        await smtp.expects("220")
        await smtp.says("HELO student", "250")
        await smtp.says("MAIL FROM:<stranger@nowhere.org>", "250")
        await smtp.says("RCPT TO:<ann@unige.ch>", "550", "5.7.1")
        await smtp.says("RCPT TO:<ed@belgiannews.com>", "250")
        await smtp.says("QUIT", "221")


@scenario("belgium")
async def a_backup_holds_only_what_it_lists(net: Net) -> None:
    """The backup takes mail for the newspaper, and for nobody else."""
    async with net.dialogue("relay.eunet.be") as smtp:
        await smtp.expects("220")
        await smtp.says("EHLO student", "250")
        await smtp.says("MAIL FROM:<stranger@nowhere.org>", "250")
        await smtp.says("RCPT TO:<ann@unige.ch>", "550", "5.7.1")
        await smtp.says("RCPT TO:<ed@belgiannews.com>", "250")
        await smtp.says("QUIT", "221")
