"""A fabric whose hosts live in nodes: processes that stand anywhere a line reaches.

The rule: one log, in the order of lab time. Events of different nodes come over different lines, so they are held
for a moment and sorted by the clock that all nodes share; answers, and what visitors hear, wait in the same row,
so that whoever heard it finds in the log all that happened before. A fabric built on this says how nodes are
started and ended.

A node that ends although nobody ended it is gone, with its hosts: `lab status` says so, `lab heal` and `lab up`
bring it back, with the disks it had.
"""

from __future__ import annotations

import asyncio
import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import field, replace
from datetime import timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, ClassVar

from lab.clock import Clock
from lab.errors import MachineSaidNo, WrongUse
from lab.event_forms import from_json
from lab.events import FaultApplied, FaultLifted
from lab.fabric.base import Capability
from lab.fabric.breakage import Cut
from lab.fabric.disk import Disk
from lab.fabric.distant.line import Line, NodeLost, value_of
from lab.fabric.distant.moment import SharedTime, moment_at
from lab.fabric.distant.orders import (
    Ask,
    Begin,
    Connect,
    Fail,
    Heal,
    Heed,
    Join,
    Lift,
    Neighbour,
    Order,
    Sever,
    Stop,
    Tick,
)
from lab.fabric.distant.pace import Pace
from lab.fabric.distant.stack import DistantStack, Switch
from lab.fabric.faults import Fault, Gone
from lab.fabric.host import Ground, Host
from lab.fabric.loop import LabLoop
from lab.fabric.stack import problem
from lab.fabric.tap import Subscriber, Untap
from lab.log import EventLog
from lab.names import DomainName
from lab.topology.plan import HostPlan, Link, Plan, ZonePlan
from lab.values import dataclass

_HELD = 0.03
"""Seconds that an event waits for those that happened before it on other nodes."""
_PATIENCE = 10.0
"""Seconds of the wall for a node to end when it is told to."""


Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Node:
    """A process with some of the lab's hosts in it."""

    name: str
    hosts: tuple[HostPlan, ...]
    line: Line = field(repr=False)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """Who brings it back, one at a time."""


class DistantFabric(ABC):
    """See `lab.fabric.base.Fabric`. Made inside a running LabLoop on SharedTime."""

    name: str
    view = ""
    capabilities: frozenset[Capability] = frozenset({Capability.RUN_AHEAD})
    spread: ClassVar[int] = 8
    """How many nodes are started at once."""

    def __init__(self, plan: Plan, log: EventLog | None = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LabLoop), "a fabric lives on a LabLoop"
        assert isinstance(loop.source, SharedTime), "its nodes share its time"
        self.loop = loop
        self.plan = plan
        self.log = log if log is not None else EventLog()
        self.nodes: list[Node] = []
        self._switch = Switch(self._order_at)
        self.ground = Ground(
            plan.seed, loop.source, self.log, lambda host: DistantStack(host, loop, self._switch), _no_disk
        )
        self.clock: Clock = self.ground.clock
        self.hosts: dict[DomainName, Host] = {}
        self._source = loop.source
        self._pace = Pace(loop, loop.source, self._lines)
        self._links: dict[tuple[str, str], Link] = {}
        self._cuts: list[Cut] = []
        self._at: dict[DomainName, Node] = {}
        self._held: list[tuple[float, int, Callable[[], object]]] = []
        self._arrivals = count()
        self._ending = False
        self._serving = 0
        self.progress: Progress = lambda done, of: None
        """Told as nodes come to serve: how many, of how many."""

    # -- what a fabric built on this says ----------------------------------------------------------------------

    @abstractmethod
    def layout(self) -> Sequence[tuple[str, tuple[HostPlan, ...]]]:
        """The nodes: a name for each, and its hosts."""

    @abstractmethod
    async def start(self, node: Node) -> None:
        """Start its process and give its line a wire."""

    @abstractmethod
    async def end(self, node: Node) -> None:
        """See to it that its process is gone."""

    def begin(self, node: Node) -> Begin:
        """What it is told first."""
        mine = {host.name for host in node.hosts}
        authority = self.ground.authority
        identities = {name: authority.papers(self.hosts[name].names) for name in mine if self._needs_papers(name)}
        return Begin(
            seed=self.plan.seed,
            ranges=tuple(self.plan.ranges),
            hosts=node.hosts,
            zones=self._zones(node),
            neighbours=tuple(_neighbour(host.plan) for name, host in self.hosts.items() if name not in mine),
            links=tuple((a, b, link) for (a, b), link in self._links.items()),
            identities=identities,
            root=authority.root,
            moment=self._source.moment,
        )

    def _needs_papers(self, name: DomainName) -> bool:
        return self.hosts[name].plan.mail is not None

    def _zones(self, node: Node) -> dict[DomainName, ZonePlan]:
        return {origin: self.plan.zones[origin] for host in node.hosts for origin in host.zones}

    # -- up and down ----------------------------------------------------------------------------------------

    @property
    def root(self) -> bytes:
        return self.ground.authority.root

    def add(self, plan: HostPlan) -> None:
        host = self.hosts[plan.name] = Host(plan, self.ground)
        host.up = True
        if plan.is_foreign:
            self.capabilities -= {Capability.RUN_AHEAD}  # its time is the machine's

    async def up(self) -> None:
        try:
            self.nodes = [Node(name, hosts, self._line(name)) for name, hosts in self.layout()]
            self._at = {host.name: node for node in self.nodes for host in node.hosts}
            await self.prepare()
            await self._start_all()
        except BaseException:
            await asyncio.shield(self.down())
            raise

    @abstractmethod
    async def prepare(self) -> None:
        """What has to be there before the first node."""

    async def _start_all(self) -> None:
        turns = asyncio.Semaphore(self.spread)
        try:
            async with asyncio.TaskGroup() as starting:
                for node in self.nodes:
                    starting.create_task(self._start_in_turn(node, turns))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None  # the first is why; the others were cancelled, or say the same

    async def _start_in_turn(self, node: Node, turns: asyncio.Semaphore) -> None:
        async with turns:
            await self.bring_up(node)
            self._serving += 1
            self.progress(self._serving, len(self.nodes))

    async def bring_up(self, node: Node) -> None:
        """Start a node and wait until its hosts serve."""
        await self.start(node)
        moment = await moment_at(partial(_count_of, node.line), self._source)
        node.line.order(replace(self.begin(node), moment=moment))
        await node.line.ready
        for order in self._standing_orders(node):
            node.line.order(order)

    def _standing_orders(self, node: Node) -> list[Order]:
        """What holds already when a node comes: cuts, and the faults of hosts."""
        cuts: list[Order] = [Sever(cut) for cut in self._cuts]
        faults = [(name, fault) for name, host in self.hosts.items() for fault in host.faults.now]
        return [*cuts, *(Fail(0, name, fault) for name, fault in faults if fault != Gone())]

    async def down(self) -> None:
        self._ending = True
        for node in self.nodes:
            node.line.order(Stop())
        await asyncio.gather(*(self._wait_for_end(node) for node in self.nodes), return_exceptions=True)
        await asyncio.gather(*(self.end(node) for node in self.nodes), return_exceptions=True)
        for node in self.nodes:
            node.line.lose()
        await self.clear()
        self._let_go()

    @abstractmethod
    async def clear(self) -> None:
        """Give back what `prepare` took."""

    async def _wait_for_end(self, node: Node) -> None:
        if node.line.wire is not None:
            await self._within(node.line.gone, _PATIENCE)

    async def _within(self, future: asyncio.Future[None], seconds: float) -> None:
        """Wait so long on the wall's clock, which no leap hurries."""
        timer = self.loop.call_patiently(seconds, lambda: None if future.done() else future.set_result(None))
        try:
            await asyncio.shield(future)
        finally:
            timer.cancel()

    def _line(self, name: str) -> Line:
        line = Line(name, self._heard)
        line.gone.add_done_callback(lambda _: self._lost(line))
        return line

    def _lines(self) -> list[Line]:
        return [node.line for node in self.nodes if not node.line.gone.done()]

    def where(self, host: DomainName) -> str:
        """See `Fabric`."""
        return ""

    # -- what goes by itself -----------------------------------------------------------------------------------

    def _lost(self, line: Line) -> None:
        if self._ending:
            return
        node = next(node for node in self.nodes if node.line is line)
        for plan in node.hosts:
            self.hosts[plan.name].faults.now.append(Gone())
            self.log.append(self.loop.time(), plan.name, FaultApplied(plan.name, str(Gone())))
            self._tell_all(Fail(0, plan.name, Gone()))

    async def restore(self, host: DomainName) -> None:
        """Bring the node of a host back, with the disks it had; what was broken on purpose stays so."""
        node = self._at[host]
        async with node.turn:
            if Gone() in self.hosts[host].faults.now:  # else it came with another host of the same node
                await self._bring_back(node)

    async def _bring_back(self, node: Node) -> None:
        await self.end(node)
        node.line = self._line(node.name)
        try:
            await self.bring_up(node)
        except NodeLost as error:
            sentence = f"{error.sentence}; it does not come back"
            raise MachineSaidNo(sentence, remedy=error.remedy, code="H046") from None
        for plan in node.hosts:
            await self._is_back(self.hosts[plan.name])

    async def _is_back(self, host: Host) -> None:
        others = [fault for fault in host.faults.now if fault != Gone()]
        host.faults.now.clear()
        await self._everywhere(lambda number: Heal(number, host.name))
        self.log.append(self.loop.time(), host.name, FaultLifted(host.name, str(Gone())))
        for fault in others:
            await self.fail(host.name, fault)

    # -- what nodes tell ---------------------------------------------------------------------------------------

    def _heard(self, line: Line, form: dict[str, Any]) -> None:
        if "event" in form:
            self._hold(form["t"], partial(self._write, form))
        elif "answer" in form:
            self._hold(form["t"], partial(line.answered, form["answer"], form))
        else:
            self._hold(form["t"], partial(self._switch.hear, form))

    def _write(self, form: dict[str, Any]) -> None:
        self.log.append(form["t"], form["host"], from_json(form))

    def _hold(self, t: float, act: Callable[[], object]) -> None:
        heappush(self._held, (t, next(self._arrivals), act))
        if len(self._held) == 1:
            self.loop.call_patiently(_HELD, self._let_go_what_waited)

    def _let_go(self, until: float = float("inf")) -> bool:
        """Have everything count that happened until then, in its order; whether there was anything."""
        found = False
        while self._held and self._held[0][0] <= until:
            heappop(self._held)[2]()
            found = True
        return found

    def _let_go_what_waited(self) -> None:
        self._let_go(self.loop.time() - _HELD)
        if self._held:
            self.loop.call_patiently(_HELD / 4, self._let_go_what_waited)

    # -- questions, faults, lines ------------------------------------------------------------------------------

    async def ask(self, host: DomainName, question: str, request: dict[str, Any]) -> dict[str, Any]:
        line = self._at[host].line
        return value_of(await line.ask(lambda number: Ask(number, host, question, request)))

    async def fail(self, host: DomainName, fault: Fault) -> None:
        here = self.hosts[host]
        if fault not in here.faults.now:
            here.faults.now.append(fault)
            await self._everywhere(lambda number: Fail(number, host, fault))

    async def lift(self, host: DomainName, fault: Fault) -> None:
        here = self.hosts[host]
        if fault in here.faults.now:
            here.faults.lift(fault)
            await self._everywhere(lambda number: Lift(number, host, fault))

    async def heal(self, host: DomainName) -> None:
        if Gone() in self.hosts[host].faults.now:
            await self.restore(host)
        self.hosts[host].faults.now.clear()
        await self._everywhere(lambda number: Heal(number, host))

    async def _everywhere(self, make: Callable[[int], Order]) -> None:
        """At all nodes, and done at all of them when this returns."""
        answers = await asyncio.gather(*(line.ask(make) for line in self._lines()), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, NodeLost):
                raise answer

    def connect(self, a: str, b: str, link: Link) -> None:
        self._links[a, b] = link
        self._tell_all(Connect(a, b, link))

    def cut(self, cut: Cut) -> None:
        if cut not in self._cuts:
            self._cuts.append(cut)
            self._tell_all(Sever(cut))
            self.log.append(self.loop.time(), "", FaultApplied(cut.target, cut.fault))

    def join(self, cut: Cut) -> None:
        if cut in self._cuts:
            self._cuts.remove(cut)
            self._tell_all(Join(cut))
            self.log.append(self.loop.time(), "", FaultLifted(cut.target, cut.fault))

    def mend(self) -> None:
        for cut in tuple(self._cuts):
            self.join(cut)

    async def in_force(self) -> None:
        await self._everywhere(Heed)

    def _tell_all(self, order: Order) -> None:
        for node in self.nodes:
            node.line.order(order)

    def _order_at(self, host: Host, order: Order) -> None:
        node = self._at.get(host.name)
        if node is None:
            raise problem(errno.EOPNOTSUPP, f"nobody leaves from {host.name}: what runs there is not the lab's")
        node.line.order(order)

    # -- packets --------------------------------------------------------------------------------------------

    def tap(self, subscriber: Subscriber, hosts: Collection[DomainName] = ()) -> Untap:
        raise WrongUse(f"on the {self.name} fabric packets cannot be captured", code="W013")

    async def see_all(self) -> None:
        """See `Fabric`."""
        assert Capability.TAP not in self.capabilities, "whoever can show packets says when it has"

    # -- time -----------------------------------------------------------------------------------------------

    async def advance(self, by: timedelta) -> None:
        await self._pace.leap_to(self.loop.time() + by.total_seconds(), lambda: False, self._let_go)

    async def settle(self, done: Callable[[], bool], within: timedelta) -> bool:
        until = self.loop.time() + within.total_seconds()
        if Capability.RUN_AHEAD in self.capabilities:
            return await self._pace.leap_to(until, done, self._let_go)
        return await self._wait(done, until)

    async def _wait(self, done: Callable[[], bool], until: float) -> bool:
        """In real time: `done` is asked whenever something has happened."""
        happened = asyncio.Event()
        leave = self.log.subscribe(lambda _: happened.set())
        timer = self.loop.call_at(until, happened.set)
        try:
            while not done() and self.loop.time() < until:
                happened.clear()
                await happened.wait()
            return done()
        finally:
            timer.cancel()
            leave()


async def _count_of(line: Line) -> float:
    """Of the clock of a node that waits for its Begin. NodeLost when it does not come to that."""
    return float((await line.ask(Tick))["tock"])


def _neighbour(plan: HostPlan) -> Neighbour:
    return Neighbour(plan.name, plan.addresses, plan.organisation, keeps_rules=not plan.is_foreign)


def _no_disk(host: Host) -> Disk:
    raise AssertionError(f"the disk of {host.name} is its node's")
