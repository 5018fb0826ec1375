"""The docker fabric: hosts in containers, on a network that leads nowhere.

The rule: a container is a node (`lab.fabric.distant`) and nothing else: its line is its own standard input and
output, so that no port, no socket file and no `docker exec` is needed to steer it, wherever its engine is. Nobody
sleeps and nobody probes: a node says itself when its hosts serve.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from lab.errors import LabError
from lab.fabric.base import Capability
from lab.fabric.breakage import Cut
from lab.fabric.distant.fabric import DistantFabric, Node
from lab.fabric.distant.orders import Begin
from lab.fabric.docker import guests
from lab.fabric.docker.barrier import NOTHING, World, ruleset
from lab.fabric.docker.engine import Engine, Make
from lab.fabric.docker.fleet import Fleet
from lab.fabric.docker.guests import is_guest
from lab.fabric.docker.image.recipe import LEAN
from lab.fabric.docker.layout import Container, bridge, containers, docker_name
from lab.fabric.docker.papers import HOSTS, ROOT, TRUSTED, papers, resolv_name
from lab.fabric.docker.placement import place
from lab.fabric.docker.sweep import passing_owner, sweeper
from lab.fabric.docker.tap import ContainerTap, Lookout
from lab.fabric.docker.wire import Attached, End, Streams, watched
from lab.fabric.faults import Down, Fault, Paused
from lab.fabric.software import Folder, capabilities, folders
from lab.fabric.tap import Subscriber, Untap
from lab.fabric.wish import Wish
from lab.names import DomainName
from lab.topology.plan import HostPlan, Link, Plan

_DISK = "/var/lib/lab"
_LOOKOUT = ("python3", "-S", "-m", "lab.fabric.docker.lookout")
_PROGRAM = ("python3", "-OO", "-S", "-X", f"pycache_prefix={LEAN}", "-m", "lab.node", _DISK)
"""The image says where everything is; looking for site packages would cost a tenth of the start."""
_LAST_LOOK_S = 2.0
"""For what a tap has not told yet, when the lab goes down."""


Tell = Callable[[str], None]


def software_of(box: Container) -> tuple[str, ...]:
    """What the hosts of a container run that is not the lab's."""
    return tuple(sorted({name for host in box.hosts for name in host.software}))


def _is_memory(room: Folder) -> bool:
    """Whether there is a place for it already."""
    return room.durable or room.path.startswith("/run/")


class DockerFabric(DistantFabric):
    """See `lab.fabric.base.Fabric`."""

    name = "docker"
    view = (
        "Its packets are a real kernel's, as each container's own network saw them. What the lab's own lines and "
        "faults hold back or refuse never got there."
    )
    capabilities = frozenset(
        {
            Capability.RUN_AHEAD,
            Capability.REAL_TOOLS,
            Capability.SHELL,
            Capability.SOFTWARE,
            Capability.PROGRAM,
            Capability.TAP,
        }
    )
    spread: ClassVar[int] = 6
    """Containers that are started at once. Fifty took 10.7 s with 3, 10.4 with 6, 10.5 with 8, 10.1 with 12 and
    10.6 with 24 on two cores (medians of 2 or 3 runs): the cores are the bound, not how many wait for them."""

    def __init__(self, plan: Plan, wish: Wish, tell: Tell = lambda _: None) -> None:
        super().__init__(plan)
        self.wish = wish
        self._tell = tell
        self._owner = wish.owner or passing_owner()
        self._fleet = Fleet(wish.engines, self._owner)
        self._places: dict[str, int] = {}
        """By container, which engine it lives on."""
        self._ids: dict[str, str] = {}
        self._boxes: dict[str, Container] = {}
        self._guests: list[Container] = []
        self._rules: dict[str, str] = {}
        """By container, what its packet filter was told last."""
        self._barriers: asyncio.Future[None] = self.loop.create_future()
        self._barriers.set_result(None)
        self._sweeper: subprocess.Popen[bytes] | None = None
        self._taps: list[ContainerTap] = []
        self._starting = asyncio.Semaphore(self.spread)
        self._asked: set[asyncio.Future[Any]] = set()

    def way_in(self, host: DomainName) -> dict[str, str]:
        name = self._name_at(host)
        engine = self.engine_of(name)
        return {"engine": engine.url, "container": self._ids[name], "disk": f"{_DISK}/hosts/{host}"}

    def where(self, host: DomainName) -> str:
        return self._fleet.names[self._places[self._name_at(host)]] if self._fleet.names else ""

    def _name_at(self, host: DomainName) -> str:
        """Its container's name: its node's, or a guest's own."""
        return self._at[host].name if host in self._at else host

    def engine_of(self, name: str) -> Engine:
        """Where a container lives."""
        return self._fleet.engines[self._places[name]]

    # -- before the first, and after the last ------------------------------------------------------------------

    def layout(self) -> Sequence[tuple[str, tuple[HostPlan, ...]]]:
        plans = [host.plan for host in self.hosts.values()]
        engines = len(self._fleet.engines)
        self._bridge = bridge(self.plan.ranges, plans, engines)
        own, guests = [[plan for plan in plans if is_guest(plan) is kind] for kind in (False, True)]
        boxes = containers(own, self.plan.ranges, self.wish.share, self._bridge, engines)
        self._guests = containers(guests, self.plan.ranges, 1, self._bridge)
        self._boxes = {box.name: box for box in (*boxes, *self._guests)}
        return [(box.name, box.hosts) for box in boxes]

    async def _start_all(self) -> None:
        await super()._start_all()
        for box in self._guests:
            self._ids[box.name] = await self._in_thread(partial(self._invite, box))
        self._raise_barriers()  # against what the topology's lines lose
        await self._barriers

    def _invite(self, box: Container) -> str:
        name, binds = self._name(box.name), self._papers_of(box)
        engine, usual = self.engine_of(box.name), self._fleet.image(self._places[box.name])
        return guests.make(engine, name, self._fleet.network, box, binds, self._owner, usual)

    def _papers_of(self, box: Container) -> dict[str, str]:
        """What covers a container's own files of names and trust."""
        stand = self._fleet.papers[self._places[box.name]]
        return {
            "/etc/resolv.conf": f"{stand}/{resolv_name(box.hosts[0].resolvers)}",
            "/etc/hosts": f"{stand}/{HOSTS}",
            TRUSTED: f"{stand}/{ROOT}",
        }

    async def prepare(self) -> None:
        await self._in_thread(self._prepare)

    def _prepare(self) -> None:
        fleet, boxes = self._fleet, list(self._boxes.values())
        self._places = place(boxes, fleet.meet())
        fleet.equip(self._software(), self._tell, self.wish.image)
        fleet.clear_up(self._tell)
        self._sweeper = sweeper(self._owner, fleet.engines)
        fleet.join(self._name("net"), self._bridge, self.plan.ranges)
        fleet.lay_papers(
            self._name("papers", self._owner), papers((host.plan for host in self.hosts.values()), self.root)
        )

    def _software(self) -> list[list[tuple[str, ...]]]:
        """By engine, what runs there."""
        return [
            sorted({software_of(box) for name, box in self._boxes.items() if self._places[name] == at})
            for at in range(len(self._fleet.engines))
        ]

    async def clear(self) -> None:
        if self._asked:  # what an engine was asked for comes to be all the same, and is swept then
            await asyncio.wait(tuple(self._asked))
        if self._sweeper is None:
            self._fleet.close()
            return  # it did not come far enough to leave anything
        try:
            await self._in_thread(self._fleet.clear)
        finally:
            self._sweeper.kill()
            self._sweeper.wait()
            self._sweeper = None
            self._fleet.close()

    def _name(self, *parts: str) -> str:
        return docker_name("lab", self.plan.name, *parts)

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        """Whoever waits may be called off; the engine goes on with what it was asked for."""
        asked = asyncio.get_running_loop().run_in_executor(None, work)
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return await asyncio.shield(asked)

    # -- nodes -------------------------------------------------------------------------------------------------

    def begin(self, node: Node) -> Begin:
        box = self._boxes[node.name]
        return replace(super().begin(node), laid=box.laid, onlink=box.onlink, known=box.known)

    async def start(self, node: Node) -> None:
        self._ids[node.name], connection = await self._in_thread(lambda: self._start(node))
        node.line.wire = await self._wired(connection, node.line)
        await self._followed(node.name)

    async def _wired(self, connection: Any, end: End) -> Attached:
        streams = Streams(end.feed, end.grumble)
        wire = Attached(streams, end.lose, connection)
        await self.loop.create_connection(lambda: wire, sock=watched(connection._sock))
        return wire

    def _start(self, node: Node) -> tuple[str, Any]:
        box, at, fleet = self._boxes[node.name], self._places[node.name], self._fleet
        engine, first, software = fleet.engines[at], box.hosts[0], software_of(box)
        rooms = folders(software)
        make = Make(
            fleet.image(at, software),
            _PROGRAM,
            self._owner,
            binds=self._papers_of(box),
            volumes={
                _DISK: self._name(node.name, self._owner),
                **{room.path: self._name(node.name, self._owner, room.path) for room in rooms if room.durable},
            },
            tmpfs=("/tmp", "/run", *(room.path for room in rooms if not _is_memory(room))),
            capabilities=capabilities(software),
            resolvers=first.resolvers,
            environment={"SSL_CERT_FILE": TRUSTED, "LAB_HOST": first.name},
        )
        made = engine.make_container(self._name(node.name), first.name, fleet.network, box, make)
        connection = engine.attach(made)
        engine.start(made)
        return made, connection

    # -- packets ----------------------------------------------------------------------------------------------

    def tap(self, subscriber: Subscriber, hosts: Collection[DomainName] = ()) -> Untap:
        places: dict[str, dict[str, DomainName]] = {
            name: {address: host.name for host in box.hosts for address in host.addresses}
            for name, box in self._boxes.items()
            if not hosts or any(host.name in hosts for host in box.hosts)
        }
        made = ContainerTap(subscriber, places, self._source, self._send, self._hold)
        self._taps.append(made)
        return partial(self._untap, made)

    def _untap(self, tap: ContainerTap) -> int:
        self._taps = [one for one in self._taps if one is not tap]
        return tap.stop()

    async def see_all(self) -> None:
        for tap in self._taps:
            await tap.see_all()
        shown = asyncio.Event()
        self._hold(self.loop.time(), shown.set)
        await shown.wait()

    async def _followed(self, name: str) -> None:
        """A container has come while somebody looks on; where that cannot be, the host lives all the same."""
        for tap in self._taps:
            with suppress(LabError):
                await tap.follow(name)

    async def _send(self, name: str, lookout: Lookout) -> Attached | None:
        if not self._is_there(name):
            return None
        async with self._starting:
            connection = await self._in_thread(partial(self._start_lookout, name))
        return await self._wired(connection, lookout)

    def _start_lookout(self, name: str) -> Any:
        engine, image = self.engine_of(name), self._fleet.image(self._places[name])
        made = engine.make_beside(self._ids[name], image, _LOOKOUT, self._owner, ("NET_RAW",))
        connection = engine.attach(made)
        engine.start(made)
        return connection

    def _is_there(self, name: str) -> bool:
        """Whether a container runs, as far as is known."""
        first = self._boxes[name].hosts[0].name
        node = self._at.get(first)
        if node is not None:
            return not node.line.gone.done()
        return not any(isinstance(fault, Down) for fault in self.hosts[first].faults.now)

    async def down(self) -> None:
        if self._taps:
            last = asyncio.ensure_future(self.see_all())
            await asyncio.wait([last], timeout=_LAST_LOOK_S)
            last.cancel()
        await super().down()

    # -- what stands in the way of programs that are not the lab's --------------------------------------------

    async def fail(self, host: DomainName, fault: Fault) -> None:
        await super().fail(host, fault)
        if host not in self._at:
            await self._in_thread(lambda: guests.fail(self.engine_of(host), self._ids[host], fault))
        self._raise_barriers()
        await self._barriers

    async def lift(self, host: DomainName, fault: Fault) -> None:
        await super().lift(host, fault)
        if host not in self._at and isinstance(fault, Down | Paused):
            await self._in_thread(lambda: guests.heal(self.engine_of(host), self._ids[host]))
            await self._followed(host)
        self._raise_barriers()
        await self._barriers

    async def heal(self, host: DomainName) -> None:
        await super().heal(host)
        if host not in self._at:
            await self._in_thread(lambda: guests.heal(self.engine_of(host), self._ids[host]))
            await self._followed(host)
        self._raise_barriers()
        await self._barriers

    def cut(self, cut: Cut) -> None:
        super().cut(cut)
        self._raise_barriers()

    def join(self, cut: Cut) -> None:
        super().join(cut)
        self._raise_barriers()

    async def in_force(self) -> None:
        await super().in_force()
        await self._barriers

    async def settle(self, done: Callable[[], bool], within: timedelta) -> bool:
        await self._barriers
        return await super().settle(done, within)

    async def advance(self, by: timedelta) -> None:
        await self._barriers
        await super().advance(by)

    def connect(self, a: str, b: str, link: Link) -> None:
        super().connect(a, b, link)
        if self._ids:
            self._raise_barriers()

    async def restore(self, host: DomainName) -> None:
        await super().restore(host)
        self._raise_barriers()  # its packet filter went with it
        await self._barriers

    def _raise_barriers(self) -> None:
        """Let the containers' kernels stand as the rules do; what is asked of the lab next waits for it."""
        before, self._barriers = self._barriers, self.loop.create_future()
        self._raising = self.loop.create_task(self._raised(before, self._barriers))

    async def _raised(self, before: asyncio.Future[None], over: asyncio.Future[None]) -> None:
        try:
            await before
            await self._raise()
        finally:
            over.set_result(None)

    async def _raise(self) -> None:
        plans = [host.plan for host in self.hosts.values()]
        faults = {name: tuple(host.faults.now) for name, host in self.hosts.items() if host.is_faulty}
        links = {pair: link for (a, b), link in self._links.items() for pair in ((a, b), (b, a))}
        world = World(plans, faults, tuple(self._cuts), links)
        gone = {node.name for node in self.nodes if node.line.gone.done()}
        wanted = {name: ruleset(box.hosts, world) for name, box in self._boxes.items() if name not in gone}
        changed = {name: rules for name, rules in wanted.items() if rules != self._rules.get(name, NOTHING)}
        await asyncio.gather(*(self._in_thread(partial(self._bar, *each)) for each in changed.items()))
        self._rules |= changed

    def _bar(self, name: str, rules: str) -> None:
        """A container beside the host's own does it: the host's has no right to."""
        with suppress(LabError, KeyError):  # one that goes at this moment needs no barrier
            command = ("sh", "-c", 'printf %s "$0" | nft -f -', rules)
            image = self._fleet.image(self._places[name])
            self.engine_of(name).run_beside(self._ids[name], image, command, ("NET_ADMIN",))

    async def end(self, node: Node) -> None:
        made = self._ids.get(node.name)
        self._rules.pop(node.name, None)
        if made is not None:
            engine = self.engine_of(node.name)
            if node.line.gone.done():
                await self._in_thread(lambda: engine.await_removal(made))
            await self._in_thread(lambda: engine.remove(made))
            self._ids.pop(node.name, None)
