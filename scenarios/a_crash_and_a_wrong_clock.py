"""A host crashes with mail in its queue, and is back by itself: what was accepted is delivered."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def a_crash_loses_no_mail(net: Net) -> None:
    net.fail("mail.belgiannews.com", lasting="3h")
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="kept")
    await mail.held_at("relay.eunet.be")
    net.fail("relay.eunet.be", "crash", lasting="10m")
    await net.clock.advance("1h")
    await mail.delivered(within="12h")


@scenario("belgium")
async def a_clock_six_days_ahead_gives_up_early(net: Net) -> None:
    """A queue's patience is read off its host's clock: set six days on, the mail is too old at the next try."""
    net.fail("mail.unige.ch")
    mail = await net.send("luc@eunet.be", "ann@unige.ch", subject="too late")
    await net.clock.advance("1h")
    net.fail("relay.eunet.be", "clock +6d")
    await mail.bounced("4.4.7", within="2h")
