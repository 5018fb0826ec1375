"""The network of a host on the real kernel, inside a private network namespace (`namespace`).

The rule: the kernel carries, the lab decides. Addresses, ports, refusals and resets are the kernel's own;
who may reach whom, and when, is asked of the same rules as in memory. Programs of the machine that visit the lab
(dig, telnet) are bound as far as sockets allow: what is delayed or cut is so on the lab's side of the
connection, and an unreachable host has an `unreachable` route.

A connection takes its time: SYN and SYN-ACK before the caller goes on. A lost SYN is sent again after
1, 2, 4 … s; 127 s in all, then ETIMEDOUT (`stack.CONNECT_RETRIES`).
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Container, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Any

from lab.fabric.kernel_listen import Listener
from lab.fabric.kernel_tcp import Stream, Traffic
from lab.fabric.kernel_udp import Datagrams, Peer
from lab.fabric.loop import LabLoop
from lab.fabric.rules import Luck, Packet, Place, Rules, Verdict, fate
from lab.fabric.stack import (
    CONNECT_RETRIES,
    Connection,
    Endpoint,
    ProtocolFactory,
    Ranges,
    dialled,
    family,
    own_addresses,
    problem,
    source_among,
)
from lab.fabric.tls import over_tls
from lab.fabric.way import Way
from lab.names import Address

if TYPE_CHECKING:
    from lab.fabric.host import Host

_IPV6_FREEBIND = 78


class Network:
    """What all stacks share: who has which address, the rules, and which sockets are the lab's own."""

    def __init__(self, loop: LabLoop, rules: Rules, ranges: Sequence[str]) -> None:
        self.loop = loop
        self.rules = rules
        self.ranges = Ranges(ranges)
        self.places: dict[str, Place] = {}
        self.elsewhere: frozenset[str] = frozenset()
        """Addresses of hosts in other processes whose programs are the lab's too: the rules are kept there."""
        self.context = Context()
        """Where the network's own timers run: in no host, so that a paused one does not hold them."""
        self.visitor: Host | None = None
        """The host from whose address visiting programs leave."""
        self.strangers: list[Host] = []
        """It, and hosts whose programs are not the lab's."""
        self.traffic = Traffic()
        self.dialling: dict[Peer, None] = {}
        self.posting: dict[Peer, None] = {}
        """Addresses and ports from which programs of the lab dial and send; all others are visitors'."""

    def host_at(self, address: str) -> Place | None:
        """Who has an address of the lab; ENETUNREACH outside of it."""
        host = self.places.get(address)
        if host is None:
            self.ranges.require(address)
        return host


class KernelStack:
    """One host's network."""

    __slots__ = ("_endpoints", "_listeners", "_streams", "frozen", "host", "network")

    def __init__(self, host: Host, network: Network) -> None:
        self.host = host
        self.network = network
        self.frozen = False
        self._listeners: dict[Listener, None] = {}
        self._streams: dict[Stream, Peer | None] = {}
        self._endpoints: dict[Datagrams, tuple[Peer, ...]] = {}

    @property
    def loop(self) -> LabLoop:
        return self.network.loop

    @property
    def context(self) -> Context:
        return self.network.context

    @property
    def traffic(self) -> Traffic:
        return self.network.traffic

    # -- servers ------------------------------------------------------------------------------------------

    async def create_server(
        self,
        factory: ProtocolFactory,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        start_serving: bool = True,
        **_: object,
    ) -> asyncio.AbstractServer:
        self._require_power()
        sockets = _bound(socket.SOCK_STREAM, self._places(host), port or 0)
        made = over_tls(factory, ssl, self.loop) if ssl else factory
        listener = Listener(self, sockets, made, self._accepted)
        self._listeners[listener] = None
        if start_serving:
            self._serve(listener)
        return listener

    def _serve(self, listener: Listener) -> None:
        try:
            listener.serve()
        except OSError:
            listener.close()
            raise
        self._screen(listener)

    def _places(self, host: str | Sequence[str] | None) -> tuple[Address, ...]:
        if host is None or isinstance(host, str):
            return own_addresses(host, self.host.addresses)
        found = [own_addresses(one, self.host.addresses) for one in host]
        return tuple(dict.fromkeys(address for some in found for address in some))

    def _accepted(self, sock: socket.socket, peer: tuple[Any, ...], factory: ProtocolFactory) -> None:
        self.traffic.calls -= 1
        there = self.network.places.get(peer[0])
        visiting = peer[:2] not in self.network.dialling and peer[0] not in self.network.elsewhere
        rules = self.network.rules
        back = Way(rules, there, self.host) if visiting else None
        Stream(self, sock, peer, Way(rules, self.host, there), back).start(factory())

    def unbound(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)

    # -- clients ------------------------------------------------------------------------------------------

    async def create_connection(
        self,
        factory: ProtocolFactory,
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        server_hostname: str | None = None,
        local_addr: tuple[str, int] | None = None,
        sock: object = None,
        **_: object,
    ) -> Connection:
        self._require_power()
        if sock is not None or port is None:
            raise ValueError("a host connects to an address and a port")
        stream = await self._dial((dialled(host, self.host.addresses), port), local_addr)
        protocol = factory()
        if ssl:
            return await self._secure(stream, protocol, ssl, server_hostname or host or "")
        stream.start(protocol)
        return stream, protocol

    async def _secure(self, stream: Stream, protocol: asyncio.BaseProtocol, ssl: Any, name: str) -> Connection:
        ready = self.loop.create_future()
        secure: Any = over_tls(lambda: protocol, ssl, self.loop, name, ready)()
        stream.start(secure)
        await ready
        return secure._app_transport, protocol

    async def _dial(self, to: Peer, local: tuple[str, int] | None) -> Stream:
        target = self.network.host_at(to[0])
        own = own_addresses(local[0] if local else None, self.host.addresses)
        here = (source_among(own, to[0]), local[1] if local else 0)
        luck: Luck = {}
        for patience in CONNECT_RETRIES:
            stream = await self._shake_hands(target, here, to, luck)
            if stream is not None:
                return stream
            await asyncio.sleep(patience)
        raise problem(errno.ETIMEDOUT, to[0])

    async def _shake_hands(self, target: Place | None, here: Peer, to: Peer, luck: Luck) -> Stream | None:
        """One try; None: no answer came."""
        verdict = self.network.rules.verdict(self.host, target, Packet.CONNECT, luck)
        if verdict is Verdict.DROP:
            return None
        if target is None or verdict is not Verdict.PASS:
            raise verdict.error(to[0]) or problem(errno.EHOSTUNREACH, to[0])
        # Kernels that met would be connected at once: a SYN whose answer cannot come back does not leave.
        if self.network.rules.is_cut(target, self.host) or not await self._travel(self.host, target):
            return None
        sock = _socket(socket.SOCK_STREAM, *here)
        name = sock.getsockname()[:2]
        self.network.dialling[name] = None
        try:
            await self._connect(sock, to)
            await self._hear_back(target)
            return Stream(self, sock, to, Way(self.network.rules, self.host, target), None)
        except BaseException:
            self.network.dialling.pop(name, None)
            sock.close()
            raise

    async def _travel(self, source: Place, target: Place) -> bool:
        """Let a packet of the handshake take its way; whether it came through."""
        line = self.network.rules.line(source, target)
        if line is None:
            return True
        toll = line.toll(self.loop.time(), 0)
        if toll:
            await asyncio.sleep(toll)
        return toll is not None

    async def _connect(self, sock: socket.socket, to: Peer) -> None:
        self.traffic.calls += 1
        try:
            await asyncio.SelectorEventLoop.sock_connect(self.loop, sock, to)
        except OSError as error:
            self.traffic.calls -= 1
            raise problem(error.errno or 0, f"{to[0]} port {to[1]}") from None

    async def _hear_back(self, target: Place) -> None:
        """The SYN-ACK, as often as it takes: the kernels are connected already."""
        for patience in CONNECT_RETRIES:
            if await self._travel(target, self.host):
                return
            await asyncio.sleep(patience)
        raise problem(errno.ETIMEDOUT)

    def talks_with(self, addresses: Container[str]) -> bool:
        """Whether a connection with one of them is open."""
        return any(stream.get_extra_info("peername")[0] in addresses for stream in self._streams)

    def opened(self, stream: Stream) -> None:
        self._streams[stream] = stream.get_extra_info("sockname")

    def closed(self, stream: Stream) -> None:
        name = self._streams.pop(stream, None)
        if name is not None:
            self.network.dialling.pop(name, None)

    # -- datagrams ----------------------------------------------------------------------------------------

    async def create_datagram_endpoint(
        self,
        factory: ProtocolFactory,
        *,
        local_addr: tuple[str, int] | None = None,
        remote_addr: tuple[str, int] | None = None,
        **_: object,
    ) -> Endpoint:
        self._require_power()
        remote = (self.reach(remote_addr[0]), remote_addr[1]) if remote_addr else None
        places = own_addresses(local_addr[0] if local_addr else None, self.host.addresses)
        if remote:
            places = (source_among(places, remote[0]),)
        sockets = _bound(socket.SOCK_DGRAM, places, local_addr[1] if local_addr else 0)
        return self._post(Datagrams(self, sockets, remote), factory)

    def _post(self, endpoint: Datagrams, factory: ProtocolFactory) -> Endpoint:
        protocol = factory()
        assert isinstance(protocol, asyncio.DatagramProtocol)
        self._endpoints[endpoint] = endpoint.names
        self.network.posting.update(dict.fromkeys(endpoint.names))
        endpoint.start(protocol)
        return endpoint, protocol

    def reach(self, address: str) -> str:
        if address in self.network.places:
            return address
        literal = dialled(address, self.host.addresses)
        self.network.host_at(literal)
        return literal

    def leaving(self, address: str, octets: int) -> float | None:
        target = self.network.places.get(address)
        verdict = self.network.rules.verdict(self.host, target, Packet.DATAGRAM)
        error = verdict.error(address)
        if error:
            raise error
        return self._toll(self.host, target, octets) if verdict is Verdict.PASS else None

    def coming(self, peer: Peer, octets: int) -> float | None:
        source = self.network.places.get(peer[0])
        if peer in self.network.posting or source is None or peer[0] in self.network.elsewhere:
            return 0.0
        if self.network.rules.verdict(source, self.host, Packet.DATAGRAM) is not Verdict.PASS:
            return None
        return self._toll(source, self.host, octets)

    def _toll(self, source: Place, target: Place | None, octets: int) -> float | None:
        line = self.network.rules.line(source, target) if target else None
        return line.toll(self.loop.time(), octets) if line else 0.0

    def unposted(self, endpoint: Datagrams) -> None:
        for name in self._endpoints.pop(endpoint, ()):
            self.network.posting.pop(name, None)

    # -- power, and what changes under way ----------------------------------------------------------------

    def freeze(self) -> None:
        self.frozen = True
        self.mind()
        self.loop.freeze(self.host)

    def thaw(self) -> None:
        self.frozen = False
        for endpoint in self._endpoints:
            endpoint.forget_what_waits()
        self.loop.thaw(self.host)
        self.mind()

    def mind(self) -> None:
        """Rules or faults changed: watch the sockets accordingly."""
        for listener in tuple(self._listeners):
            listener.mind()
            self._screen(listener)
        for stream in tuple(self._streams):
            stream.mind()
        for endpoint in tuple(self._endpoints):
            endpoint.mind()

    def _screen(self, listener: Listener) -> None:
        """Lose the SYNs of programs that are not the lab's where the rules would lose those of the host they leave
        from."""
        lost: list[Address] = []
        for stranger in self.network.strangers:
            if stranger is not self.host and self._loses(stranger):
                lost += stranger.addresses
        listener.ignore(lost)

    def _loses(self, stranger: Host) -> bool:
        rules, faults = self.network.rules, (*stranger.faults.now, *self.host.faults.now)
        is_cut = rules.is_cut(self.host, stranger) or rules.is_cut(stranger, self.host)
        return is_cut or fate(Packet.CONNECT, faults) is Verdict.DROP

    def reset(self) -> None:
        for listener in tuple(self._listeners):
            listener.close()
        for stream in tuple(self._streams):
            stream.vanish()
        for endpoint in tuple(self._endpoints):
            endpoint.vanish()

    def _require_power(self) -> None:
        if not self.host.up:
            raise problem(errno.ENETDOWN, "this host is down")


def _bound(kind: socket.SocketKind, places: Sequence[Address], port: int) -> list[socket.socket]:
    """A socket on each address, all with the same port; all or none."""
    sockets: list[socket.socket] = []
    try:
        for address in places:
            sockets.append(_socket(kind, address, port))
            port = port or sockets[0].getsockname()[1]
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _socket(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    sock = socket.socket(family(address), kind)
    try:
        sock.setblocking(False)
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The address has a route, not an interface; and the route may just be an unreachable one.
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        else:
            sock.setsockopt(socket.SOL_IP, socket.IP_FREEBIND if hasattr(socket, "IP_FREEBIND") else 15, 1)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise problem(error.errno or 0, f"{address} port {port}") from None
    return sock
