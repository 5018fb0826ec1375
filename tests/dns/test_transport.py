"""Questions over real sockets on loopback: what counts as their answer (R13), and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from lab.dns.authority import Authority
from lab.dns.server import Asker, Reply, Responder, listen
from lab.dns.transport import Network, spelled
from lab.names import Address
from lab.wire.dns import Malformed, Message, Question
from tests.dns.internet import NEWS_TEXT, authority, name

HERE = Address("127.0.0.1")
MX = Question(name("belgiannews.com"), "MX")


@asynccontextmanager
async def serving(responder: Responder) -> AsyncIterator[Network]:
    listening = await listen(responder, HERE, 0)
    try:
        yield Network(Random(1), listening.datagrams.get_extra_info("sockname")[1])
    finally:
        listening.close()
        await asyncio.sleep(0)


async def ask(network: Network, tcp: bool = False, timeout: float = 5.0) -> Message:
    return await network.ask(HERE, MX, timeout, rd=False, edns=True, tcp=tcp)


@pytest.fixture
def news() -> Authority:
    return authority({"belgiannews.com": NEWS_TEXT})


@pytest.mark.parametrize("tcp", [False, True])
async def test_an_authority_answers_over_udp_and_tcp(news: Authority, tcp: bool) -> None:
    async with serving(news.respond) as network:
        reply = await ask(network, tcp)
    assert reply.aa
    assert [record.data.text() for record in reply.answer] == ["5 mail.belgiannews.com.", "10 relay.eunet.be."]


async def test_a_server_that_says_no_more_than_that_it_could_not_read_is_heard() -> None:
    def complain(octets: bytes, asker: Asker, reply: Reply) -> None:
        reply(octets[:2] + b"\x80\x01" + bytes(8))

    async with serving(complain) as network:
        replies = [await ask(network) for _ in range(3)]
    assert [reply.rcode for reply in replies] == ["FORMERR"] * 3


def _other_id(octets: bytes) -> bytes:
    return bytes((octets[0] ^ 1,)) + octets[1:]


def _other_case(octets: bytes) -> bytes:
    return octets[:12] + octets[12:29].swapcase() + octets[29:]


def _other_name(octets: bytes) -> bytes:
    return octets[:13] + b"Y" + octets[14:]


def _a_query(octets: bytes) -> bytes:
    return octets[:2] + bytes((octets[2] & 0x7F,)) + octets[3:]


def _no_question(octets: bytes) -> bytes:
    """Whoever does not know how the name was spelled might leave it out."""
    lie = b"\0\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04"
    return octets[:4] + b"\0\0\0\x01\0\0\0\0" + lie


_FORGERIES = [_other_id, _other_case, _other_name, _a_query, _no_question, lambda octets: octets[:1]]


@pytest.mark.parametrize("forge", _FORGERIES)
async def test_r13_a_forged_answer_is_passed_over_for_the_true_one(
    news: Authority, forge: Callable[[bytes], bytes]
) -> None:
    def respond(octets: bytes, asker: Asker, reply: Reply) -> None:
        true = news.reply_to(octets)
        assert true is not None
        reply(forge(true))
        reply(true)

    async with serving(respond) as network:
        assert len((await ask(network)).answer) == 2


async def test_an_answer_that_cannot_be_read_is_malformed(news: Authority) -> None:
    def respond(octets: bytes, asker: Asker, reply: Reply) -> None:
        reply((news.reply_to(octets) or b"")[:-3])

    async with serving(respond) as network:
        with pytest.raises(Malformed):
            await ask(network)


async def test_silence_is_a_timeout() -> None:
    async with serving(lambda octets, asker, reply: None) as network:
        with pytest.raises(TimeoutError):
            await ask(network, timeout=0.01)


async def test_nobody_there_is_refused(news: Authority) -> None:
    async with serving(news.respond) as network:
        pass
    for tcp in (False, True):
        with pytest.raises(ConnectionRefusedError):
            await ask(network, tcp)


def test_r13_letters_are_spelled_by_chance_and_nothing_else_changes() -> None:
    wire = b"\x05abc-9\x02\xff\x00\x03com\0"
    spellings = {spelled(wire, Random(seed)) for seed in range(2000)}
    assert len(spellings) == 2**6
    assert {spelling.lower() for spelling in spellings} == {wire}
