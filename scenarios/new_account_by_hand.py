"""A new account on a Unix server: before it nobody takes the mail, after it there is a mail file to look into."""

from lab.scenario import Net, Unmet, scenario


@scenario("belgium")
async def new_account_by_hand(net: Net) -> None:
    lost = await net.send("ann@unige.ch", "zoe@belgiannews.com", subject="too early")
    await lost.bounced("5.1.1")

    await net.account("add", "zoe@belgiannews.com", password="open sesame")
    await (await net.send("ann@unige.ch", "zoe@belgiannews.com", subject="welcome")).delivered()
    seen = await net.mail_file("zoe@belgiannews.com")
    if not seen.startswith("From ann@unige.ch ") or "\nSubject: welcome\n" not in seen:
        raise Unmet("the mail file to begin with a From line and to hold the message", seen)

    async with net.pop3("zoe@belgiannews.com", "open sesame") as pop:
        await pop.fetch(1)
        await pop.delete(1)
    if await net.mail_file("zoe@belgiannews.com"):
        raise Unmet("an empty mail file once the message was fetched and deleted", "mail in it")


@scenario("belgium")
async def forward_with_a_copy(net: Net) -> None:
    """Mail goes elsewhere, and a copy stays with who names himself too."""
    await net.account("forward", "ed@belgiannews.com", "ann@unige.ch", "ed@belgiannews.com")
    await (await net.send("luc@eunet.be", "ed@belgiannews.com", subject="to both")).delivered()
    await net.clock.advance("1m")
    (await net.mailbox("ed@belgiannews.com")).holds("to both")
    (await net.mailbox("ann@unige.ch")).holds("to both")


@scenario("belgium")
async def full_mailbox_waits_for_room(net: Net) -> None:
    """Over quota is a temporary failure (4.2.2): the queue tries again, and the mail comes once there is room."""
    await net.account("quota", "ed@belgiannews.com", quota=1_000)
    await (await net.send("ann@unige.ch", "ed@belgiannews.com", subject="first")).delivered()
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="second", body="much\n" * 200)
    await mail.held_at("mail.belgiannews.com")
    async with net.pop3("ed@belgiannews.com") as pop:
        await pop.delete(1)
    await net.account("quota", "ed@belgiannews.com", quota=10_000)
    await mail.delivered(within="2h")
    (await net.mailbox("ed@belgiannews.com")).holds("second")
