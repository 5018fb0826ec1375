"""550 means never: the next exchanger is not tried, and the sender is told at once."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def never_next_after_5xx(net: Net) -> None:
    net.reply("mail.belgiannews.com", 550, at="rcpt")
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="no way")
    await mail.bounced(within="1m")
    mail.tried("mail.belgiannews.com")
    mail.never_tried("relay.eunet.be")
    mail.took(
        "mail.belgiannews.com 550",
        "mail.unige.ch gives up on ed@belgiannews.com",
        "sends a bounce to ann@unige.ch",
    )
