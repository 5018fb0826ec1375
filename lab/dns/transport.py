"""Questions over the ambient host's own sockets.

The rule: an answer counts only when everything fits that a forger would have to guess: the address it comes
from, our port, the ID, and the question in exactly the case in which we spelled it. What does not fit is not
an error but nothing: the true answer may still come.

Law: RFC 5452 §9 (fresh port, random ID, all matched), draft-vixie-dnsext-dns0x20 (the case of the letters),
RFC 7766 §5 and §8 (TCP), RFC 6891 §6.2.5 (1232 octets).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import lru_cache
from random import Random
from typing import Any, cast

from lab.dns.response import PAYLOAD, likeness, read_alike
from lab.dns.server import PORT, Framing, framed
from lab.names import Address
from lab.values import dataclass
from lab.wire.dns import Message, Question, decode, name_wire, query

_CASE_BIT = bytes(32 if 97 <= octet <= 122 else 0 for octet in range(256))
"""For each octet the bit that tells a small letter from a capital; 0 for what is no letter."""


def spelled(wire: bytes, rng: Random) -> bytes:
    """A name on the wire with each of its letters in either case, by chance."""
    size = len(wire)
    number, letters = _cases(wire)
    return (number ^ rng.getrandbits(8 * size) & letters).to_bytes(size, "big")


@lru_cache(maxsize=8192)
def _cases(wire: bytes) -> tuple[int, int]:
    """The octets as one number, and the bits in it that tell capitals from small letters. The length of a label
    is less than any letter's code."""
    return int.from_bytes(wire, "big"), int.from_bytes(wire.translate(_CASE_BIT), "big")


class _Waiting:
    """What both kinds of connection share: the query on its way, and what is due for it."""

    __slots__ = ("end", "query", "reply")

    def __init__(self, query: bytes, end: int, reply: asyncio.Future[bytes]) -> None:
        self.query = query
        self.end = end
        self.reply = reply

    def take(self, octets: bytes) -> None:
        """Octets that came: the reply if they fit the query, else nothing."""
        query = self.query
        if self.reply.done() or octets[:2] != query[:2] or len(octets) < 12 or not octets[2] & 0x80:
            return
        if octets[12 : self.end] == query[12 : self.end] or _says_only_that_it_failed(octets):
            self.reply.set_result(octets)

    def fail(self, error: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


def _says_only_that_it_failed(octets: bytes) -> bool:
    """No question, and an rcode that answers none: what a server says that could not read ours (RFC 8906 §3)."""
    return octets[4:6] == b"\0\0" and octets[3] & 15 not in (0, 3)


class _Datagram(_Waiting, asyncio.DatagramProtocol):
    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.sendto(self.query)  # type: ignore[attr-defined]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.take(data)

    def error_received(self, exc: Exception) -> None:
        self.fail(exc)

    def give_up(self) -> None:
        self.fail(TimeoutError())


class _Stream(_Waiting, asyncio.Protocol):
    __slots__ = ("framing",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.framing = Framing()
        cast(asyncio.Transport, transport).write(framed(self.query))

    def data_received(self, data: bytes) -> None:
        for message in self.framing.feed(data):
            self.take(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(exc or ConnectionResetError("it hung up without an answer"))


@dataclass(frozen=True, slots=True)
class Network:
    """Asks over UDP, from a fresh port each time, or over TCP. See `exchange.Transport` for what it raises."""

    rng: Random
    port: int = PORT

    def ask(
        self, address: Address, question: Question, timeout: float, *, rd: bool, edns: bool, tcp: bool
    ) -> Coroutine[Any, Any, Message]:
        wire = spelled(name_wire(question.name), self.rng)
        octets = query(self.rng.getrandbits(16), wire, question, rd=rd, edns=edns)
        way = self._over_tcp if tcp else self._over_udp
        return way(address, octets, 12 + len(wire) + 4, timeout)

    async def _over_udp(self, address: Address, octets: bytes, end: int, timeout: float) -> Message:
        loop = asyncio.get_running_loop()
        waiting = _Datagram(octets, end, loop.create_future())
        transport, _ = await loop.create_datagram_endpoint(lambda: waiting, remote_addr=(address, self.port))
        # A plain timer: half of what asyncio.timeout costs, and there is one for every question.
        timer = loop.call_later(timeout, waiting.give_up)
        try:
            return decode_reply(await waiting.reply)
        finally:
            timer.cancel()
            transport.close()

    async def _over_tcp(self, address: Address, octets: bytes, end: int, timeout: float) -> Message:
        loop = asyncio.get_running_loop()
        waiting = _Stream(octets, end, loop.create_future())
        async with asyncio.timeout(timeout):
            transport, _ = await loop.create_connection(lambda: waiting, address, self.port)
            try:
                return decode(await waiting.reply)
            finally:
                transport.close()


def decode_reply(octets: bytes) -> Message:
    """A reply that fits its query, taken apart. A server says the same to the same question, often and everywhere:
    what was read before is not read again when it comes with another ID and spelling."""
    return read_alike(likeness(octets, False)) if len(octets) <= PAYLOAD else decode(octets)
