"""Queries to an authority and a resolver on one host: each has one reply at most, and it fits.

The resolver's own questions are answered by the same octets, turned into a reply: what a wicked server would say.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

from lab.clock import LabClock, VirtualTime
from lab.dns.recursor import Recursor
from lab.dns.resolver import Resolver
from lab.dns.server import Asker
from lab.events import Event
from lab.names import Address, DomainName
from lab.wire.dns import Malformed, Message, Question, decode, encode
from tests.dns.internet import BE_TEXT, NEWS_TEXT, authority
from tests.fuzz.awaiting import awaited
from tests.fuzz.target import Target
from tests.fuzz.targets.dns_packet import packet, understood

_WILD = """
$TTL 60
@ SOA ns hostmaster 1 1 1 1 1
@ NS ns
ns A 198.18.0.9
* CNAME a.b
b DNAME ch.
*.sub MX 0 .
cut NS ns.cut
ns.cut A 198.18.0.9
"""
_AUTHORITY = authority({"be": BE_TEXT, "belgiannews.com": NEWS_TEXT, "unige.ch": _WILD})
_HINTS = ((DomainName("a.root"), (Address("198.18.0.1"),)),)


class Upstream:
    """Whoever is asked says the same, to the question that was asked."""

    def __init__(self, said: Message | None) -> None:
        self.time = VirtualTime()
        self._said = said
        self.asked = 0

    async def ask(self, address: Address, question: Question, timeout: float, **how: bool) -> Message:
        self.asked += 1
        self.time.seconds += 0.01
        if self._said is None:
            raise Malformed("what came", None)
        return replace(self._said, response=True, question=question)


def _recursor(upstream: Upstream, told: list[Event]) -> tuple[Recursor, list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    resolver = Resolver(upstream, LabClock(upstream.time), Random(1), _HINTS, told.append)
    loop = asyncio.get_running_loop()
    return Recursor(resolver, lambda work, name: tasks.append(loop.create_task(work)), _AUTHORITY), tasks


def _check(query: bytes, replies: list[bytes], stream: bool) -> None:
    asked = understood(query)
    assert len(replies) <= 1, "one query, two replies"
    if asked is None or asked.response:
        return
    [reply] = replies
    assert stream or len(reply) <= max(512, asked.edns.payload if asked.edns else 0)
    said = decode(reply)
    assert (said.id, said.response, said.rd) == (asked.id, True, asked.rd)


async def _asked(octets: bytes) -> None:
    told: list[Event] = []
    upstream = Upstream(understood(octets))
    recursor, tasks = _recursor(upstream, told)
    for stream in (False, True):
        replies: list[bytes] = []
        _AUTHORITY.respond(octets, Asker("198.18.9.9", stream), replies.append)
        _check(octets, replies, stream)
    replies = []
    recursor.respond(octets, Asker("198.18.9.9"), replies.append)
    await asyncio.gather(*tasks)
    _check(octets, replies, stream=False)
    await _told_a_client(recursor, tasks, octets)
    assert upstream.asked <= 3 * 64


async def _told_a_client(recursor: Recursor, tasks: list[asyncio.Task[None]], octets: bytes) -> None:
    """A client asks for a name of theirs, and for one of ours, after all that."""
    message = understood(octets)
    question = message.question if message is not None and message.question else None
    name = question.name if question else DomainName("www.unige.ch")
    replies: list[bytes] = []
    recursor.respond(
        encode(Message(7, rd=True, question=Question(name, "A"))), Asker("198.18.9.9"), replies.append
    )
    ours = encode(Message(8, rd=True, question=Question(DomainName("belgiannews.com"), "MX")))
    recursor.respond(ours, Asker("198.18.9.9"), replies.append)
    await asyncio.gather(*tasks)
    answers = {decode(reply).id: decode(reply) for reply in replies}
    assert set(answers) == {7, 8}
    assert len(answers[8].answer) == 2, answers[8]


def run(octets: bytes) -> None:
    awaited(_asked(octets))


TARGET = Target(run, packet, (encode(Message(1, rd=True, question=Question(DomainName("www.unige.ch"), "MX"))),))
