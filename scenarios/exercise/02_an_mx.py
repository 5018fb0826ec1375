"""Step 2: an MX says who takes your mail, and that host knows your people."""

from lab.scenario import Net, scenario, yours


@scenario("belgium")
async def an_mx(net: Net) -> None:
    first, *_ = await yours.exchangers(net)
    host, person = yours.mail_host(net, first.host), yours.person(net)
    async with net.dialogue(host.name) as smtp:
        await smtp.expects("220")
        await smtp.says("HELO student", "250")
        await smtp.says("MAIL FROM:<student@student.org>", "250")
        await smtp.says(f"RCPT TO:<{person}>")
        reply = await smtp.hears()
    if not reply.startswith("250"):
        raise yours.Missing(f"{host.name} does not take mail for {person}; it says {reply}")
