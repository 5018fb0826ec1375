"""The preferred exchanger is down: mail waits at the backup and comes home later."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def mx_fallback(net: Net) -> None:
    net.fail("mail.belgiannews.com")
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="hello")
    await mail.held_at("relay.eunet.be")
    net.heal("mail.belgiannews.com")
    await mail.delivered(within="1h")
    mail.took("mail.belgiannews.com refused", "relay.eunet.be 250", "mail.belgiannews.com 250")
