"""Front doors: ports on the machine's own loopback that lead to services of the lab.

The rule: a door opens on loopback only, and what comes in leaves the student's host like any connection of the
lab: same links, same faults, and nothing but the lab can be reached. There are three kinds: TCP and UDP doors lead
to one service, a SOCKS5 door (RFC 1928) to all of them, with names resolved in the lab.

On `local` the lab lives in another network namespace, so `bind` comes before `namespace.enter`: a socket
stays where it was made. A connection that fails inside is reset outside; SOCKS says why.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, cast

from lab.errors import MachineSaidNo
from lab.fabric.host import Host
from lab.fabric.loop import LabLoop
from lab.fabric.socks import Dialogue, Reply, Target, answer, answer_for
from lab.names import Address
from lab.values import dataclass

LOOPBACK = "127.0.0.1"
_IDLE = 120.0
"""Seconds after which a UDP client's way back is forgotten."""
_MOST_WAYS = 1000
"""Ways back that a UDP door keeps open: each dig comes from a port of its own, and each way is an open file."""

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
"""The addresses of a name, as the student's resolver has them; none when it has none."""


@dataclass(frozen=True, slots=True)
class Door:
    """A way in: `port` 0 takes a free one. `to` and `service` are the address and port it leads to (not for
    SOCKS, which leads wherever it is told to)."""

    kind: Literal["tcp", "udp", "socks"]
    port: int = 0
    to: Address | None = None
    service: int = 0
    name: str = ""
    """What it is for, in the user's words: "mail.belgiannews.com smtp"."""


@dataclass(frozen=True, slots=True)
class BoundDoor:
    door: Door
    socket: socket.socket

    @property
    def port(self) -> int:
        """The port it really has."""
        port: int = self.socket.getsockname()[1]
        return port


def bind(doors: Sequence[Door]) -> list[BoundDoor]:
    """Take the doors' ports on loopback: all of them or, with MachineSaidNo, none."""
    bound: list[BoundDoor] = []
    try:
        for door in doors:
            bound.append(BoundDoor(door, _beside(door, bound) or _take(door)))
    except BaseException:
        close(bound)
        raise
    return bound


def close(doors: Sequence[BoundDoor]) -> None:
    for door in doors:
        door.socket.close()


def _beside(door: Door, bound: Sequence[BoundDoor]) -> socket.socket | None:
    """The port that the same service has by the other transport, if it is free: what UDP truncates is asked for
    again by TCP, at the same port (RFC 1035 §4.2.1)."""
    others = (one for one in bound if (one.door.to, one.door.service) == (door.to, door.service))
    port = next((one.port for one in others if one.door.kind != door.kind), 0) if door.port == 0 else 0
    try:
        return _take(replace(door, port=port)) if port else None
    except MachineSaidNo:
        return None


def _take(door: Door) -> socket.socket:
    kind = socket.SOCK_DGRAM if door.kind == "udp" else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.setblocking(False)
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, door.port))
        if kind == socket.SOCK_STREAM:
            sock.listen(128)
    except OSError as error:
        sock.close()
        raise _refused(door, error) from None
    return sock


def _refused(door: Door, error: OSError) -> MachineSaidNo:
    place = f"{'UDP' if door.kind == 'udp' else 'TCP'} port {door.port} of {LOOPBACK}"
    purpose = f", the front door of {door.name}," if door.name else ""
    if error.errno == errno.EADDRINUSE:
        return MachineSaidNo(
            f"{place}{purpose} is taken by another program of this machine.",
            remedy="Give the door another port, or port 0 for one that is free.",
            code="H012",
        )
    why = (error.strerror or "").lower()
    remedy = "Ports below 1024 are often kept for root: take a higher one." if door.port in range(1, 1024) else ""
    return MachineSaidNo(f"{place}{purpose} cannot be opened: {why}.", remedy=remedy, code="H012")


class Gateway:
    """The open doors of a lab. `student` is the host from which visitors leave."""

    def __init__(self, loop: LabLoop, student: Host, doors: Sequence[BoundDoor], resolve: Resolve) -> None:
        self.loop = loop
        self.student = student
        self.resolve = resolve
        self._doors = tuple(doors)
        self._open: list[asyncio.AbstractServer | asyncio.DatagramTransport] = []
        self._dialling: dict[asyncio.Task[None], None] = {}
        self.visitors: dict[_Half, None] = {}

    async def open(self) -> None:
        for bound in self._doors:
            if bound.door.kind == "udp":
                endpoint = await self.loop.create_datagram_endpoint(
                    lambda bound=bound: _UdpDoor(self, bound.door), sock=bound.socket
                )
                self._open.append(endpoint[0])
            else:
                kind = _SocksDoor if bound.door.kind == "socks" else _TcpDoor
                make = lambda kind=kind, bound=bound: kind(self, bound.door)  # noqa: E731
                self._open.append(await self.loop.create_server(make, sock=bound.socket))

    async def close(self) -> None:
        for door in self._open:
            door.close()
        for task in tuple(self._dialling):
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
        for visitor in tuple(self.visitors):
            visitor.transport.abort()
        await asyncio.sleep(0)
        close(self._doors)

    def inside(self, work: Any) -> None:
        """Do it as a program of the student's host."""
        task = self.loop.create_task(work, context=self.student.context.copy())
        self._dialling[task] = None
        task.add_done_callback(lambda task: self._dialling.pop(task, None))

    async def dial(self, address: Address, port: int, outer: _Half) -> _Half:
        """A connection in the lab, joined to the one outside."""
        inner: _Half
        _, inner = await self.loop.create_connection(_Half, address, port)
        inner.other, outer.other = outer, inner
        return inner


class _Half(asyncio.Protocol):
    """One side of a door; what it reads the other side writes."""

    transport: asyncio.Transport
    other: _Half | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other is not None and not self.other.transport.is_closing():
            with suppress(OSError):  # ENOTCONN: that side has gone already, both ways
                self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            other.transport.close() if error is None else other.reset()

    def reset(self) -> None:
        """End it the hard way, so that the peer sees "connection reset" and no polite end."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and not self.transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Visitor(_Half):
    """The outside half."""

    def __init__(self, gateway: Gateway, door: Door) -> None:
        self._gateway = gateway
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._gateway.visitors[self] = None

    def connection_lost(self, error: Exception | None) -> None:
        self._gateway.visitors.pop(self, None)
        super().connection_lost(error)


class _TcpDoor(_Visitor):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._gateway.inside(self._join())

    async def _join(self) -> None:
        assert self._door.to is not None
        try:
            await self._gateway.dial(self._door.to, self._door.service, self)
        except OSError:
            self.reset()
        else:
            self.transport.resume_reading()


class _SocksDoor(_Visitor):
    def __init__(self, gateway: Gateway, door: Door) -> None:
        super().__init__(gateway, door)
        self._dialogue: Dialogue | None = Dialogue()

    def data_received(self, data: bytes) -> None:
        if self._dialogue is None:
            super().data_received(data)
            return
        turn = self._dialogue.received(data)
        self.transport.write(turn.send)
        if turn.over:
            self.transport.close()
        elif turn.target is not None:
            rest, self._dialogue = self._dialogue.rest, None
            self.transport.pause_reading()
            self._gateway.inside(self._join(turn.target, rest))

    async def _join(self, target: Target, rest: bytes) -> None:
        try:
            inner = await self._reach(target)
        except OSError as error:
            self.transport.write(answer_for(error))
            self.transport.close()
        else:
            self.transport.write(answer(Reply.SUCCEEDED))
            inner.transport.write(rest)
            self.transport.resume_reading()

    async def _reach(self, target: Target) -> _Half:
        """The first of its addresses that can be reached."""
        addresses = [target.address] if target.address else await self._gateway.resolve(target.name)
        last: OSError = OSError(errno.EHOSTUNREACH, f"{target.name} has no address in this lab")
        for address in addresses:
            try:
                return await self._gateway.dial(address, target.port, self)
            except OSError as error:
                last = error
        raise last


class _UdpDoor(asyncio.DatagramProtocol):
    """Each client outside has an endpoint of its own inside, so that answers find their way back."""

    transport: asyncio.DatagramTransport

    def __init__(self, gateway: Gateway, door: Door) -> None:
        self._gateway = gateway
        self._door = door
        self._clients: dict[Any, _UdpWay] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        for way in tuple(self._clients.values()):
            way.end()

    def datagram_received(self, data: bytes, client: Any) -> None:
        if client not in self._clients:
            if len(self._clients) >= _MOST_WAYS:
                next(iter(self._clients.values())).end()
            self._clients[client] = way = _UdpWay(self, client)
            self._gateway.inside(self._join(way))
        self._clients[client].send(data)

    async def _join(self, way: _UdpWay) -> None:
        assert self._door.to is not None
        try:
            await self._gateway.loop.create_datagram_endpoint(
                lambda: way, remote_addr=(self._door.to, self._door.service)
            )
        except OSError:
            self.forget(way)

    def forget(self, way: _UdpWay) -> None:
        if self._clients.get(way.client) is way:
            del self._clients[way.client]

    def idle_after(self, way: _UdpWay) -> asyncio.TimerHandle:
        return self._gateway.loop.call_patiently(_IDLE, way.end)


class _UdpWay(asyncio.DatagramProtocol):
    """The inside end of one client of a UDP door."""

    def __init__(self, door: _UdpDoor, client: Any) -> None:
        self.client = client
        self._door = door
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: list[bytes] = []
        self._idle = door.idle_after(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        if self._idle.cancelled():
            self._transport.close()  # it ended before it began
            return
        for data in self._waiting:
            self._transport.sendto(data)
        self._waiting.clear()

    def send(self, data: bytes) -> None:
        self._idle.cancel()
        self._idle = self._door.idle_after(self)
        if self._transport is None:
            self._waiting.append(data)
        else:
            self._transport.sendto(data)

    def datagram_received(self, data: bytes, _: Any) -> None:
        if not self._door.transport.is_closing():
            self._door.transport.sendto(data, self.client)

    def end(self) -> None:
        self._idle.cancel()
        self._door.forget(self)
        if self._transport is not None:
            self._transport.close()
