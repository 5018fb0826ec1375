"""Nobody ever answers: after five days of tries the sender's host gives up and sends the mail back."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def five_days_and_give_up(net: Net) -> None:
    net.fail("mail.unige.ch")
    mail = await net.send("luc@eunet.be", "ann@unige.ch", subject="are you there?")
    await mail.queued()
    await net.clock.advance("4d 23h")
    await mail.queued()
    await mail.bounced("4.4.", within="2h")
    mail.took(
        "mail.unige.ch refused",
        "relay.eunet.be more tries each refused",
        "gives up on ann@unige.ch",
        "sends a bounce",
    )
    assert len(mail.journey.steps) < 15, "five days read in a few lines"
