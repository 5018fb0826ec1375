"""The local fabric: every host in one process, on real addresses and ports of a private network.

The rule: enter the namespace first (`namespace.enter`), then make the fabric, inside a running `LabLoop` on
WarpedTime. Real tools reach the hosts from a shell inside (`visit`), from the address of the host `student`.
Time is real; `advance` runs it ahead timer by timer, whenever the sockets are quiet.

Each host address has a route of its own. What no host has is unreachable; beyond the ranges there is nothing.
A host whose `command:` is a program of the user's own is a guest (`guests`), in a network beside this one.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

from lab.events import FaultApplied
from lab.fabric.base import Boot, Capability
from lab.fabric.breakage import Cut
from lab.fabric.faults import Crash, Down, Fault, Gone, Paused
from lab.fabric.folder_disk import FolderDisk
from lab.fabric.guests import Guests, Home, is_program
from lab.fabric.host import Host
from lab.fabric.kernel import KernelStack, Network
from lab.fabric.limits import allow_open_files, too_many_files
from lab.fabric.loopback import LoopbackTap
from lab.fabric.netlink import Route, Routes
from lab.fabric.one_process import OneProcessFabric
from lab.fabric.rules import Packet, Place, Verdict, fate
from lab.fabric.sniff import EVERY
from lab.fabric.tap import Subscriber, Untap
from lab.log import EventLog
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link

STUDENT = DomainName("student")
"""The host that visitors are."""
_THOUGHT, _ANSWER = 0.25, 2.0
"""Real seconds of silence after which lab time may run ahead beside guests: in general, and while one is talked
with, which may have to think."""


class LocalFabric(OneProcessFabric):
    """A place for hosts to live, on the kernel. `root`: the lab's folder; each host has its disk below it. `at`:
    where programs of the user's own begin."""

    name = "local"
    view = (
        "Its packets are a real kernel's. What the lab's own lines and faults hold back or refuse never got there."
    )
    capabilities = frozenset(
        {
            Capability.RUN_AHEAD,
            Capability.REAL_TOOLS,
            Capability.SHELL,
            Capability.PROGRAM,
            Capability.TAP,
        }
    )

    def __init__(
        self,
        ranges: Sequence[str],
        boot: Boot,
        seed: str = "1",
        log: EventLog | None = None,
        *,
        root: Path,
        at: Path = Path(),
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
        home = Home(self._ranges, at.resolve(), root / "hosts", lambda: self.root, self._sources)
        self._guests = Guests(home)

    def add(self, plan: HostPlan) -> None:
        super().add(plan)
        host = self.hosts[plan.name]
        for address in plan.addresses:
            self._network.places[address] = host
        if plan.name == STUDENT:
            self._network.visitor = host
        if plan.name == STUDENT or is_program(plan):
            self._network.strangers.append(host)
        if is_program(plan):
            self.loop.patience = self._patience
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
        elif name in self._guests:
            self._guests[name].lead(self._routes)
        else:
            self._lay(self._routes, host.addresses)

    # -- guests -------------------------------------------------------------------------------------------

    async def _run_boot(self, host: Host) -> None:
        if is_program(host.plan):
            await self._guests.start(host.plan, lambda: self._went(host))
            self._reroute(host.name)
        await super()._run_boot(host)

    def _patience(self) -> float:
        """How long nothing has to come before lab time runs ahead."""
        guests = {address for host in self.hosts.values() if is_program(host.plan) for address in host.addresses}
        return _ANSWER if any(stack.talks_with(guests) for stack in self._stacks()) else _THOUGHT

    def _stacks(self) -> Iterator[KernelStack]:
        for host in self.hosts.values():
            assert isinstance(host.stack, KernelStack)
            yield host.stack

    def _went(self, host: Host) -> None:
        """A guest has ended by itself."""
        self.loop.create_task(self._bury(host), context=self._network.context.copy())

    async def _bury(self, host: Host) -> None:
        await self._stop([host])
        self.log.append(self.loop.time(), host.name, FaultApplied(host.name, str(Gone())))
        host.faults.apply(Gone())
        self.rules.changed()
        self._reroute(host.name)
        self._mind()

    async def restore(self, host: DomainName) -> None:
        await self.lift(host, Gone())

    async def _stop(self, hosts: Sequence[Host]) -> None:
        await super()._stop(hosts)
        for host in hosts:
            await self._guests.end(host.name)

    async def _take_down(self, host: Host, how: Down) -> None:
        if isinstance(how, Crash):
            await self._guests.end(host.name, kindly=False)
        await super()._take_down(host, how)

    def way_in(self, host: DomainName) -> dict[str, str]:
        if host not in self._guests:
            return {}
        guest = self._guests[host]
        return {"pid": str(guest.first), "log": str(guest.said)}

    # -- faults and links: the sockets have to be told ----------------------------------------------------

    async def fail(self, host: DomainName, fault: Fault) -> None:
        await super().fail(host, fault)
        if isinstance(fault, Paused) and host in self._guests:
            self._guests[host].stand_still()
        self._reroute(host)
        self._mind()

    async def lift(self, host: DomainName, fault: Fault) -> None:
        await super().lift(host, fault)
        if isinstance(fault, Paused) and host in self._guests:
            self._guests[host].go_on()
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
        alone = not any(is_program(host.plan) for host in self.hosts.values())
        return LoopbackTap(self._network, subscriber, "lo" if alone else EVERY).stop

    def _mind(self) -> None:
        for stack in self._stacks():
            stack.mind()


def _last(range_: str) -> Address:
    network = ip_network(range_)
    return Address(str(network[max(0, network.num_addresses - 2)]))
