"""A host: one place in the lab where programs run, with its own network, disk, clock and chance.

The rule: cheap until used. A hundred thousand of them fit in a process, so a host holds its plan, its context
and its stack; disk, streams of chance, faults, console and tasks come into being at the first touch.

What survives a crash: the disk, the streams of chance and the faults. Console and tasks are memory, and gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import field
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from lab.clock import Clock, HostClock, LabClock, TimeSource
from lab.events import Event, FaultStruck, ProgramCrashed
from lab.fabric.ambient import AMBIENT, ATTENDED
from lab.fabric.console import Console
from lab.fabric.disk import Disk
from lab.fabric.faults import Fault, HostFaults
from lab.fabric.stack import Stack
from lab.log import EventLog
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan
from lab.values import dataclass

if TYPE_CHECKING:
    import ssl


class Authority(Protocol):
    """Who vouches for the lab's hosts: `certificates.CertificateAuthority`, or what it has signed before."""

    @property
    def root(self) -> bytes: ...

    @property
    def client(self) -> ssl.SSLContext: ...

    def server(self, names: Sequence[str]) -> ssl.SSLContext: ...

    def papers(self, names: Sequence[str]) -> bytes:
        """What a host of these names needs to answer to them: key, certificate and root, in PEM."""


_FRONT_DOOR = ("localhost", "127.0.0.1")
"""As programs outside of the lab see whatever is behind a front door."""


def certified(plan: HostPlan) -> tuple[str, ...]:
    """The names and addresses that a host's certificate is for."""
    return (plan.name, *plan.addresses, *_FRONT_DOOR)


@dataclass(slots=True)
class Ground:
    """What all hosts of one fabric stand on."""

    seed: str
    source: TimeSource
    log: EventLog
    make_stack: Callable[[Host], Stack]
    make_disk: Callable[[Host], Disk]
    crashes: list[BaseException] = field(default_factory=list)
    """Exceptions that ended a host's program: defects of the lab. Tests raise them."""
    clock: Clock = field(init=False)
    _authority: Authority | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.clock = LabClock(self.source)

    @property
    def authority(self) -> Authority:
        """Who signs for this lab's hosts; made, and its library loaded, at first need."""
        if self._authority is None:
            from lab.fabric.certificates import CertificateAuthority

            self._authority = CertificateAuthority(self.seed)
        return self._authority

    @authority.setter
    def authority(self, authority: Authority) -> None:
        self._authority = authority


class Host:
    """One host of a fabric; see `lab.fabric.base.Host` for what its programs may use."""

    __slots__ = (
        "__weakref__",
        "_clock",
        "_console",
        "_disk",
        "_faults",
        "_identity",
        "_streams",
        "_tasks",
        "addresses",
        "context",
        "ground",
        "name",
        "plan",
        "stack",
        "up",
    )

    def __init__(self, plan: HostPlan, ground: Ground) -> None:
        self.plan = plan
        self.name: DomainName = plan.name
        self.addresses: tuple[Address, ...] = plan.addresses
        self.ground = ground
        self.up = False
        self.context = Context()
        """Where its programs run: the ambient host is this one."""
        self.context.run(AMBIENT.set, self)
        self.stack = ground.make_stack(self)
        self._clock: HostClock | None = None
        self._console: Console | None = None
        self._disk: Disk | None = None
        self._faults: HostFaults | None = None
        self._identity: ssl.SSLContext | None = None
        self._streams: dict[str, Random] | None = None
        self._tasks: dict[asyncio.Task[Any], None] | None = None

    @property
    def clock(self) -> HostClock:
        if self._clock is None:
            self._clock = HostClock(self.ground.clock)
        return self._clock

    @property
    def disk(self) -> Disk:
        if self._disk is None:
            self._disk = self.ground.make_disk(self)
        return self._disk

    @disk.setter
    def disk(self, disk: Disk) -> None:
        self._disk = disk

    @property
    def faults(self) -> HostFaults:
        if self._faults is None:
            self._faults = HostFaults(struck=self._struck, chance=lambda: self.rng("faults"))
        return self._faults

    @property
    def identity(self) -> ssl.SSLContext:
        if self._identity is None:
            self._identity = self.ground.authority.server(self.names)
        return self._identity

    @property
    def papers(self) -> bytes:
        return self.ground.authority.papers(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """What its certificate says it is."""
        return certified(self.plan)

    @property
    def trust(self) -> ssl.SSLContext:
        if not self.clock.ahead:
            return self.ground.authority.client
        from lab.fabric.trust import by_clock

        return by_clock(self.ground.authority.root, self.clock.now)

    @property
    def is_faulty(self) -> bool:
        return self._faults is not None and bool(self._faults.now)

    @property
    def console(self) -> Console:
        if self._console is None:
            self._console = Console()
        return self._console

    def rng(self, purpose: str) -> Random:
        if self._streams is None:
            self._streams = {}
        if purpose not in self._streams:
            self._streams[purpose] = Random(f"{self.ground.seed}:{self.name}:{purpose}")
        return self._streams[purpose]

    def log(self, event: Event) -> None:
        # A program that dies has nothing to tell any more.
        if self.up:
            self.ground.log.append(self.ground.source.time(), self.name, event)

    def _struck(self, fault: Fault, about: str) -> None:
        self.log(FaultStruck(str(fault), about))

    def spawn(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        # A copy for each task: one context cannot be entered twice.
        task = self._start(work, self.context.copy(), name)
        task.add_done_callback(self._ended)
        return task

    def after(self, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call, context=self.context.copy())

    def attend(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run what the lab's keeper asks of this host: a pause does not hold it, its errors are the keeper's."""
        context = self.context.copy()
        context.run(ATTENDED.set, True)
        task = self._start(work, context, "")
        task.add_done_callback(self._forget)
        return task

    def _start(self, work: Coroutine[Any, Any, Any], context: Context, name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name or None, context=context)
        if self._tasks is None:
            self._tasks = {}
        self._tasks[task] = None
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None:
            self._tasks.pop(task, None)

    def crashed(self, program: str, error: BaseException) -> None:
        """One of its programs ended with an exception: told in the log, and kept for the tests."""
        self.ground.crashes.append(error)
        event = ProgramCrashed(program, f"{type(error).__name__}: {error}")
        self.ground.log.append(self.ground.source.time(), self.name, event)

    def lose_power(self) -> None:
        """Forget what was in memory. Its tasks are the loop's to end (`LabLoop.tasks_of`)."""
        self.stack.thaw()
        self.stack.reset()
        self.up = False
        self._tasks = self._console = None
        if self._faults is not None:
            self._faults.forget_watchers()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None:
            self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.crashed(task.get_name(), error)

    def __repr__(self) -> str:
        return f"<Host {self.name}>"
