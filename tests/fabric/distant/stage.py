"""A mini-Internet whose hosts live in processes of their own, for one story."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from lab.fabric.distant.moment import SharedTime
from lab.fabric.loop import LabLoop
from lab.internet import Internet
from lab.topology import load
from lab.topology.plan import Plan
from tests.fabric.distant.processes import ProcessFabric
from tests.fabric.forked import in_namespace

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
Story = Callable[[Internet, ProcessFabric], Awaitable[None]]


def play(story: Story, plan: Plan | None = None, share: int = 5, other_clock: int = 0) -> None:
    """Bring the plan up (tiny.yaml, if none is given), `share` hosts in a node, and let the story happen."""
    plan = plan or load(TOPOLOGIES / "tiny.yaml")

    async def whole() -> None:
        with tempfile.TemporaryDirectory() as root:
            fabric: list[ProcessFabric] = []

            def make(_: object) -> ProcessFabric:
                fabric.append(ProcessFabric(plan, Path(root), share, other_clock))
                return fabric[0]

            internet = Internet(plan, make)
            await internet.up()
            try:
                await story(internet, fabric[0])
            finally:
                await internet.down()

    def inside() -> None:
        with asyncio.Runner(loop_factory=lambda: LabLoop(SharedTime())) as runner:
            runner.run(whole())

    in_namespace(inside)
