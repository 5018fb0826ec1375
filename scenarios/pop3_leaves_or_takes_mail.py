"""A mail program fetches by POP3: what it only reads is there again next time, what it deletes is gone."""

from lab.scenario import Net, Unmet, scenario


@scenario("belgium")
async def pop3_leaves_or_takes_mail(net: Net) -> None:
    for subject in ("one", "two"):
        await (await net.send("ann@unige.ch", "ed@belgiannews.com", subject=subject)).delivered()

    async with net.pop3("ed@belgiannews.com") as pop:
        letter = await pop.fetch(1)
        if b"Subject: one\r\n" not in letter:
            raise Unmet("the first message to be 'one'", letter.decode())
        left = await pop.uids()
    (await net.mailbox("ed@belgiannews.com")).holds("one", "two")

    async with net.pop3("ed@belgiannews.com", tls=True) as pop:
        if await pop.uids() != left:
            raise Unmet("the same messages under the same names", str(await pop.uids()))
        await pop.fetch(1)
        await pop.delete(1)
    (await net.mailbox("ed@belgiannews.com")).holds("two")


@scenario("belgium")
async def a_look_costs_less_than_the_whole(net: Net) -> None:
    """TOP fetches a header, RETR everything: the octets are counted."""
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="long", body="line\n" * 2_000)
    await mail.delivered()
    async with net.pop3("ed@belgiannews.com") as pop:
        await pop.top(1)
        looked = pop.octets
        await pop.fetch(1)
        if not looked < 1_500 < 10_000 < pop.octets:
            raise Unmet("a look to cost less than a tenth of the whole", f"{looked} of {pop.octets} octets")
