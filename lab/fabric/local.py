"""The local fabric: every host in one process, on real addresses and ports of a private network.

The rule: enter the namespace first (`namespace.enter`), then make the fabric, inside a running `LabLoop` on
WarpedTime. Real tools reach the hosts from a shell inside (`visit`), from the address of the host `student`.
Time is real; `advance` runs it ahead timer by timer, whenever the sockets are quiet.

Each host address has a route of its own. What no host has is unreachable; beyond the ranges there is nothing.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

from lab.fabric.base import Boot, Capability
from lab.fabric.breakage import Cut
from lab.fabric.faults import Fault
from lab.fabric.folder_disk import FolderDisk
from lab.fabric.kernel import KernelStack, Network
from lab.fabric.limits import allow_open_files, too_many_files
from lab.fabric.loopback import LoopbackTap
from lab.fabric.netlink import Route, Routes
from lab.fabric.one_process import OneProcessFabric
from lab.fabric.rules import Packet, Place, Verdict, fate
from lab.fabric.tap import Subscriber, Untap
from lab.log import EventLog
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link

STUDENT = DomainName("student")
"""The host that visitors are."""


class LocalFabric(OneProcessFabric):
    """A place for hosts to live, on the kernel. `root`: the lab's folder; each host has its disk below it."""

    name = "local"
    view = (
        "Its packets are a real kernel's. What the lab's own lines and faults hold back or refuse never got there."
    )
    capabilities = frozenset({Capability.RUN_AHEAD, Capability.REAL_TOOLS, Capability.SHELL, Capability.TAP})

    def __init__(
        self, ranges: Sequence[str], boot: Boot, seed: str = "1", log: EventLog | None = None, *, root: Path
    ) -> None:
        disks = ThreadPoolExecutor(FolderDisk.THREADS, "disk")
        super().__init__(
            boot,
            seed,
            log,
            lambda host: KernelStack(host, self._network),
            lambda host: FolderDisk(root / "hosts" / host.name, disks),
        )
        self._network = Network(self.loop, self.rules, ranges)
        self._ranges = tuple(ranges)
        self._routes: Routes | None = None

    def add(self, plan: HostPlan) -> None:
        super().add(plan)
        host = self.hosts[plan.name]
        for address in plan.addresses:
            self._network.places[address] = host
        if plan.name == STUDENT:
            self._network.visitor = host
        if self._routes is not None:
            self._lay(self._routes, plan.addresses)

    # -- up and down --------------------------------------------------------------------------------------

    async def up(self) -> None:
        if self._routes is None:
            self._routes = Routes()
            self._lay_ranges(self._routes)
            self._lay(self._routes, self._network.places)
        allowed = allow_open_files()
        try:
            await super().up()
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            await self.down()
            raise too_many_files(len(self.hosts), allowed) from None

    async def down(self) -> None:
        await super().down()
        if self._routes is not None:
            self._routes.close()
            self._routes = None

    # -- routes -------------------------------------------------------------------------------------------

    def _lay_ranges(self, routes: Routes) -> None:
        for source in self._sources():
            routes.assign(source)
        routes.lay(self._ranges, Route.UNREACHABLE)

    def _lay(self, routes: Routes, addresses: Sequence[str] | dict[str, Place]) -> None:
        for source in self._sources():
            alike = [address for address in addresses if (":" in address) == (":" in source)]
            routes.lay(alike, Route.LOCAL, source)

    def _sources(self) -> list[Address]:
        """Where visitors come from, one address of each family: the student's, else the last of a range."""
        visitor = self._network.visitor
        found = [*(visitor.addresses if visitor else ()), *(_last(text) for text in self._ranges)]
        by_family = {":" in address: address for address in reversed(found)}
        return [by_family[six] for six in (False, True) if six in by_family]

    def _reroute(self, name: DomainName) -> None:
        """Let the kernel say what the rules say of a host that cannot be reached."""
        host = self.hosts[name]
        if self._routes is None or host is self._network.visitor:
            return  # the others' routes lean on the visitor's
        if fate(Packet.CONNECT, host.faults.now) is Verdict.UNREACHABLE:
            self._routes.lay(host.addresses, Route.UNREACHABLE)
        else:
            self._lay(self._routes, host.addresses)

    # -- faults and links: the sockets have to be told ----------------------------------------------------

    async def fail(self, host: DomainName, fault: Fault) -> None:
        await super().fail(host, fault)
        self._reroute(host)
        self._mind()

    async def lift(self, host: DomainName, fault: Fault) -> None:
        await super().lift(host, fault)
        self._reroute(host)
        self._mind()

    def connect(self, a: str, b: str, link: Link) -> None:
        super().connect(a, b, link)
        self._mind()

    def cut(self, cut: Cut) -> None:
        super().cut(cut)
        self._mind()

    def join(self, cut: Cut) -> None:
        super().join(cut)
        self._mind()

    # -- packets ------------------------------------------------------------------------------------------

    def tap(self, subscriber: Subscriber, hosts: Collection[DomainName] = ()) -> Untap:
        """Show what crosses `lo`: what the lab's own links and faults hold back never gets there."""
        return LoopbackTap(self._network, subscriber).stop

    def _mind(self) -> None:
        for host in self.hosts.values():
            assert isinstance(host.stack, KernelStack)
            host.stack.mind()


def _last(range_: str) -> Address:
    network = ip_network(range_)
    return Address(str(network[max(0, network.num_addresses - 2)]))
