"""An MX names an alias, which the law forbids and nearly everybody follows: the mail arrives all the same."""

from lab.scenario import Net, scenario


@scenario("null-and-implicit-mx")
async def mx_to_cname(net: Net) -> None:
    (await net.dig("mx.alias.be", "CNAME")).says("mail.alias.be")
    mail = await net.send("ann@unige.ch", "al@alias.be", subject="hello")
    await mail.delivered(within="1m")
    mail.took("MX alias.be 10 mx.alias.be", "mx.alias.be 250", "al@alias.be in the mailbox")
