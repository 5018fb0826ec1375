"""Two exchangers are equal: chance shares the mail between them, and a better one, while it is up, gets it all."""

from lab.scenario import Net, scenario

EQUALS = ["north.relays.net", "south.relays.net"]


@scenario("three-exchangers")
async def three_exchangers_two_equal(net: Net) -> None:
    for subject in ("one", "two", "three"):
        mail = await net.send("ann@unige.ch", "ed@newsroom.be", subject=subject)
        await mail.delivered(within="1m")
        mail.tried("mail.newsroom.be")

    net.fail("mail.newsroom.be")
    mails = []
    for n in range(16):
        mails.append(await net.send("ann@unige.ch", "ed@newsroom.be", subject=f"story {n}"))
        await mails[-1].held_at("north.relays.net", or_at="south.relays.net")
    holders = {mail.journey.fates[0].host for mail in mails}
    assert sorted(holders) == EQUALS, "each of the equals gets some of it"

    net.fail("north.relays.net")
    last = await net.send("ann@unige.ch", "ed@newsroom.be", subject="one of them is enough")
    await last.held_at("south.relays.net")
    net.heal()
    for mail in [*mails, last]:
        await mail.delivered(within="2h")
