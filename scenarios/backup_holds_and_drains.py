"""The newspaper's host is away for a day: the backup holds every message, and drains them all when it is back."""

from lab.scenario import Net, scenario

SUBJECTS = [f"story {n}" for n in range(1, 6)]


@scenario("belgium")
async def backup_holds_and_drains(net: Net) -> None:
    with net.failing("mail.belgiannews.com"):
        mails = [await net.send("ann@unige.ch", "ed@belgiannews.com", subject=subject) for subject in SUBJECTS]
        for mail in mails:
            await mail.held_at("relay.eunet.be")
        assert len(await net.queue("relay.eunet.be")) == len(SUBJECTS)
        await net.clock.advance("1d")
        assert len(await net.queue("relay.eunet.be")) == len(SUBJECTS)

    for mail in mails:
        await mail.delivered(within="2h")
        mail.took("relay.eunet.be 250", "mail.belgiannews.com 250")
    await net.clock.advance("1s")  # the backup hears of the last one a moment after it is delivered
    assert await net.queue("relay.eunet.be") == []
    assert sorted((await net.mailbox("ed@belgiannews.com")).subjects) == SUBJECTS
