"""On which fabrics the parity cases are played."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path

import pytest

from lab.clock import WarpedTime
from lab.fabric.local import LocalFabric
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from tests.fabric.forked import in_namespace
from tests.fabric.parity import RANGES, Case, Stand, boot, perform


def play_on_sim(play: Case) -> None:
    async def whole() -> None:
        fabric = SimFabric(RANGES, boot)
        await perform(fabric, play)
        assert not fabric.crashes

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        runner.run(whole())


def play_on_local(play: Case, user: str) -> None:
    async def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            fabric = LocalFabric(RANGES, boot, root=Path(folder))
            await perform(fabric, play)
        assert not fabric.crashes

    def inside() -> None:
        with asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner:
            runner.run(whole())

    in_namespace(inside, user)


STANDS = {
    "sim": play_on_sim,
    "local": partial(play_on_local, user="oneself"),
    "local-ordinary": partial(play_on_local, user="ordinary"),
}


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest) -> Stand:
    """Where a parity case is played."""
    return STANDS[request.param]
