"""The 250 after the dot is lost: the newspaper has the message, the sender does not know it and sends it again."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def lost_250_comes_twice(net: Net) -> None:
    """RFC 1047: no host does wrong, and the message is there twice."""
    net.fail("mail.belgiannews.com", "reset at dot once")
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="once, please")
    await mail.delivered(within="1m")
    await net.clock.advance("1h")
    mail.took("mail.belgiannews.com took it", "mail.belgiannews.com reset at eom", "relay.eunet.be 250")
    (await net.mailbox("ed@belgiannews.com")).holds("once, please", "once, please")


@scenario("belgium")
async def stalled_after_the_dot(net: Net) -> None:
    """So long a silence after the dot that the sender's ten minutes run out comes to the same."""
    with net.failing("mail.belgiannews.com", "stall at dot once"):
        mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="patience")
        await mail.delivered(within="1m")
        await net.clock.advance("9m")
        (await net.mailbox("ed@belgiannews.com")).holds("patience")
        await net.clock.advance("2m")
    mail.took("mail.belgiannews.com took it", "mail.belgiannews.com timed out", "relay.eunet.be 250")
    (await net.mailbox("ed@belgiannews.com")).holds("patience", "patience")
