"""A UDP socket in memory, as an asyncio transport.

The rule is the kernel's: a datagram arrives whole, or not at all. When nobody has the port, or no host the
address, only a connected socket hears of it (`error_received`); to any other the datagram is just lost. A socket
on several addresses answers from the one it was asked at.
"""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, cast

from lab.fabric.rules import Packet, Verdict
from lab.fabric.stack import dialled, problem, source_among
from lab.fabric.stream import Socket
from lab.names import Address

if TYPE_CHECKING:
    from lab.fabric.host import Host
    from lab.fabric.memory import MemoryStack

LARGEST = 65507
"""Octets in a datagram over IPv4."""
_MANY = 1024
_UNBORN = asyncio.DatagramProtocol()
"""Stands in where there is no program yet."""


class DatagramEnd(asyncio.DatagramTransport):
    """A bound socket; `remote` is set when it is connected."""

    __slots__ = ("_asked_at", "_closing", "_context", "_name", "_protocol", "_stack", "places", "port", "remote")

    def __init__(
        self, stack: MemoryStack, context: Context, places: tuple[Address, ...], remote: Socket | None
    ) -> None:
        self._stack = stack
        self._context = context
        self._protocol = _UNBORN
        self._closing = False
        self._asked_at: dict[Socket, Address] | None = None if len(places) == 1 else {}
        """On which of its addresses it was asked by whom."""
        self.places = places
        self.remote = remote
        self.port = 0
        self._name: Socket = ("", 0)

    def open(self, protocol: asyncio.DatagramProtocol) -> None:
        self._protocol = protocol
        self._name = (self.places[0], self.port)
        protocol.connection_made(self)

    # -- sending ---------------------------------------------------------------------------------------------

    def sendto(self, data: Any, addr: Any = None) -> None:
        if type(data) is not bytes:
            data = _octets(data)
        to: Socket = self.remote or (addr[0], addr[1])
        if addr is not None and self.remote is not None and addr != to:
            raise ValueError(f"Invalid address: must be None or {to}")
        if self._closing:
            return
        near = self._stack.near(to[0])
        if near is not None and len(data) <= LARGEST:
            self._arrive(near, data, to, self._source(to))
            return
        try:
            self._send(data, to)
        except OSError as error:
            self._protocol.error_received(error)

    def _send(self, octets: bytes, to: Socket) -> None:
        """Where something may happen to it on its way, or somebody looks on."""
        if len(octets) > LARGEST:
            raise problem(errno.EMSGSIZE)
        network = self._stack.network
        target = network.places.get(to[0])
        if target is None:
            to = (dialled(to[0], self._stack.host.addresses), to[1])
            target = network.host_at(to[0])
        verdict = network.rules.verdict(self._stack.host, target, Packet.DATAGRAM)
        if network.wiretap.watches:
            self._show(octets, to, verdict)
        if verdict is Verdict.PASS and target is not None:
            self._carry(network.stack_of(target), octets, to)
        elif self.remote and (error := verdict.error(to[0])):
            network.loop.call_soon(self._hear, error, context=self._context)

    def _show(self, octets: bytes, to: Socket, verdict: Verdict) -> None:
        """Tell who listens that it leaves, and what comes back at once."""
        known = self.places[0] if self._asked_at is None else self._asked_at.get(to)
        with suppress(OSError):
            source = (known or source_among(self.places, to[0]), self.port)
            wiretap = self._stack.network.wiretap
            wiretap.datagram_left(source, to, octets)
            if verdict in (Verdict.REFUSE, Verdict.UNREACHABLE):
                wiretap.datagram_returned(source, to, octets, host=verdict is Verdict.REFUSE)

    def _carry(self, there: MemoryStack, octets: bytes, to: Socket) -> None:
        network, source = self._stack.network, self._source(to)
        line = network.rules.line(self._stack.host, there.host)
        if line is None:
            self._arrive(there, octets, to, source)
        elif (toll := line.toll(network.loop.time(), len(octets))) is not None:
            network.loop.call_later(toll, self._arrive, there, octets, to, source, context=network.context)

    def _source(self, to: Socket) -> Socket:
        if self._asked_at is None:
            return self._name
        return (self._asked_at.pop(to, None) or source_among(self.places, to[0]), self.port)

    def _arrive(self, there: MemoryStack, octets: bytes, to: Socket, source: Socket) -> None:
        network = self._stack.network
        wiretap, end = network.wiretap, there.socket_at(to)
        if wiretap.watches:
            wiretap.datagram_came(source, to, octets)
        if end is not None and (end.remote is None or end.remote == source):
            network.loop.call_soon(end.receive, octets, source, to[0], context=end._context)
            return
        if wiretap.watches:
            wiretap.datagram_returned(source, to, octets, host=True, later=self._way_back(there.host))
        if self.remote:
            refusal = problem(errno.ECONNREFUSED, to[0])
            network.loop.call_later(self._way_back(there.host), self._hear, refusal, context=self._context)

    def _way_back(self, target: Host) -> float:
        line = self._stack.network.rules.line(target, self._stack.host)
        return line.link.latency.total_seconds() if line else 0.0

    # -- receiving -------------------------------------------------------------------------------------------

    def receive(self, octets: bytes, source: Socket, at: str) -> None:
        if self._closing:
            return
        if self._asked_at is not None:
            self._remember(self._asked_at, source, Address(at))
        try:
            self._protocol.datagram_received(octets, source)
        except Exception as error:
            self._fail(error)

    def _remember(self, asked_at: dict[Socket, Address], source: Socket, at: Address) -> None:
        if len(asked_at) >= _MANY:
            asked_at.clear()
        asked_at[source] = at

    def _hear(self, error: OSError) -> None:
        if not self._closing:
            self._protocol.error_received(error)

    def _fail(self, error: Exception) -> None:
        message = "Fatal error: protocol.datagram_received() call failed."
        self._stack.network.loop.call_exception_handler(
            {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
        )
        self._leave(error)

    # -- the end ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        self._leave(None)

    def abort(self) -> None:
        self._leave(None)

    def vanish(self) -> None:
        """The power is gone: the program sees nothing any more."""
        self._closing = True

    def _leave(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._stack.udp.release(self.places, self.port)
        if type(self._protocol).connection_lost is not asyncio.BaseProtocol.connection_lost:
            self._stack.network.loop.call_soon(self._protocol.connection_lost, error, context=self._context)

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "sockname":
            return self._name
        return self.remote if name == "peername" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.DatagramProtocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol


def _octets(data: object) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
    return bytes(data)
