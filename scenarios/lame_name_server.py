"""The newspaper's name server does not have its zone: mail waits, and does not come back, until that is mended."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def lame_name_server(net: Net) -> None:
    """A lame delegation is a trouble that may pass: SERVFAIL, not "no such domain" (RFC 5321 §5.1)."""
    with net.failing("ns.belgiannews.com", "lame"):
        looked_up = await net.dig("belgiannews.com", "MX", server="ns.belgiannews.com")
        assert not looked_up.authoritative
        looked_up.says()
        assert (await net.dig("belgiannews.com", "MX")).rcode == "SERVFAIL"
        mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="where are you?")
        await mail.queued()
        await net.clock.advance("2h")
        await mail.queued()
    await mail.delivered(within="3h")
    mail.tried("mail.belgiannews.com")


@scenario("belgium")
async def glue_that_leads_astray(net: Net) -> None:
    """The registry hands out an address that the newspaper's name server has left."""
    net.fail("ns.com", "wrong-glue for belgiannews.com")
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="wrong door")
    await mail.queued()
    net.heal("ns.com")
    await mail.delivered(within="1d")
