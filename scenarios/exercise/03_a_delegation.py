"""Step 3: the zone above points to yours, so that the whole Internet finds you, and mail arrives."""

from lab.scenario import Net, scenario, yours


@scenario("belgium")
async def a_delegation(net: Net) -> None:
    await yours.zone_answers(net)
    await yours.delegated(net)
    mail = await yours.write(net)
    await yours.arrived(mail, "10m", f"mail from {mail.journey.sender} does not arrive; its journey says why.")
