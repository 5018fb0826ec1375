"""Step 5: the first exchanger is unplugged, and the second one holds the mail."""

from lab.scenario import Net, scenario, yours


@scenario("belgium")
async def the_primary_unplugged(net: Net) -> None:
    primary, backup = await yours.pair(net)
    with net.failing(primary.name):
        mail = await yours.write(net, not_at=backup.name)
        await yours.held(mail, backup)
    mail.took(f"{primary.name} refused", f"{backup.name} 250")
