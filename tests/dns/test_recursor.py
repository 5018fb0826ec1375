"""A resolver's front: what it says again, without thinking, is what it would say if it thought."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from lab.dns.authority import Authority
from lab.dns.recursor import Recursor
from lab.dns.server import Asker
from lab.dns.zones import Zones
from lab.wire.dns import Edns, Message, Question, decode, encode
from tests.dns.internet import Internet, internet, name

ASKER = Asker("198.18.3.9")
QUESTIONS = (
    ("belgiannews.com", "MX"),
    ("mail.belgiannews.com", "A"),
    ("www.belgiannews.com", "A"),
    ("no.be", "MX"),
)


def recursor(world: Internet, serves: tuple[str, ...] = ()) -> Recursor:
    def spawn(work: Coroutine[Any, Any, Any], name: str) -> None:
        work.close()
        raise AssertionError(f"{name}: nobody has to be asked any more")

    return Recursor(world.resolver(), spawn, Authority(Zones({})), serves)


def forgetful(other: Recursor) -> Recursor:
    """The same with the same memory of the DNS, but none of what it has said."""
    return Recursor(other.resolver, other.spawn, other.authority, other.serves)


def said(by: Recursor, octets: bytes, asker: Asker = ASKER) -> bytes:
    replies: list[bytes] = []
    by.respond(octets, asker, replies.append)
    [reply] = replies
    return reply


def question(text: str, type: str, number: int = 1, spelled: bytes = b"", **more: object) -> bytes:
    return encode(Message(number, question=Question(name(text), type, spelled=spelled), **{"rd": True, **more}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "type"), QUESTIONS)
@pytest.mark.parametrize("edns", [None, Edns(), Edns(do=True), Edns(payload=512)])
def test_a_reply_from_memory_is_the_reply_octet_for_octet(text: str, type: str, edns: Edns | None) -> None:
    world = internet()
    here = recursor(world)
    asyncio.run(here.resolver.resolve(name(text), type))
    for number, seconds in enumerate((0.0, 0.2, 0.5, 0.9, 1.0, 30.0)):
        world.time.seconds += seconds
        octets = question(text, type, number, edns=edns)
        assert said(here, octets) == said(forgetful(here), octets)


def test_a_reply_from_memory_has_the_id_and_the_spelling_of_its_query() -> None:
    here = recursor(internet())
    asyncio.run(here.resolver.resolve(name("belgiannews.com"), "MX"))
    said(here, question("belgiannews.com", "MX", 7))
    octets = question("belgiannews.com", "MX", 4711, b"\x0bBelgianNEWS\x03cOm\0")
    reply = decode(said(here, octets))
    assert (reply.id, reply.question and reply.question.spelled) == (4711, b"\x0bBelgianNEWS\x03cOm\0")
    assert reply == replace(decode(said(forgetful(here), octets)), question=reply.question)


def test_a_time_to_live_goes_down_in_what_is_said_again() -> None:
    world = internet()
    here = recursor(world)
    asyncio.run(here.resolver.resolve(name("belgiannews.com"), "MX"))
    octets = question("belgiannews.com", "MX")
    first = decode(said(here, octets)).answer[0].ttl
    world.time.seconds += 100
    assert decode(said(here, octets)).answer[0].ttl == first - 100


def test_nothing_is_said_again_to_a_stranger() -> None:
    here = recursor(internet(), serves=("198.18.3.0/24",))
    asyncio.run(here.resolver.resolve(name("belgiannews.com"), "MX"))
    octets = question("belgiannews.com", "MX")
    assert [decode(said(here, octets, Asker(who))).rcode for who in ("198.18.3.9", "198.18.5.9")] == [
        "NOERROR",
        "REFUSED",
    ]


def test_what_was_flushed_is_not_said_again() -> None:
    here = recursor(internet())
    asyncio.run(here.resolver.resolve(name("belgiannews.com"), "MX"))
    octets = question("belgiannews.com", "MX")
    said(here, octets)
    here.resolver.cache.flush()
    with pytest.raises(AssertionError, match="has to be asked"):
        said(here, octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x12\x34\x01\x00" + bytes(8),
        b"\x12\x34\x01\x00" + bytes(7) + b"\x01" + bytes(11),
        b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x03www",
        encode(Message(0x1234, rd=True, question=Question(name("a.com"), "TSIG", spelled=b"\1A\3COM\0"))),
        encode(Message(0x1234, rd=True, question=Question(name("a.com"), "A"), edns=Edns(version=1))),
    ],
)
def test_a_refusal_has_the_id_of_its_query_however_often_it_comes(octets: bytes) -> None:
    here = recursor(internet())
    for number in range(4):
        query = number.to_bytes(2, "big") + octets[2:]
        reply = decode(said(here, query))
        assert (reply.id, reply.rcode in ("FORMERR", "NOTIMP", "BADVERS")) == (number, True)
        if reply.question is not None:
            assert reply.question.spelled == query[12 : 12 + len(reply.question.spelled)]
