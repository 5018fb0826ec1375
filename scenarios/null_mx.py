"""A domain says with a null MX that it takes no mail: the sender is told at once, and nobody is dialled."""

from lab.scenario import Net, scenario


@scenario("null-and-implicit-mx")
async def null_mx(net: Net) -> None:
    (await net.dig("silent.be", "MX")).says("0 .")
    mail = await net.send("ann@unige.ch", "anyone@silent.be", subject="hello?")
    await mail.bounced("5.1.10", within="1m")
    mail.tried()
    mail.took(
        "MX silent.be no exchanger", "mail.unige.ch gives up on anyone@silent.be", "sends a bounce to ann@unige.ch"
    )
    mail.is_because("D201")
