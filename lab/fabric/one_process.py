"""What the fabrics of one process share: they differ in stack and disk only.

The rule: a fault changes the rules first and tells the log, so that sim and local tell one story. A host that goes
down loses its programs, its connections (reset, as by a kernel whose process died) and its memory; its disk, its
clock and its streams of chance stay. `heal` boots it anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from lab.clock import Clock
from lab.errors import WorldSaidNo
from lab.events import FaultApplied, FaultLifted, HostStarted
from lab.fabric.ambient import AMBIENT
from lab.fabric.base import Boot
from lab.fabric.breakage import Cut
from lab.fabric.collector import Collector
from lab.fabric.disk import Disk
from lab.fabric.faults import Crash, DiskFull, Down, Fault, Paused, PowerCut, Skew
from lab.fabric.host import Ground, Host
from lab.fabric.loop import LabLoop
from lab.fabric.rules import Rules
from lab.fabric.stack import Stack
from lab.log import EventLog
from lab.names import DomainName
from lab.topology.plan import HostPlan, Link

_AT_ONCE = 1000
"""Hosts that are started before the loop gets a turn."""
_LAST_WORDS = 1.0
"""Seconds of lab time that the programs of a stopped host have for their `finally`."""
_STARTED = HostStarted()


class OneProcessFabric:
    """Hosts as objects of this process, on the running `LabLoop`."""

    def __init__(
        self,
        boot: Boot,
        seed: str,
        log: EventLog | None,
        make_stack: Callable[[Host], Stack],
        make_disk: Callable[[Host], Disk],
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LabLoop), "a fabric lives on a LabLoop"
        self.loop = loop
        self.rules = Rules(seed)
        self.log = log if log is not None else EventLog()
        self.hosts: dict[DomainName, Host] = {}
        self.ground = Ground(seed, loop.source, self.log, make_stack, make_disk)
        self.clock: Clock = self.ground.clock
        self._boot = boot
        self._collector = Collector()
        loop.set_exception_handler(self._note_crash)

    @property
    def crashes(self) -> list[BaseException]:
        """Exceptions that ended a program, or fell out of a callback: defects of the lab."""
        return self.ground.crashes

    @property
    def root(self) -> bytes:
        return self.ground.authority.root

    def add(self, plan: HostPlan) -> None:
        self.hosts[plan.name] = Host(plan, self.ground)

    # -- up and down -----------------------------------------------------------------------------------------

    async def up(self) -> None:
        try:
            with self._collector.at_rest():
                await self._boot_all()
            self._collector.spare()
        except BaseException:
            await self.down()
            raise

    async def _boot_all(self) -> None:
        booting: list[asyncio.Task[None]] = []
        for number, host in enumerate(self.hosts.values(), 1):
            booting.append(self._start(host))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
                booting = [task for task in booting if not _is_well(task)]
        for task in booting:
            await task

    def _start(self, host: Host) -> asyncio.Task[None]:
        host.up = True
        return host.spawn(self._run_boot(host), "boot")

    async def _run_boot(self, host: Host) -> None:
        await self._boot(host)
        host.log(_STARTED)

    async def down(self) -> None:
        await self._stop(list(self.hosts.values()))
        self.loop.set_exception_handler(None)
        self._collector.as_before()

    async def _stop(self, hosts: Sequence[Host]) -> None:
        """Take the power from hosts, and let their programs end."""
        gone = dict.fromkeys(hosts)
        tasks = self.loop.tasks_of(gone)
        for host in hosts:
            host.lose_power()
        self.loop.forget(gone)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_WORDS)

    # -- questions -------------------------------------------------------------------------------------------

    async def ask(self, host: DomainName, question: str, request: dict[str, Any]) -> dict[str, Any]:
        here = self.hosts[host]
        task = here.attend(here.console[question](request))
        try:
            answer: dict[str, Any] = await task
        except asyncio.CancelledError:
            if _is_asked_to_stop():
                raise
            raise WorldSaidNo(f"{host} went down before it answered.") from None
        return answer

    # -- faults ----------------------------------------------------------------------------------------------

    async def fail(self, host: DomainName, fault: Fault) -> None:
        here = self.hosts[host]
        if fault in here.faults.now:
            return
        self.log.append(self.loop.time(), host, FaultApplied(host, str(fault)))
        if isinstance(fault, Down):
            # Before the fault counts: the resets of its kernel still have to leave.
            await self._take_down(here, fault)
        elif isinstance(fault, Paused):
            here.stack.freeze()
        elif isinstance(fault, DiskFull):
            here.disk.full = True
        elif isinstance(fault, Skew):
            here.clock.ahead += fault.by.total_seconds()
        here.faults.apply(fault)
        self.rules.changed()

    async def _take_down(self, host: Host, how: Down) -> None:
        """A program that is asked to end has a last word (its `finally`). After a crash nobody hears it: the disk
        is as it was at that moment."""
        left = None
        if isinstance(how, Crash | PowerCut):
            left = host.disk.abandoned(host.rng("power cuts") if isinstance(how, PowerCut) else None)
        await self._stop([host])
        if left is not None:
            host.disk = left

    async def lift(self, host: DomainName, fault: Fault) -> None:
        here = self.hosts[host]
        if fault not in here.faults.now:
            return
        here.faults.lift(fault)
        self.rules.changed()
        if isinstance(fault, Paused):
            here.stack.thaw()
        elif isinstance(fault, DiskFull):
            here.disk.full = False
        elif isinstance(fault, Skew):
            here.clock.ahead -= fault.by.total_seconds()
        self.log.append(self.loop.time(), host, FaultLifted(host, str(fault)))
        if not here.up and not any(isinstance(other, Down) for other in here.faults.now):
            await self._start_again(here)

    async def _start_again(self, host: Host) -> None:
        """One that is to stand still does so from then on: a boot that nobody lets go on would never end."""
        host.stack.thaw()
        await self._start(host)
        if Paused() in host.faults.now:
            host.stack.freeze()

    async def heal(self, host: DomainName) -> None:
        for fault in tuple(self.hosts[host].faults.now):
            await self.lift(host, fault)

    async def restore(self, host: DomainName) -> None:
        """Nobody goes here without the whole lab."""

    def way_in(self, host: DomainName) -> dict[str, str]:
        return {}

    def where(self, host: DomainName) -> str:
        return ""

    def connect(self, a: str, b: str, link: Link) -> None:
        self.rules.connect(a, b, link)

    def cut(self, cut: Cut) -> None:
        if cut not in self.rules.cuts:
            self.rules.cut(cut)
            self.log.append(self.loop.time(), "", FaultApplied(cut.target, cut.fault))

    def join(self, cut: Cut) -> None:
        if cut in self.rules.cuts:
            self.rules.join(cut)
            self.log.append(self.loop.time(), "", FaultLifted(cut.target, cut.fault))

    def mend(self) -> None:
        for cut in tuple(self.rules.cuts):
            self.join(cut)

    async def in_force(self) -> None:
        """One set of rules is for all, and holds at once."""

    # -- packets ---------------------------------------------------------------------------------------------

    async def see_all(self) -> None:
        """A tap in this process looks at once."""

    # -- time ------------------------------------------------------------------------------------------------

    async def advance(self, by: timedelta) -> None:
        await self.loop.leap_to(self.loop.time() + by.total_seconds())

    async def settle(self, done: Callable[[], bool], within: timedelta) -> bool:
        return await self.loop.leap_to(self.loop.time() + within.total_seconds(), done)

    # -- defects ---------------------------------------------------------------------------------------------

    def _note_crash(self, loop: asyncio.AbstractEventLoop, report: dict[str, Any]) -> None:
        error, host = report.get("exception"), _whose(report)
        if isinstance(error, asyncio.CancelledError):
            # Python 3.11's start_server looks for the exception of a task that was cancelled with its host.
            return
        if error is not None and host is not None:
            host.crashed(report["message"], error)
            return
        if error is not None:
            self.crashes.append(error)
        loop.default_exception_handler(report)


def _whose(report: dict[str, Any]) -> Host | None:
    """In which host's context a callback failed."""
    context = getattr(report.get("handle"), "_context", None)
    return context.get(AMBIENT) if context is not None else AMBIENT.get()


def _is_asked_to_stop() -> bool:
    """Whether somebody cancels the present task, rather than what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_well(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
