"""Switzerland and Belgium cannot reach each other; when the line is back, what waited comes over."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def partition(net: Net) -> None:
    with net.partition(["unige.ch"], ["belgiannews.com", "eunet.be"]):
        abroad = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="over the border")
        at_home = await net.send("luc@eunet.be", "ed@belgiannews.com", subject="next door")
        await at_home.delivered(within="5m")
        await abroad.queued(within="10m")
        abroad.is_because("D126")

    await abroad.delivered(within="2h")
    (await net.mailbox("ed@belgiannews.com")).holds("next door", "over the border")
