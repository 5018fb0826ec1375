"""Step 6: the first exchanger is plugged in again, and the second one hands over what it held."""

from lab.scenario import Net, scenario, yours


@scenario("belgium")
async def the_backup_drained(net: Net) -> None:
    primary, backup = await yours.pair(net)
    with net.failing(primary.name):
        mail = await yours.write(net, not_at=backup.name)
        await yours.held(mail, backup)
    late = (
        f"a way from {backup.name} to {primary.name}: the one is back, and the other does not hand the mail over."
    )
    await yours.arrived(mail, "4h", late)
    mail.took(f"{primary.name} refused", f"{backup.name} 250", f"{primary.name} 250")
