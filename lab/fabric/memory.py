"""The network in memory: a stack for each host, and the wires between them.

The rule: idle costs nothing. A listener is one entry in its host's ports; hosts find each other in one dictionary
of addresses. Where no link, cut or fault says otherwise, octets go straight from one program to the other.

A connection takes its time (RFC 9293 §3.5): SYN and SYN-ACK before the caller goes on, the ACK ahead of its first
octets. A lost SYN is sent again after 1, 2, 4 … s; 127 s in all, then ETIMEDOUT.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from lab.fabric.datagram import DatagramEnd
from lab.fabric.loop import LabLoop
from lab.fabric.ports import Ports
from lab.fabric.rules import Luck, Packet, Rules, Verdict
from lab.fabric.stack import (
    CONNECT_RETRIES,
    Connection,
    Endpoint,
    ProtocolFactory,
    Ranges,
    dialled,
    own_addresses,
    problem,
    source_among,
)
from lab.fabric.stream import Socket, StreamEnd
from lab.fabric.tls import over_tls
from lab.fabric.wiretap import Wiretap
from lab.names import Address

if TYPE_CHECKING:
    from lab.fabric.host import Host


class Network:
    """What all stacks share: who has which address, and the rules of the wires."""

    def __init__(self, loop: LabLoop, rules: Rules, ranges: Sequence[str]) -> None:
        self.loop = loop
        self.rules = rules
        self.ranges = Ranges(ranges)
        self.places: dict[str, Host] = {}
        self.context = Context()
        """Where the wires' own timers run: in no host, so that a paused one does not hold them."""
        self.wiretap = Wiretap(self)

    def host_at(self, address: str) -> Host | None:
        """Who has an address of the lab; ENETUNREACH outside of it."""
        host = self.places.get(address)
        if host is None:
            self.ranges.require(address)
        return host

    def stack_of(self, host: Host) -> MemoryStack:
        assert isinstance(host.stack, MemoryStack)
        return host.stack


class MemoryStack:
    """One host's network."""

    __slots__ = ("_generation", "_near", "_tcp", "_udp", "ends", "host", "network")

    def __init__(self, host: Host, network: Network) -> None:
        self.host = host
        self.network = network
        self.ends: dict[StreamEnd, None] = {}
        self._tcp: Ports[Listener] | None = None
        self._udp: Ports[DatagramEnd] | None = None
        self._near: dict[str, MemoryStack] | None = None
        self._generation = -1
        """Of the rules by which they are near."""

    @property
    def tcp(self) -> Ports[Listener]:
        if self._tcp is None:
            self._tcp = Ports(self.host.addresses, f"{self.host.ground.seed}:{self.host.name}:tcp")
        return self._tcp

    @property
    def udp(self) -> Ports[DatagramEnd]:
        if self._udp is None:
            self._udp = Ports(self.host.addresses, f"{self.host.ground.seed}:{self.host.name}:udp")
        return self._udp

    def socket_at(self, place: Socket) -> DatagramEnd | None:
        return self._udp.owner(*place) if self._udp is not None else None

    def near(self, address: str) -> MemoryStack | None:
        """Whose that address is, while what is sent there comes through at once, for certain, and unseen; None:
        the rules have to be asked."""
        network = self.network
        if network.wiretap.watches:
            return None
        near = self._near
        if near is None or self._generation != network.rules.generation:
            near = self._near = {}
            self._generation = network.rules.generation
        return near.get(address) or self._look(near, address)

    def _look(self, near: dict[str, MemoryStack], address: str) -> MemoryStack | None:
        rules, target = self.network.rules, self.network.places.get(address)
        if target is None or not rules.are_well(self.host, target) or rules.line(self.host, target):
            return None
        return near.setdefault(address, self.network.stack_of(target))

    # -- servers ---------------------------------------------------------------------------------------------

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
        places = self._places(host)
        listener = Listener(self, over_tls(factory, ssl, self.network.loop) if ssl else factory, places)
        listener.port = self.tcp.bind(places, port or 0, listener)
        listener.serving = start_serving
        return listener

    def _places(self, host: str | Sequence[str] | None) -> tuple[Address, ...]:
        if host is None or isinstance(host, str):
            return own_addresses(host, self.host.addresses)
        found = [own_addresses(one, self.host.addresses) for one in host]
        return tuple(dict.fromkeys(address for some in found for address in some))

    def knock(self, caller: StreamEnd) -> StreamEnd | None:
        """A SYN came in from `caller`: this host's end of the new connection; None: nobody listens."""
        listener = self._tcp.owner(*caller.remote) if self._tcp else None
        if listener is None or not listener.serving:
            return None
        end = StreamEnd(self, listener.context, caller.remote, caller.local)
        end.meet(caller, listener)
        return end

    # -- clients ---------------------------------------------------------------------------------------------

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
        end = await self._dial((dialled(host, self.host.addresses), port), local_addr)
        if ssl:
            return await self._secure(end, factory, ssl, server_hostname or host or "")
        protocol = factory()
        end.open(protocol)
        return end, protocol

    async def _secure(self, end: StreamEnd, factory: ProtocolFactory, ssl: Any, name: str) -> Connection:
        protocol = factory()
        ready = self.network.loop.create_future()
        end.open(over_tls(lambda: protocol, ssl, self.network.loop, name, ready)())
        try:
            await ready
        except BaseException:
            end.abort()
            raise
        transport: Any = end.get_protocol()
        return transport._app_transport, protocol

    async def _dial(self, to: Socket, local: tuple[str, int] | None) -> StreamEnd:
        target = self.network.host_at(to[0])
        here = self._here(to[0], local)
        luck: Luck = {}
        for patience in CONNECT_RETRIES:
            end = await self._shake_hands(target, here, to, luck)
            if end is not None:
                return end
            await asyncio.sleep(patience)
        raise problem(errno.ETIMEDOUT, to[0])

    def _here(self, to: str, local: tuple[str, int] | None) -> Socket:
        where = local[0] if local else None
        address = source_among(own_addresses(where, self.host.addresses), to)
        if local and local[1]:
            if self.tcp.owner(address, local[1]):
                raise problem(errno.EADDRINUSE, f"port {local[1]} of {address}")
            return (address, local[1])
        return (address, self.tcp.ephemeral((address,)))

    async def _shake_hands(self, target: Host | None, here: Socket, to: Socket, luck: Luck) -> StreamEnd | None:
        """One try; None: no answer came."""
        network, wiretap = self.network, self.network.wiretap
        verdict = network.rules.verdict(self.host, target, Packet.CONNECT, luck)
        wiretap.syn_left(here, to)
        if verdict is Verdict.DROP:
            return None
        if target is None or verdict is not Verdict.PASS:
            wiretap.turned_away(here, to, verdict)
            raise verdict.error(to[0]) or problem(errno.EHOSTUNREACH, to[0])
        if not await self._travel(self.host, target):
            return None
        end = StreamEnd(self, copy_context(), here, to)
        other = network.stack_of(target).knock(end)
        wiretap.answered(here, to, accepted=other is not None)
        if not await self._travel(target, self.host):
            return None
        wiretap.answer_came(here, to)
        if other is None:
            raise problem(errno.ECONNREFUSED, f"{to[0]} port {to[1]}")
        end.greet()
        return end

    async def _travel(self, source: Host, target: Host) -> bool:
        """Let a packet of the handshake take its way; whether it came through."""
        rules = self.network.rules
        if rules.is_cut(source, target):
            return False
        line = rules.line(source, target)
        if line is None:
            return True
        toll = line.toll(self.network.loop.time(), 0)
        if toll:
            await asyncio.sleep(toll)
        return toll is not None

    # -- datagrams -------------------------------------------------------------------------------------------

    async def create_datagram_endpoint(
        self,
        factory: ProtocolFactory,
        *,
        local_addr: tuple[str, int] | None = None,
        remote_addr: tuple[str, int] | None = None,
        **_: object,
    ) -> Endpoint:
        self._require_power()
        remote = remote_addr
        if remote is not None and remote[0] not in self.network.places:
            remote = self._literally(remote)
        places = own_addresses(local_addr[0], self.host.addresses) if local_addr else self.host.addresses
        if remote is not None:
            source = source_among(places, remote[0])
            places = places if len(places) == 1 else (source,)
        end = DatagramEnd(self, copy_context(), places, remote)
        end.port = self.udp.bind(places, local_addr[1] if local_addr else 0, end)
        protocol = factory()
        end.open(protocol)  # type: ignore[arg-type]
        return end, protocol

    def _literally(self, remote: Socket) -> Socket:
        """As a program may write it: an address in another form, its own host's loopback."""
        address = dialled(remote[0], self.host.addresses)
        self.network.host_at(address)
        return (address, remote[1])

    # -- power -----------------------------------------------------------------------------------------------

    def freeze(self) -> None:
        self.network.loop.freeze(self.host)

    def thaw(self) -> None:
        self.network.loop.thaw(self.host)

    def reset(self) -> None:
        for end in list(self.ends):
            end.vanish()
        self.ends.clear()
        for ports in (self._tcp, self._udp):
            if ports is not None:
                ports.silence()

    def _require_power(self) -> None:
        if not self.host.up:
            raise problem(errno.ENETDOWN, "this host is down")


class Listener(asyncio.AbstractServer):
    """A listening socket, and asyncio's server in one."""

    __slots__ = ("context", "factory", "places", "port", "serving", "stack")

    def __init__(self, stack: MemoryStack, factory: ProtocolFactory, places: tuple[Address, ...]) -> None:
        self.stack = stack
        self.factory = factory
        self.places = places
        self.port = 0
        self.serving = True
        here = copy_context()
        # One context for all listeners of a host, where nothing else was set: 64 octets less for each of eight.
        self.context = stack.host.context if here == stack.host.context else here

    def vanish(self) -> None:
        self.serving = False

    def close(self) -> None:
        if self.port:
            self.stack.tcp.release(self.places, self.port)
            self.port, self.serving = 0, False

    async def wait_closed(self) -> None:
        """Closed is closed: connections live on, and are nobody's to wait for."""

    async def start_serving(self) -> None:
        self.serving = bool(self.port)

    async def serve_forever(self) -> None:
        await self.start_serving()
        try:
            await self.stack.network.loop.create_future()
        finally:
            self.close()

    def is_serving(self) -> bool:
        return self.serving

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self.stack.network.loop

    @property
    def sockets(self) -> tuple[ListeningSocket, ...]:
        return tuple(ListeningSocket((address, self.port)) for address in self.places if self.port)


class ListeningSocket:
    """As much of a socket as programs ask of a server's: where it listens."""

    __slots__ = ("_name",)

    def __init__(self, name: Socket) -> None:
        self._name = name

    def getsockname(self) -> Socket:
        return self._name
