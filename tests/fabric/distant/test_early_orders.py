"""What is ordered while a node comes back reaches it before it knows who it is, and is done all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from lab.events import MailDelivered
from lab.fabric.breakage import Cut
from lab.fabric.distant.fabric import Node
from lab.fabric.faults import Silent
from lab.internet import Internet
from lab.names import DomainName, EmailAddress
from lab.timing import NOW
from tests.fabric.distant.processes import ProcessFabric
from tests.fabric.distant.stage import play

BE, CH = DomainName("mail.example.be"), DomainName("mail.example.ch")
ANN, ED = EmailAddress("ann@example.be"), EmailAddress("ed@example.ch")
MINUTE = timedelta(minutes=1)


async def come_back(net: Internet, fabric: ProcessFabric, *meanwhile: Coroutine[Any, Any, Any]) -> None:
    """Have the process of BE killed, and restored; this is ordered while its new process waits for its Begin."""
    start, acting = fabric.start, []

    async def slow(node: Node) -> None:
        await start(node)
        acting.extend(map(asyncio.ensure_future, meanwhile))
        await asyncio.sleep(0.05)

    node = fabric._at[BE]
    fabric.running[node.name].kill()
    await node.line.gone
    await asyncio.sleep(0)
    fabric.start = slow  # type: ignore[method-assign]
    assert await net.restore() == [BE]
    await asyncio.gather(*acting)


def delivered(net: Internet) -> int:
    return sum(isinstance(one.event, MailDelivered) and one.event.recipient == ED for one in net.log)


@pytest.mark.namespace
def test_a_fault_and_a_cut_hold_there_until_they_are_healed() -> None:
    async def story(net: Internet, fabric: ProcessFabric) -> None:
        cut = Cut((BE,), (CH,))
        await come_back(net, fabric, net.fail(CH, Silent()), net.break_down(cut, NOW))
        assert (net.state(BE), net.state(CH)) == ("up", "silent")
        await net.send(ANN, [ED], b"Subject: hello\r\n\r\nhello\r\n")
        await net.advance(MINUTE)
        await net.fabric.lift(CH, Silent())
        await net.advance(30 * MINUTE)
        assert delivered(net) == 0
        await net.mend_one(cut)
        await net.advance(60 * MINUTE)
        assert delivered(net) == 1

    play(story, share=1)


@pytest.mark.namespace
def test_several_come_back_at_once() -> None:
    """Each is told of the others before it knows who it is itself; hosts of one node come with it."""

    async def story(net: Internet, fabric: ProcessFabric) -> None:
        start, starting, most = fabric.start, 0, 0

        async def counted(node: Node) -> None:
            nonlocal starting, most
            starting, most = starting + 1, max(most, starting + 1)
            await start(node)
            await asyncio.sleep(0.05)
            starting -= 1

        fabric.start = counted  # type: ignore[method-assign]
        for node in fabric.nodes:
            fabric.running[node.name].kill()
            await node.line.gone
        await asyncio.sleep(0)
        assert await net.restore() == [host.name for host in net.plan.hosts]
        assert most > 1
        assert {net.state(host.name) for host in net.plan.hosts} == {"up"}
        await net.send(ANN, [ED], b"Subject: hello\r\n\r\nhello\r\n")
        await net.advance(MINUTE)
        assert delivered(net) == 1

    play(story, share=3)


@pytest.mark.namespace
def test_time_that_runs_ahead_meanwhile_is_its_time_too() -> None:
    async def story(net: Internet, fabric: ProcessFabric) -> None:
        await come_back(net, fabric, net.advance(60 * MINUTE))
        await net.send(ANN, [ED], b"Subject: hello\r\n\r\nhello\r\n")
        await net.advance(MINUTE)
        assert delivered(net) == 1
        times = [entry.t for entry in net.log if entry.host == BE]
        assert times == sorted(times)

    play(story, share=1)
