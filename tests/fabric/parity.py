"""Socket cases that every fabric plays alike: the stage, the ear and the decorator.

A case is an `async def test_…(net: Net)` under `@case`, written against plain asyncio and the fabric's seam. The
fixture `stand` (conftest) says on which fabric it is played. Lab time runs ahead whenever nothing is ready, so
that a case may wait for minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import wraps
from typing import Any

from lab.fabric.base import Fabric, Host
from lab.fabric.faults import Fault
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link

RANGES = ("198.18.0.0/15",)
ANN, BOB, BOB2, CAS, NOBODY = (Address(f"198.18.0.{n}") for n in (1, 2, 3, 4, 99))
PLANS = (
    HostPlan(DomainName("ann.test"), (ANN,), organisation="north"),
    HostPlan(DomainName("bob.test"), (BOB, BOB2), organisation="south"),
    HostPlan(DomainName("cas.test"), (CAS,), organisation="south"),
)

Case = Callable[["Net"], Awaitable[None]]
Stand = Callable[[Case], None]


async def boot(host: Host) -> None:
    """The cases start what they need themselves."""


async def perform(fabric: Fabric, play: Case) -> None:
    """Bring the stage up on a fabric without hosts, play one case, and take it down again."""
    for plan in PLANS:
        fabric.add(plan)
    await fabric.up()
    playing = asyncio.ensure_future(play(Net(fabric)))
    try:
        await fabric.settle(playing.done, timedelta(hours=1))
        assert playing.done(), "an hour of lab time was not enough"
        await playing
    finally:
        playing.cancel()
        await fabric.down()


def case(play: Case) -> Callable[[Stand], None]:
    """Make a test of a case."""

    @wraps(play)
    def test(stand: Stand) -> None:
        stand(play)

    del test.__wrapped__  # pytest would ask for a fixture `net`
    return test


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact that nobody announces."""
    while not fact():  # noqa: ASYNC110 — what comes over a kernel's socket, only time tells
        await asyncio.sleep(0.01)


class Ear(asyncio.Protocol):
    """A protocol that notes what it hears; `keeps_open` when the other side says it has no more."""

    def __init__(self, keeps_open: bool = False) -> None:
        self.heard = bytearray()
        self.eof = False
        self.keeps_open = keeps_open
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.made: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()
        self.writing_paused = self.pauses = 0
        self._changed = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport
        self.made.set_result(transport)

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self._changed.set()

    def eof_received(self) -> bool:
        self.eof = True
        self._changed.set()
        return self.keeps_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)
        self._changed.set()

    def pause_writing(self) -> None:
        self.writing_paused, self.pauses = True, self.pauses + 1

    def resume_writing(self) -> None:
        self.writing_paused = False
        self._changed.set()

    async def until(self, fact: Callable[[Ear], bool]) -> None:
        while not fact(self):
            self._changed.clear()
            await self._changed.wait()


class UdpEar(asyncio.DatagramProtocol):
    """Notes datagrams and errors; `echoes` them when asked to."""

    def __init__(self, echoes: bool = False) -> None:
        self.echoes = echoes
        self.heard: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()
        self.errors: asyncio.Queue[Exception] = asyncio.Queue()
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait((data, addr))
        if self.echoes:
            self.transport.sendto(data, addr)

    def error_received(self, exc: Exception) -> None:
        self.errors.put_nowait(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Net:
    """Three hosts: ann (198.18.0.1), bob (.2 and .3) and cas (.4)."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric

    async def on(self, host: str, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it as a program of a host, whose errors are the case's."""

        async def program() -> tuple[Any, BaseException | None]:
            try:
                return await work, None
            except Exception as error:
                return None, error

        result, error = await self.fabric.hosts[_name(host)].spawn(program())
        if error is not None:
            raise error
        return result

    async def serve(
        self, host: str, port: int, factory: Callable[[], asyncio.BaseProtocol], where: str | None = None
    ) -> asyncio.AbstractServer:
        async def start() -> asyncio.AbstractServer:
            return await asyncio.get_running_loop().create_server(factory, where, port)

        server: asyncio.AbstractServer = await self.on(host, start())
        return server

    async def dial(self, host: str, address: str, port: int, ear: Ear | None = None, **options: Any) -> Ear:
        async def connect() -> Ear:
            loop = asyncio.get_running_loop()
            _, protocol = await loop.create_connection(lambda: ear or Ear(), address, port, **options)
            assert isinstance(protocol, Ear)
            return protocol

        heard: Ear = await self.on(host, connect())
        return heard

    async def pair(self, keeps_open: bool = False, port: int = 25) -> tuple[Ear, Ear]:
        """A connection from ann to bob: ann's ear, bob's ear."""
        ears: list[Ear] = []

        def accept() -> Ear:
            ears.append(Ear(keeps_open))
            return ears[-1]

        await self.serve("bob", port, accept)
        ann = await self.dial("ann", BOB, port, Ear(keeps_open))
        ann.transport.write(b"!")
        await until(lambda: bool(ears))
        await ears[0].until(lambda ear: ear.heard == b"!")
        ears[0].heard.clear()
        return ann, ears[0]

    async def udp(self, host: str, ear: UdpEar | None = None, **options: Any) -> UdpEar:
        async def open_endpoint() -> UdpEar:
            loop = asyncio.get_running_loop()
            _, protocol = await loop.create_datagram_endpoint(lambda: ear or UdpEar(), **options)
            return protocol

        heard: UdpEar = await self.on(host, open_endpoint())
        return heard

    async def fail(self, host: str, fault: Fault) -> None:
        await self.fabric.fail(_name(host), fault)

    async def heal(self, host: str) -> None:
        await self.fabric.heal(_name(host))

    def link(self, milliseconds: float = 0, **qualities: Any) -> None:
        """Lay a link between ann and bob."""
        self.fabric.connect(
            "ann.test", "bob.test", Link(latency=timedelta(milliseconds=milliseconds), **qualities)
        )

    def host(self, name: str) -> Host:
        return self.fabric.hosts[_name(name)]

    @property
    def now(self) -> float:
        return self.fabric.clock.elapsed()


def _name(host: str) -> DomainName:
    return DomainName(f"{host}.test")
