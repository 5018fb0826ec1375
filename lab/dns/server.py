"""Port 53: datagrams and streams in, a responder's octets out.

The rule: a server is a `Responder`, a function from a query's octets to the octets to send back, now or later;
these protocols know nothing of DNS but its framing. An idle listener is one small object: there may be a
hundred thousand of them.

Law: RFC 7766 §5 (TCP is as good as UDP), §6.2.1 (several queries a connection, answered in any order), §6.2.3
(the idle are closed), §8 (length and message in one write; either may arrive in pieces).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from lab.values import dataclass, made_often

PORT = 53
IDLE_SECONDS = 30.0
AT_ONCE = 100
"""Pipelined queries that are answered before others have their turn."""

Reply = Callable[[bytes], None]


@made_often
@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and over what: the answer's size hangs on it."""

    address: str
    stream: bool = False


Responder = Callable[[bytes, Asker, Reply], None]
"""Answer by calling the reply, once or not at all; never raises."""


class Datagrams(asyncio.DatagramProtocol):
    """The UDP side."""

    __slots__ = ("_responder", "_transport")

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, octets: bytes, peer: Any) -> None:
        assert self._transport is not None
        self._responder(octets, Asker(peer[0]), partial(self._transport.sendto, addr=peer))


class Framing:
    """Messages out of a stream: two octets of length, then the message (RFC 1035 §4.2.2)."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """The messages that are complete now."""
        buffer, found = self._buffer, []
        buffer += octets
        while len(buffer) >= 2 and len(buffer) >= 2 + (length := buffer[0] << 8 | buffer[1]):
            found.append(bytes(buffer[2 : 2 + length]))
            del buffer[: 2 + length]
        return found


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


class Stream(asyncio.Protocol):
    """The TCP side: one connection. Who does not read the answers is not heard any further."""

    __slots__ = ("_asker", "_framing", "_held", "_responder", "_timer", "_transport", "_turn", "_unheard")

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._framing = Framing()
        self._asker = Asker("", stream=True)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unheard: deque[bytes] = deque()
        self._held = False
        self._turn: asyncio.Handle | None = None
        """The next one, while there is more unheard than others should wait for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._asker = Asker(peer[0] if peer else "", stream=True)
        self._wait()

    def data_received(self, octets: bytes) -> None:
        if whole := self._framing.feed(octets):
            self._wait()  # an octet now and then is no query
        self._unheard.extend(whole)
        if self._turn is None and not self._held:
            self._hear()

    def _hear(self) -> None:
        """So many queries; the rest in a turn of its own, and nothing is read before that."""
        self._turn = None
        for _ in range(AT_ONCE):
            if self._held or not self._unheard:
                break
            self._responder(self._unheard.popleft(), self._asker, self._reply)
        if self._unheard and not self._held:
            self._turn = asyncio.get_running_loop().call_soon(self._hear)
        self._read(not self._unheard and not self._held)

    def _read(self, on: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.resume_reading if on else self._transport.pause_reading)()

    def pause_writing(self) -> None:
        self._held = True
        self._read(False)

    def resume_writing(self) -> None:
        self._held = False
        if self._turn is None:
            self._hear()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unheard.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._turn is not None:
            self._turn.cancel()

    def _reply(self, message: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framed(message))

    def _wait(self) -> None:
        """Begin to wait for the next query."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = patiently(IDLE_SECONDS, self._idle)

    def _idle(self) -> None:
        if self._transport is not None:
            self._transport.abort() if self._held else self._transport.close()


def patiently(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    """A timer that lab time does not run ahead for, where the loop can tell it apart."""
    loop = asyncio.get_running_loop()
    later: Callable[..., asyncio.TimerHandle] = getattr(loop, "call_patiently", loop.call_later)
    return later(seconds, call)


@dataclass(slots=True)
class Listening:
    """What a server listens with."""

    datagrams: asyncio.DatagramTransport
    streams: asyncio.Server

    def close(self) -> None:
        self.datagrams.close()
        self.streams.close()


async def listen(responder: Responder, address: str = "", port: int = PORT) -> Listening:
    """Answer on UDP and TCP; address "" is every address of the ambient host, port 0 one that is free."""
    streams = await listen_for_streams(responder, address, port)
    if port == 0:
        port = streams.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(responder), local_addr=(address, port))
    return Listening(transport, streams)


async def listen_for_streams(responder: Responder, address: str = "", port: int = PORT) -> asyncio.Server:
    """The same on TCP alone."""
    return await asyncio.get_running_loop().create_server(lambda: Stream(responder), address or None, port)
