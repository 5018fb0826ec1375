"""A mini-Internet is broken and mended through `Internet`, and the log tells each of it once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from lab.clock import VirtualTime
from lab.errors import WrongUse
from lab.events import FaultApplied, FaultLifted
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.topology import loads
from lab.topology.plan import Link

TWO = """\
name: two
domains:
  a.example: {mx: [10 mail.a.example], people: [ann]}
  b.example: {mx: [10 mail.b.example], people: [ed]}
links:
  - {between: [a.example, b.example], latency: 20ms}
"""


def play(story: Callable[[Internet], Awaitable[None]]) -> list[str]:
    """The faults that the log told of, in order."""

    async def main() -> list[str]:
        plan = loads(TWO, "two.yaml")
        net = Internet(plan, lambda boot: SimFabric(plan.ranges, boot))
        await net.up()
        await story(net)
        await net.down()
        return [
            f"{'+' if isinstance(entry.event, FaultApplied) else '-'} {entry.event.target}: {entry.event.fault}"
            for entry in net.log
            if isinstance(entry.event, FaultApplied | FaultLifted)
        ]

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        return runner.run(main())


def test_what_is_not_the_labs_own_needs_a_fabric_that_runs_it() -> None:
    text = "domains: {a.example: {mx: [10 mail.a.example], hosts: {mail.a.example: {software: postfix}}}}"
    plan = loads(text, "a.yaml")

    async def main() -> None:
        Internet(plan, lambda boot: SimFabric(plan.ranges, boot))

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner, pytest.raises(WrongUse) as caught:
        runner.run(main())
    assert "mail.a.example is to run postfix" in caught.value.sentence
    assert caught.value.remedy == "lab up a.yaml --fabric docker"
    assert caught.value.code == "W028"


def test_an_image_of_ones_own_is_refused_and_not_passed_over() -> None:
    plan = loads("domains: {a.example: {hosts: {pc.a.example: {image: 'mine:1'}}}}", "a.yaml")

    async def main() -> None:
        Internet(plan, lambda boot: SimFabric(plan.ranges, boot))

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner, pytest.raises(WrongUse) as caught:
        runner.run(main())
    assert caught.value.sentence.startswith("pc.a.example is to run mine:1: the fabric 'sim' runs the lab's own")


async def _delay(net: Internet) -> float:
    """Seconds from a question at a.example to the name server of b.example and back."""
    begun = net.fabric.clock.elapsed()
    await net.dig("b.example", "SOA", server="ns.b.example", at="mail.a.example")
    return net.fabric.clock.elapsed() - begun


def test_each_fault_is_told_once() -> None:
    async def story(net: Internet) -> None:
        await net.fail("mail.b.example")
        net.cut(["a.example"], ["b.example"])
        await net.heal()

    assert play(story) == [
        "+ mail.b.example: down",
        "+ a.example|b.example: cut",
        "- mail.b.example: down",
        "- a.example|b.example: cut",
    ]


def test_a_mended_line_is_as_the_topology_has_it() -> None:
    async def story(net: Internet) -> None:
        planned = await _delay(net)
        net.connect("a.example", "b.example", Link(latency=timedelta(seconds=1)))
        assert await _delay(net) == pytest.approx(2.0)
        await net.heal()
        assert await _delay(net) == pytest.approx(planned) == pytest.approx(0.04)

    assert play(story) == [
        "+ a.example|b.example: link 1000 ms of delay",
        "- a.example|b.example: link 1000 ms of delay",
    ]
