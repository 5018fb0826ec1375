"""Step 1: a zone of your own answers when its name server is asked."""

from lab.scenario import Net, scenario, yours


@scenario("belgium")
async def a_zone(net: Net) -> None:
    await yours.zone_answers(net)
