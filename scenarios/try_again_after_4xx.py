"""451 means not now: the mail waits in the queue, and the next try succeeds."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def try_again_after_4xx(net: Net) -> None:
    net.reply("mail.unige.ch", 451, at="rcpt", times=1)
    mail = await net.send("luc@eunet.be", "ann@unige.ch", subject="patience")
    await mail.queued()
    await mail.delivered(within="10m")
    mail.took("mail.unige.ch 451", "relay.eunet.be waits tries again in 5 min", "mail.unige.ch 250")


@scenario("belgium")
async def the_next_exchanger_may_take_it_now(net: Net) -> None:
    """451 from the preferred exchanger: the next one in the list is asked at once."""
    net.reply("mail.belgiannews.com", 451, at="rcpt", times=1)
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="patience")
    await mail.delivered(within="1m")
    mail.took("mail.belgiannews.com 451", "relay.eunet.be 250", "mail.belgiannews.com 250")
