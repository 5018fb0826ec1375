"""A mail program hands mail in with a login, in TLS; its host sends it anywhere, under its owner's name only."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def submission_with_a_login(net: Net) -> None:
    mail = await net.submit("ed@belgiannews.com", "ann@unige.ch", subject="from a mail program")
    await mail.delivered()
    (await net.mailbox("ann@unige.ch")).holds("from a mail program")


@scenario("belgium")
async def nobody_sends_under_another_s_name(net: Net) -> None:
    """Who is logged in as ed is not ann; and who is not logged in sends nothing at all."""
    async with net.submission("ed@belgiannews.com") as smtp:
        await smtp.says("MAIL FROM:<ann@unige.ch>", "553", "5.7.1")
        await smtp.says("MAIL FROM:<info@belgiannews.com>", "250")
    async with net.dialogue("mail.belgiannews.com", port=587) as smtp:
        await smtp.expects("220")
        await smtp.says("EHLO student", "250", "AUTH", "STARTTLS")
        await smtp.says("MAIL FROM:<ed@belgiannews.com>", "530", "5.7.0")
