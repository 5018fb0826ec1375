"""A domain without any MX: the mail goes to the host of the domain's own name."""

from lab.scenario import Net, scenario


@scenario("null-and-implicit-mx")
async def implicit_mx(net: Net) -> None:
    (await net.dig("implicit.be", "MX")).says()
    mail = await net.send("ann@unige.ch", "ivy@implicit.be", subject="hello")
    await mail.delivered(within="1m")
    mail.took("MX implicit.be 0 implicit.be", "implicit.be 250")
    mail.tried("implicit.be")
