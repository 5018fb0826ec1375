"""Whatever a stranger says to servers that are told to do wrong, they do what they were told and nothing worse."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from lab.events import ProgramCrashed
from lab.scenario import Net
from tests.faults.world import NEWS, ZONE, play, struck, told

SERVER = "ns.belgiannews.com"
STAGES = ("connect", "helo", "starttls", "mail", "rcpt", "data", "dot", "quit")
SAID = (
    b"EHLO pc.unige.ch\r\n",
    b"MAIL FROM:<ann@unige.ch>\r\n",
    b"RCPT TO:<ed@belgiannews.com>\r\n",
    b"DATA\r\n",
    b"Subject: hi\r\n\r\nhello\r\n.\r\n",
    b"STARTTLS\r\n",
    b"QUIT\r\n",
    b"MAIL FROM:<",
    b"\x00\xff\r\n",
    b"\n",
    b"x" * 3_000,
)
ASKED = (
    b"",
    b"\0" * 11,
    b"\0" * 12,
    b"\xff" * 40,
    b"\7\7\1\0\0\1\0\0\0\0\0\0\3www\3org\0\0\1\0\1",
    b"\0\0\1\0\0\1",
)


@pytest.mark.parametrize("seed", range(4))
def test_any_dialogue_with_any_faults_ends_and_no_server_crashes(seed: int) -> None:
    chance = Random(seed)

    async def talk(net: Net) -> None:
        async with net.dialogue(NEWS) as typed:
            for octets in chance.choices(SAID, k=12):
                typed.writer.write(octets)
                await asyncio.sleep(chance.choice((0, 0, 1, 30)))
            chance.choice((typed.writer.write_eof, typed.writer.transport.abort, lambda: None))()
            await asyncio.sleep(1)

    async def story(net: Net) -> None:
        for _ in range(25):
            how = chance.choice(("stall", "reset", "reply 421", "reply 550", "reply 451"))
            await net.fail(NEWS, f"{how} at {chance.choice(STAGES)}{chance.choice(('', ' once'))}")
            await net.fail(NEWS, f"hide {chance.choice(('STARTTLS', 'PIPELINING', 'SIZE'))} twice")
            talks = [asyncio.ensure_future(talk(net)) for _ in range(3)]
            await net.clock.advance("3m")
            if chance.random() < 0.5:
                await net.heal(NEWS)
            await asyncio.gather(*talks, return_exceptions=True)
        await net.heal()
        await net.clock.advance("1h")
        assert struck(net)
        assert told(net, ProgramCrashed) == []
        await (await net.send("ann@unige.ch", "ed@belgiannews.com", subject="at last")).delivered()

    play(story)


@pytest.mark.parametrize("seed", range(4))
def test_any_octets_to_a_name_server_with_any_faults_crash_nothing(seed: int) -> None:
    chance = Random(seed)
    kinds = ("servfail", "refused", "timeout", "lame", "wrong-glue", "truncated", "slow 2s", "no-tcp")

    async def story(net: Net) -> None:
        address = net.internet.host(SERVER).addresses[0]
        student = net.internet.fabric.hosts[net.internet.host("student").name]

        async def throw() -> None:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(address, 53))
            for octets in chance.choices(ASKED, k=20):
                transport.sendto(octets + chance.randbytes(chance.choice((0, 0, 3))))
            await asyncio.sleep(5)
            transport.close()

        for _ in range(20):
            words = chance.choice(kinds)
            scope = chance.choice(("", f" for {ZONE}", " once")) if words != "no-tcp" else ""
            await net.fail(SERVER, f"{words}{scope}")
            await student.spawn(throw())
            await net.dig(ZONE, "MX", server=SERVER)
            if chance.random() < 0.3:
                await net.heal(SERVER)
        await net.heal()
        assert (await net.dig(ZONE, "MX", server=SERVER)).rcode == "NOERROR"
        assert told(net, ProgramCrashed) == []

    play(story)
