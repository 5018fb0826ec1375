"""The shipped scenarios come out on nodes as they do in memory: one lab, some of whose hosts share a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.fabric.distant.fabric import DistantFabric
from lab.internet import Internet
from lab.scenario.net import Net
from lab.scenario.play import scripts_of
from lab.scenario.script import topology_of
from lab.topology import load
from tests.fabric.distant.stage import play

ROOT = Path(__file__).parents[3]
NAMES = (
    "mx_fallback",
    "backup_holds_and_drains",
    "five_days_and_give_up",
    "partition",
    "stale_cache_after_mx_change",
    "submission",
    "imap_idle",
    "pop3_leaves_or_takes_mail",
)
SCRIPTS = [script for name in NAMES for file in ROOT.glob(f"scenarios/{name}*.py") for script in scripts_of(file)]


@pytest.mark.namespace
@pytest.mark.parametrize("number", range(len(SCRIPTS)), ids=[script.name for script in SCRIPTS])
def test_the_verdict_is_the_same(number: int) -> None:
    script = SCRIPTS[number]

    async def story(internet: Internet, _: DistantFabric) -> None:
        net = Net(internet)
        await script.play(net)
        await net.catch_up()

    play(story, load(topology_of(script, ROOT)), share=4)
