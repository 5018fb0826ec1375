"""A fabric whose nodes are processes of this machine, in one private network: all of `lab.fabric.distant`, and no
container."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.fabric.distant.fabric import DistantFabric, Node
from lab.fabric.distant.orders import Begin
from lab.fabric.netlink import Route, Routes
from lab.topology.plan import HostPlan, Plan


class Pipes:
    """A wire to a child's standard streams."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def write(self, octets: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(octets)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


class ProcessFabric(DistantFabric):
    """`share`: how many hosts live in one node; `other_clock`: by how many seconds the monotonic clock of every
    second node is another than this process's."""

    name = "processes"

    def __init__(self, plan: Plan, root: Path, share: int = 1, other_clock: int = 0) -> None:
        super().__init__(plan)
        self.folder = root
        self.share = share
        self.other_clock = other_clock
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self.hearing: list[asyncio.Task[None]] = []

    def layout(self) -> Sequence[tuple[str, tuple[HostPlan, ...]]]:
        plans = [host.plan for host in self.hosts.values()]
        groups = [tuple(plans[start : start + self.share]) for start in range(0, len(plans), self.share)]
        return [(group[0].name, group) for group in groups]

    def begin(self, node: Node) -> Begin:
        return replace(super().begin(node), laid=tuple(a for host in node.hosts for a in host.addresses))

    async def prepare(self) -> None:
        with Routes() as routes:
            routes.assign(next(iter(self.hosts.values())).addresses[0])
            routes.lay(self.plan.ranges, Route.UNREACHABLE)

    async def clear(self) -> None:
        """The network goes with the process."""

    async def start(self, node: Node) -> None:
        pipe = asyncio.subprocess.PIPE
        words = [sys.executable, "-P", "-m", "lab.node", str(self.folder)]
        if self.other_clock and self.nodes.index(node) % 2:
            words = ["unshare", "--time", f"--monotonic={self.other_clock}", "--fork", "--kill-child", *words]
        process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        self.running[node.name] = process
        node.line.wire = Pipes(process)
        assert process.stdout is not None
        assert process.stderr is not None
        self.hearing.append(asyncio.create_task(_pump(process.stdout, node.line.feed, node.line.lose)))
        self.hearing.append(asyncio.create_task(_pump(process.stderr, node.line.grumble, lambda: None)))

    async def end(self, node: Node) -> None:
        process = self.running.pop(node.name, None)
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _pump(stream: asyncio.StreamReader, heard, over) -> None:  # type: ignore[no-untyped-def]
    while octets := await stream.read(1 << 20):
        heard(octets)
    over()
