"""The newspaper moves its mail to a new name: until the TTL ends, resolvers go on naming the old one."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def stale_cache_after_mx_change(net: Net) -> None:
    first = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="before")
    await first.delivered(within="1m")
    net.edit_zone(
        "belgiannews.com",
        add=["post A 198.18.2.25", "@ MX 5 post"],
        remove=["@ MX 5 mail"],
    )
    (await net.dig("belgiannews.com", "MX", server="ns.belgiannews.com")).says(
        "5 post.belgiannews.com", "10 relay.eunet.be"
    )
    (await net.dig("belgiannews.com", "MX")).says("5 mail.belgiannews.com", "10 relay.eunet.be")
    second = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="meanwhile")
    await second.delivered(within="1m")
    second.tried("mail.belgiannews.com")
    second.is_because("D813")

    await net.clock.advance("5m")
    third = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="after")
    await third.delivered(within="1m")
    third.tried("post.belgiannews.com")
    third.took("MX belgiannews.com 5 post.belgiannews.com")
