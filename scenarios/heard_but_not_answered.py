"""A way that leads there and not back: both hosts are up, and no connection comes about in either direction."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def heard_but_not_answered(net: Net) -> None:
    net.cut(["mail.unige.ch"], ["mail.belgiannews.com"], one_way=True, lasting="2h")
    there = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="there")
    back = await net.send("ed@belgiannews.com", "ann@unige.ch", subject="back")
    await there.delivered(within="10m")  # the SYN is lost: the backup is asked, and has a way to the host
    there.took("mail.belgiannews.com timed out", "relay.eunet.be 250", "mail.belgiannews.com 250")
    await back.queued()  # the SYN arrives, and its answer is lost
    await back.delivered(within="6h")
    assert net.elapsed > 2 * 3600
