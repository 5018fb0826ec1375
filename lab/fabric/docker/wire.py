"""The streams of an attached container, told apart.

The rule: an engine sends standard output and standard error over one connection, each piece behind a header of
eight octets: the stream's number, three zeros, and the length (Docker Engine API, "Attach to a container").
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

_HEADER = struct.Struct(">BxxxI")
_STDERR = 2

Heard = Callable[[bytes], None]
_IDLE_S, _BETWEEN_S, _TRIES = 10, 5, 4


def watched(sock: Any) -> socket.socket:
    """An attached connection, for a loop. One to another machine notices within half a minute that it is gone."""
    sock.settimeout(None)
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        with suppress(AttributeError):  # options of Linux
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _BETWEEN_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _TRIES)
    found: socket.socket = sock
    return found


class End(Protocol):
    """Whoever listens to a container: its output, its errors, and that nothing more comes."""

    def feed(self, octets: bytes) -> None: ...

    def grumble(self, octets: bytes) -> None: ...

    def lose(self) -> None: ...


class Streams:
    """Feed octets as they come; whole pieces go to `out` and `err`."""

    def __init__(self, out: Heard, err: Heard) -> None:
        self._out = out
        self._err = err
        self._rest = b""

    def feed(self, octets: bytes) -> None:
        data, start = self._rest + octets, 0
        while len(data) - start >= _HEADER.size:
            number, length = _HEADER.unpack_from(data, start)
            end = start + _HEADER.size + length
            if end > len(data):
                break
            (self._err if number == _STDERR else self._out)(data[start + _HEADER.size : end])
            start = end
        self._rest = data[start:]


class Attached(asyncio.Protocol):
    """A line's wire to a container. `over` is called when the engine hangs up: the container has ended."""

    transport: asyncio.Transport

    def __init__(self, streams: Streams, over: Callable[[], None], keep: Any) -> None:
        self._streams = streams
        self._over = over
        self._keep = keep
        """What owns the connection in the SDK, and would close it."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._streams.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._keep.close()  # a socket is open for as long as a file that was made of it
        self._over()

    def write(self, octets: bytes) -> None:
        self.transport.write(octets)

    def close(self) -> None:
        self.transport.close()
