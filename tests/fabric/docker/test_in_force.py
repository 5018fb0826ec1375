"""A cut, or a line that is bad, holds in every container's packet filter when whoever ordered it goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from lab.fabric.breakage import Breakage, Cut, OnLine
from lab.fabric.distant.moment import SharedTime
from lab.fabric.docker.barrier import NOTHING
from lab.fabric.docker.fabric import DockerFabric
from lab.fabric.loop import LabLoop
from lab.fabric.wish import Wish
from lab.internet import Internet
from lab.topology import loads
from lab.topology.plan import Link

REAL = """\
name: real
domains:
  a.be: {mx: [10 mail.a.be], hosts: {mail.a.be: {software: postfix}}}
  b.be: {mx: [10 mail.b.be], hosts: {mail.b.be: {software: exim}}}
"""


class Filters(DockerFabric):
    """Containers whose packet filters take their time; no engine is there."""

    def stand_still(self) -> None:
        self.may_go_on = threading.Event()
        self.told: dict[str, str] = {}
        for name, _ in self.layout():
            self._ids[name] = name

    def _bar(self, name: str, rules: str) -> None:
        self.may_go_on.wait()
        self.told[name] = rules


def play(story: Callable[[Internet, Filters], object]) -> None:
    async def whole() -> None:
        plan = loads(REAL, "real.yaml")
        fabric = Filters(plan, Wish(owner="nobody"))
        net = Internet(plan, lambda _: fabric)
        fabric.stand_still()
        try:
            await story(net, fabric)  # type: ignore[misc]
        finally:
            fabric.may_go_on.set()
            fabric._fleet.close()

    with asyncio.Runner(loop_factory=lambda: LabLoop(SharedTime())) as runner:
        runner.run(whole())


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("what", "where"),
    [(Cut(("a.be",), ("b.be",)), 4), (OnLine("a.be", "b.be", Link(loss=0.5)), 2)],
    ids=["cut", "line"],
)
def test_it_begins_and_ends_when_every_packet_filter_stands(what: Breakage, where: int) -> None:
    async def story(net: Internet, fabric: Filters) -> None:
        for act, filtered in ((net.begin, True), (net.end, False)):
            fabric.may_go_on.clear()
            acting = asyncio.ensure_future(act(what))
            await turns()
            assert not acting.done()
            fabric.may_go_on.set()
            await acting
            assert [rules != NOTHING for rules in fabric.told.values()] == [filtered] * where

    play(story)


def test_all_is_mended_when_no_packet_filter_stands_any_more() -> None:
    async def story(net: Internet, fabric: Filters) -> None:
        fabric.may_go_on.set()
        await net.begin(Cut(("a.be",), ("b.be",)))
        fabric.may_go_on.clear()
        healing = asyncio.ensure_future(net.heal())
        await turns()
        assert not healing.done()
        fabric.may_go_on.set()
        await healing
        assert set(fabric.told.values()) == {NOTHING}

    play(story)
