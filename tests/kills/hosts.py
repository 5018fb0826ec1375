"""The hosts, each a process that was forked from the one that kills it.

The rule: a process begins with what is on its disk, and with nothing else. Its parent asks it one thing, over a
pipe: try all that waits, and tell how much that is. It dies with its parent.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import topology
from lab.fabric.certificates import CertificateAuthority
from lab.fabric.distant.moment import by_the_wall
from lab.fabric.distant.node import NodeFabric, NodeLoop
from lab.fabric.distant.orders import Begin, Moment, Neighbour
from lab.fabric.host import certified
from lab.internet import boot
from lab.names import Address, DomainName
from lab.scenario.futures.acts import Send
from lab.scenario.futures.play import play
from lab.topology.plan import Plan

TOPOLOGY = """\
name: kills
domains:
  a.be: {mx: [5 mail.a.be, 10 mail.b.com], people: [p]}
  b.com: {mx: [5 mail.b.com], people: [q], hosts: {mail.b.com: {mail: {backup_for: [a.be]}}}}
"""
HOME, BACKUP = "mail.a.be", "mail.b.com"


@dataclass(slots=True)
class Process:
    """A running one: `orders` and `answers` are ends of pipes."""

    pid: int
    orders: int
    answers: int

    def ask(self) -> int:
        """How much waits in its queues, after it was told to try all of it."""
        os.write(self.orders, b"?")
        return int(_line(self.answers))

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.orders)
        os.close(self.answers)


@dataclass(frozen=True, slots=True)
class World:
    """What every process of it is told first. `papers`: by host."""

    plan: Plan
    root: bytes
    papers: Mapping[DomainName, bytes]

    def address(self, name: str) -> Address:
        return next(host.addresses[0] for host in self.plan.hosts if host.name == name)

    def begin(self, names: Sequence[str], moment: Moment) -> Begin:
        own = tuple(host for host in self.plan.hosts if host.name in names)
        others = [host for host in self.plan.hosts if host.name not in names]
        return Begin(
            # Another life draws other numbers: ids of messages that are on its disk already must not come again.
            seed=f"{self.plan.seed}@{moment.ahead:.6f}",
            ranges=self.plan.ranges,
            hosts=own,
            zones=self.plan.zones,
            neighbours=tuple(Neighbour(one.name, one.addresses, one.organisation) for one in others),
            links=(),
            identities={host.name: self.papers[host.name] for host in own if host.mail},
            root=self.root,
            moment=moment,
            laid=tuple(address for host in own for address in host.addresses),
        )


def world() -> World:
    """The world; and all that its programs import is here, once for every process to come."""
    plan = topology.loads(TOPOLOGY)
    assert play(plan, 1, [Send("q@b.com", ("p@a.be",), "warm")]).passed
    authority = CertificateAuthority(plan.seed)
    papers = {host.name: authority.papers(certified(host)) for host in plan.hosts if host.mail}
    return World(plan, authority.root, papers)


def start(world: World, names: Sequence[str], folder: Path) -> Process:
    """A process with these hosts, once they serve; RuntimeError when it ends instead."""
    orders, told = os.pipe(), os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(orders[1])
        os.close(told[0])
        _be(lambda: _live(world, names, folder, orders[0], told[1]), parent)
    os.close(orders[0])
    os.close(told[1])
    process = Process(pid, orders[1], told[0])
    if _line(process.answers) != "up":
        raise RuntimeError(f"{', '.join(names)} did not come up")
    return process


def _line(answers: int) -> str:
    line = b""
    while not line.endswith(b"\n"):
        octet = os.read(answers, 1)
        if not octet:
            return line.decode()
        line += octet
    return line.decode().strip()


def _be(work: Callable[[], None], parent: int) -> None:
    """Be another process from now on: this never returns."""
    dies_with_parent = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(dies_with_parent, signal.SIGKILL)
    status = 1
    try:
        if os.getppid() == parent:
            work()
            status = 0
    finally:
        os._exit(status)


def _live(world: World, names: Sequence[str], folder: Path, orders: int, told: int) -> None:
    source = by_the_wall()

    async def live() -> None:
        begin = world.begin(names, source.moment)
        fabric = NodeFabric(begin, boot(begin.zones), folder)
        await fabric.up()
        asked = asyncio.Event()
        asyncio.get_running_loop().add_reader(orders, asked.set)
        os.write(told, b"up\n")
        while True:
            await asked.wait()
            asked.clear()
            if not os.read(orders, 64):
                return
            os.write(told, b"%d\n" % await _waiting(fabric))

    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=lambda: NodeLoop(source)) as runner:
        runner.run(live())


async def _waiting(fabric: NodeFabric) -> int:
    """Try everything that waits; how much still does a moment later."""
    mail = [name for name, host in fabric.hosts.items() if host.plan.mail]
    for name in mail:
        await fabric.ask(name, "retry", {})
    await asyncio.sleep(0.05)
    return sum([len((await fabric.ask(name, "queue", {}))["queue"]) for name in mail])
