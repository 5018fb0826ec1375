"""The seam between a mini-Internet and the place it lives in.

The rule: nothing above this package knows on which fabric it stands. A host's programs are plain asyncio; the
ambient host (a context variable, inherited by tasks, timers and protocol callbacks) decides which addresses
`loop.create_server(factory, port=25)` binds and from which one `loop.create_connection` leaves.

A program gets asyncio and one `Host`; it takes time from `host.clock` and the loop, chance from `host.rng`,
storage from `host.disk`, and tells what happened with `host.log`. What a fabric cannot do it leaves out of
`capabilities`, and the user is told in a sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from lab.clock import Clock
from lab.events import Event
from lab.fabric.breakage import Cut
from lab.fabric.console import Console
from lab.fabric.disk import Disk
from lab.fabric.faults import Fault, HostFaults
from lab.fabric.tap import Subscriber, Untap
from lab.log import EventLog
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link

if TYPE_CHECKING:
    import ssl


class Capability(StrEnum):
    """What not every fabric can do."""

    RUN_AHEAD = "run lab time ahead"
    DETERMINISM = "tell the same story from the same seed"
    REAL_TOOLS = "be reached by dig, telnet and other programs"
    SHELL = "open a shell inside the lab"
    SOFTWARE = "run software that is not the lab's"
    PROGRAM = "run a program of the user's own"
    POWER_CUT = "lose what was not synced when the power of a host goes"
    TAP = "show the packets that cross it"


class Host(Protocol):
    """A host, as its own programs see it."""

    @property
    def name(self) -> DomainName: ...

    @property
    def addresses(self) -> tuple[Address, ...]: ...

    @property
    def plan(self) -> HostPlan: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def disk(self) -> Disk: ...

    @property
    def faults(self) -> HostFaults: ...

    @property
    def is_faulty(self) -> bool: ...

    @property
    def console(self) -> Console:
        """What the lab's keeper can ask this host; programs add their answers when they start."""

    @property
    def identity(self) -> ssl.SSLContext:
        """As a TLS server: a certificate of the lab's authority for its names, made at first need."""

    @property
    def papers(self) -> bytes:
        """The same as text, in PEM: key, certificate and the root. Mail hosts have it."""

    @property
    def trust(self) -> ssl.SSLContext: ...  # as a TLS client: in the lab's authority, and no other

    def rng(self, purpose: str) -> Random:
        """This host's own stream of chance for a purpose, seeded "{seed}:{host}:{purpose}"."""

    def log(self, event: Event) -> None: ...

    def spawn(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """Run it as one of this host's tasks; it ends when the host goes down."""

    def after(self, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        """Call it in so many seconds of lab time, as one of this host's programs, whoever asks for it; a host that
        goes down does not."""


Boot = Callable[[Host], Awaitable[None]]
"""Start a host's programs. Called again when a failed host is healed: memory is gone, the disk is kept."""


class Fabric(Protocol):
    """A place for hosts to live."""

    name: str
    capabilities: frozenset[Capability]
    view: str
    """What a tap shows here, in a sentence."""
    clock: Clock
    log: EventLog

    @property
    def hosts(self) -> Mapping[DomainName, Host]: ...

    @property
    def root(self) -> bytes: ...  # the certificate of the lab's authority, in PEM

    def add(self, plan: HostPlan) -> None: ...

    async def up(self) -> None:
        """Boot every host; returns when all of them serve."""

    async def down(self) -> None:
        """Untap every host and give back all that was taken from the machine."""

    async def ask(self, host: DomainName, question: str, request: dict[str, Any]) -> dict[str, Any]:
        """One question to a host's console. KeyError: no such host, or it does not answer that question."""

    async def fail(self, host: DomainName, fault: Fault) -> None: ...

    async def lift(self, host: DomainName, fault: Fault) -> None:
        """Undo this one fault of a host, if it has it."""

    async def heal(self, host: DomainName) -> None:
        """Lift every fault of a host."""

    async def restore(self, host: DomainName) -> None:
        """Bring back a host that is `Gone`: its process or container has ended by itself."""

    def way_in(self, host: DomainName) -> dict[str, str]:
        """What a shell has to know to get there; empty where this process's own network is the way."""

    def where(self, host: DomainName) -> str:
        """Which machine a host lives on, in a word, where a lab stands on several; else ""."""

    def connect(self, a: str, b: str, link: Link) -> None:
        """Lay a line between two places (hosts, organisations, "*"); the more exact one counts."""

    def cut(self, cut: Cut) -> None:
        """Let nothing through between two groups of places."""

    def join(self, cut: Cut) -> None:
        """Undo this one cut, if it is there."""

    def mend(self) -> None:
        """Undo every cut."""

    async def in_force(self) -> None:
        """Return when every host, its kernel included, goes by the lines and cuts that there are now."""

    def tap(self, subscriber: Subscriber, hosts: Collection[DomainName] = ()) -> Untap:
        """Show every packet from now on; where `hosts` are named, theirs at least. MachineSaidNo where the machine
        does not let us look."""

    async def see_all(self) -> None:
        """Wait until every tap looks, and has shown what has crossed by now. MachineSaidNo as `tap`."""

    async def advance(self, by: timedelta) -> None:
        """Let lab time run ahead."""

    async def settle(self, done: Callable[[], bool], within: timedelta) -> bool:
        """Let lab time run until `done()`, at most `within`; whether it came to be."""
