"""The garbage collector while a fabric is up: spared at boot, as before afterwards, and with nothing to find."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from datetime import timedelta

import pytest

from lab.events import MailDelivered
from lab.fabric.collector import SELDOM
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.names import EmailAddress
from lab.topology import loads

WORLD = """\
name: world
domains:
  here.example: {mx: [10 mail.here.example], people: [ann]}
  there.example: {mx: [10 mail.there.example], people: [ed]}
"""
ANN, ED = EmailAddress("ann@here.example"), EmailAddress("ed@there.example")


@pytest.fixture
def usual() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)
    gc.enable()


def test_it_looks_seldom_while_a_fabric_is_up_and_as_before_when_it_is_down(usual: tuple[int, int, int]) -> None:
    async def story() -> None:
        net = _world()
        await net.up()
        assert gc.get_threshold() == (SELDOM, *usual[1:])
        assert gc.get_freeze_count() > 0
        await net.down()
        assert gc.get_threshold() == usual

    _play(story())


def test_a_program_that_has_switched_it_off_finds_it_off(usual: tuple[int, int, int]) -> None:
    async def story() -> None:
        net = _world()
        gc.set_threshold(0)
        gc.disable()
        await net.up()
        assert (gc.get_threshold()[0], gc.isenabled()) == (0, False)
        await net.down()
        assert (gc.get_threshold()[0], gc.isenabled()) == (0, False)

    _play(story())


def test_mail_that_is_delivered_leaves_no_circles(usual: tuple[int, int, int]) -> None:
    async def story() -> None:
        net = _world()
        await net.up()
        await _send(net, 1)  # what is made once, at the first message
        gc.collect()
        gc.disable()
        await _send(net, 10)
        assert gc.collect() < 10, "a message holds itself: it stays until the collector comes"
        await net.down()

    _play(story())


def _world() -> Internet:
    plan = loads(WORLD, "world.yaml")
    return Internet(plan, lambda boot: SimFabric(plan.ranges, boot))


async def _send(net: Internet, count: int) -> None:
    before = _delivered(net)
    for _ in range(count):
        await net.send(ANN, [ED], b"Subject: hi\r\n\r\nhello\r\n")
    await net.advance(timedelta(minutes=1))
    assert _delivered(net) == before + count


def _delivered(net: Internet) -> int:
    return sum(isinstance(entry.event, MailDelivered) for entry in net.log)


def _play(story: object) -> None:
    with asyncio.Runner(loop_factory=LabLoop) as runner:
        runner.run(story)  # type: ignore[arg-type]
