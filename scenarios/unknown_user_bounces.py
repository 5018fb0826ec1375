"""There is nobody of that name: the exchanger says 550 5.1.1, and the sender's own host writes the bounce."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def unknown_user_bounces(net: Net) -> None:
    mail = await net.send("ann@unige.ch", "nobody@belgiannews.com", subject="who are you?")
    await mail.bounced("5.1.1", within="1m")
    mail.took(
        "mail.belgiannews.com 550 5.1.1", "mail.unige.ch sends a bounce to ann@unige.ch", "ann@unige.ch the bounce"
    )
    mail.is_because("D409")


@scenario("belgium")
async def one_of_two_is_unknown(net: Net) -> None:
    """Each recipient has a fate of its own: one gets the mail, about the other the sender gets a bounce."""
    mail = await net.send("ann@unige.ch", ["ed@belgiannews.com", "nobody@belgiannews.com"], subject="you two")
    await mail.delivered(within="1m", to="ed@belgiannews.com")
    await mail.bounced("5.1.1", within="1m", to="nobody@belgiannews.com")
    (await net.mailbox("ed@belgiannews.com")).holds("you two")
