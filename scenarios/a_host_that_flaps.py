"""An exchanger that is down for 40 minutes of every hour still gets its mail: each message once."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def a_host_that_flaps(net: Net) -> None:
    net.fail("mail.belgiannews.com", lasting="40m", every="1h")
    net.fail("relay.eunet.be", "silent", after="20m", lasting="30m", every="50m")
    subjects = [f"story {number}" for number in range(6)]
    mails = []
    for subject in subjects:
        mails.append(await net.send("ann@unige.ch", "ed@belgiannews.com", subject=subject))
        await net.clock.advance("25m")
    for mail in mails:
        await mail.delivered(within="12h")
    assert sorted((await net.mailbox("ed@belgiannews.com")).subjects) == subjects


@scenario("belgium")
async def one_recipient_in_three_is_put_off(net: Net) -> None:
    """451 by chance, from the same seed always to the same recipients: who comes again is let in."""
    net.fail("mail.unige.ch", "chance 33% reply 451 at rcpt")
    mails = [await net.send("luc@eunet.be", "ann@unige.ch", subject=f"letter {number}") for number in range(9)]
    await net.clock.advance("4m")
    waits = len(await net.queue("relay.eunet.be"))
    assert 0 < waits < 9
    for mail in mails:
        await mail.delivered(within="12h")
    net.note(f"{waits} of 9 were put off")
