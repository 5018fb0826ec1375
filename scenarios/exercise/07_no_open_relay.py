"""Step 7: your mail hosts take your mail, and carry nothing for strangers."""

from lab.scenario import Net, scenario, yours


@scenario("belgium")
async def no_open_relay(net: Net) -> None:
    primary, backup = await yours.pair(net)
    for host in (primary, backup):
        async with net.dialogue(host.name) as smtp:
            await smtp.expects("220")
            await smtp.says("HELO student", "250")
            await smtp.says("MAIL FROM:<stranger@somewhere.org>", "250")
            await smtp.says(f"RCPT TO:<{yours.person(net)}>", "250")
            await smtp.says("RCPT TO:<victim@elsewhere.org>")
            reply = await smtp.hears()
        if not reply.startswith("5"):
            refusal = "it is an open relay. Take its relay_networks out, or make them your own network."
            raise yours.Missing(f"{host.name} carries mail from strangers to strangers: {refusal}")
