"""The fabric inside a node: the hosts that live here, and the shadows of those that do not.

The rule: what passes between two hosts is decided where the sender's program runs, so a node knows the faults of
every host of the lab and every line between them; of its neighbours it knows no more. Sockets are the kernel's, in
whatever network the node stands: addresses that are not its own already it gives itself.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.fabric.ambient import AMBIENT
from lab.fabric.base import Boot, Capability
from lab.fabric.breakage import Cut
from lab.fabric.distant.identities import Identities
from lab.fabric.distant.moment import SharedTime
from lab.fabric.distant.orders import Begin, Neighbour
from lab.fabric.faults import Crash, Down, Fault, HostFaults, Paused
from lab.fabric.folder_disk import FolderDisk
from lab.fabric.kernel import KernelStack, Network
from lab.fabric.limits import allow_open_files
from lab.fabric.loop import LabLoop
from lab.fabric.netlink import Route, Routes
from lab.fabric.one_process import OneProcessFabric
from lab.names import DomainName
from lab.topology.plan import HostPlan, Link


class Shadow:
    """A host that lives elsewhere: all that the rules ask of it."""

    __slots__ = ("faults", "name", "plan")

    def __init__(self, neighbour: Neighbour) -> None:
        self.name = neighbour.name
        self.plan = HostPlan(neighbour.name, neighbour.addresses, neighbour.organisation)
        self.faults = HostFaults()

    @property
    def is_faulty(self) -> bool:
        return bool(self.faults.now)


class NodeLoop(LabLoop):
    """A loop that counts what its hosts' sockets brought, so that the lab can tell when all nodes are quiet."""

    def __init__(self, source: SharedTime) -> None:
        self.shared = source
        self.stirred = 0
        super().__init__(source)

    def _process_events(self, events: list[Any]) -> None:
        self.stirred += sum(_is_a_hosts(key.data) for key, _ in events)
        super()._process_events(events)


def _is_a_hosts(handles: Any) -> bool:
    handle = (handles[0] or handles[1]) if isinstance(handles, tuple) else None
    return handle is not None and handle._context.get(AMBIENT) is not None


class NodeFabric(OneProcessFabric):
    """A place for some of a lab's hosts to live."""

    name = "node"
    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, begin: Begin, boot: Boot, root: Path) -> None:
        self._disks = disks = ThreadPoolExecutor(FolderDisk.THREADS, "disk")
        super().__init__(
            boot,
            begin.seed,
            None,
            lambda host: KernelStack(host, self._network),
            lambda host: FolderDisk(root / "hosts" / host.name, disks),
        )
        self.ground.authority = Identities(begin.identities, begin.root)
        self._network = Network(self.loop, self.rules, begin.ranges)
        self._begin = begin
        self._shadows = {neighbour.name: Shadow(neighbour) for neighbour in begin.neighbours}
        for neighbour in begin.neighbours:
            self._network.places.update(dict.fromkeys(neighbour.addresses, self._shadows[neighbour.name]))
            if neighbour.keeps_rules:
                self._network.elsewhere |= set(neighbour.addresses)
        for plan in begin.hosts:
            self.add(plan)
        for a, b, link in begin.links:
            self.rules.connect(a, b, link)

    @property
    def afloat(self) -> tuple[int, int, int]:
        """Octets, datagrams and calls that went out from here, less those that came in here."""
        traffic = self._network.traffic
        return traffic.octets, traffic.datagrams, traffic.calls

    def add(self, plan: HostPlan) -> None:
        super().add(plan)
        for address in plan.addresses:
            self._network.places[address] = self.hosts[plan.name]

    async def up(self) -> None:
        begin = self._begin
        if begin.laid or begin.onlink or begin.known:
            with Routes() as routes:
                routes.lay(begin.laid, Route.LOCAL)
                for address in begin.laid:
                    if ":" in address:  # programs that do not choose leave from an interface's own address only
                        routes.assign(address)
                routes.reach(begin.onlink)
                routes.know(begin.known)
        allow_open_files()
        await super().up()

    async def down(self) -> None:
        await super().down()
        self._disks.shutdown()  # what was begun there is done

    # -- faults: of everyone, for the sender's node decides ----------------------------------------------------

    async def fail(self, host: DomainName, fault: Fault) -> None:
        if host in self.hosts:
            if isinstance(fault, Down):
                await self._tell_software(host, "doom" if isinstance(fault, Crash) else "hush")
            await super().fail(host, fault)
            if isinstance(fault, Paused):
                await self._tell_software(host, "freeze")
        elif host in self._shadows and fault not in self._shadows[host].faults.now:
            self._shadows[host].faults.now.append(fault)
            self.rules.changed()
        self.mind()

    async def lift(self, host: DomainName, fault: Fault) -> None:
        if host in self.hosts:
            await super().lift(host, fault)
            if isinstance(fault, Paused):
                await self._tell_software(host, "thaw")
        elif host in self._shadows and fault in self._shadows[host].faults.now:
            self._shadows[host].faults.lift(fault)
            self.rules.changed()
        self.mind()

    async def heal(self, host: DomainName) -> None:
        place = self.hosts.get(host) or self._shadows.get(host)
        for fault in tuple(place.faults.now if place else ()):
            await self.lift(host, fault)

    async def _tell_software(self, host: DomainName, what: str) -> None:
        """Programs that are not the lab's stand still with their host, where it has some (`lab.foreign.start`)."""
        with suppress(KeyError):
            await self.ask(host, what, {})

    def connect(self, a: str, b: str, link: Link) -> None:
        super().connect(a, b, link)
        self.mind()

    def cut(self, cut: Cut) -> None:
        """As everywhere, but the lab tells of it, once."""
        if cut not in self.rules.cuts:
            self.rules.cut(cut)
            self.mind()

    def join(self, cut: Cut) -> None:
        if cut in self.rules.cuts:
            self.rules.join(cut)
            self.mind()

    def mind(self) -> None:
        for host in self.hosts.values():
            assert isinstance(host.stack, KernelStack)
            host.stack.mind()
