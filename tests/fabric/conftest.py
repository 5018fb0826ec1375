"""On which fabrics the parity cases are played."""

from __future__ import annotations

import asyncio

import pytest

from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from tests.fabric.parity import RANGES, Case, Stand, boot, perform


def play_on_sim(play: Case) -> None:
    async def whole() -> None:
        fabric = SimFabric(RANGES, boot)
        await perform(fabric, play)
        assert not fabric.crashes

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        runner.run(whole())


@pytest.fixture(params=["sim"])
def stand(request: pytest.FixtureRequest) -> Stand:
    """Where a parity case is played."""
    return {"sim": play_on_sim}[request.param]
