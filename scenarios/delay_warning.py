"""After four hours in the queue the sender is told that it takes longer; the mail itself is not given up."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def delay_warning(net: Net) -> None:
    with net.failing("mail.unige.ch", "silent"):
        mail = await net.send("luc@eunet.be", "ann@unige.ch", subject="no hurry")
        await mail.queued()
        await net.clock.advance("3h 50m")
        mail.not_warned()
        await mail.warned(within="20m")

    await mail.delivered(within="2h")
    mail.took("mail.unige.ch timed out", "relay.eunet.be warns the sender", "mail.unige.ch 250")
    assert len((await net.mailbox("luc@eunet.be")).messages) == 1, "one warning, and no more"
