"""Step 4: a second exchanger stands behind the first, with a higher number."""

from lab.scenario import Net, scenario, yours


@scenario("belgium")
async def a_second_exchanger(net: Net) -> None:
    await yours.delegated(net)
    primary, _ = await yours.pair(net)
    mail = await yours.write(net)
    await yours.arrived(mail, "10m", f"mail does not arrive at {primary.name}; its journey says why.")
    mail.tried(primary.name)
