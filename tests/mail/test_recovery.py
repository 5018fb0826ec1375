"""What a host wrote before it went down and could not tell, it tells when it is up again: once it is news, never
twice.

The crash is where it hurts most: the journal is written, and the log has heard nothing yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from lab import topology
from lab.clock import VirtualTime
from lab.events import Event, FailureRecovered, MailAccepted, MailRecovered, RecipientsFailed
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.faults import Down
from lab.internet import Internet
from lab.journey import State
from lab.mail.spool import Spool, Transaction
from lab.names import EmailAddress
from lab.scenario import Net

PLAN = topology.loads("""\
domains:
  a.be: {mx: [5 mail.a.be], people: [p]}
  b.com: {mx: [5 mail.b.com], people: [q]}
""")
P, Q, NOBODY = map(EmailAddress, ("p@a.be", "q@b.com", "nobody@b.com"))
Kind = TypeVar("Kind", bound=Event)
Story = Callable[[Net], Awaitable[None]]


def play(story: Story) -> None:
    async def live() -> None:
        internet = Internet(PLAN, lambda boot: SimFabric(PLAN.ranges, boot))
        await internet.up()
        await story(Net(internet))
        await internet.down()

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        runner.run(live())


def stop_after(monkeypatch: pytest.MonkeyPatch, net: Net, kind: Callable[[Transaction], object]) -> None:
    """The host that writes such a transaction stands still right behind it, before it can tell anybody."""
    store, hosts = Spool._store, {host.disk: host for host in net.internet.fabric.hosts.values()}

    async def stored(self: Spool, transaction: Transaction) -> None:
        await store(self, transaction)
        if kind(transaction):
            loop = asyncio.get_running_loop()
            assert isinstance(loop, LabLoop)
            loop.freeze(hosts[self.disk])  # type: ignore[arg-type]
            await asyncio.sleep(0)

    monkeypatch.setattr(Spool, "_store", stored)


def restart(net: Net, monkeypatch: pytest.MonkeyPatch, host: str) -> Awaitable[object]:
    monkeypatch.undo()
    net.fail(host)
    return net.heal(host)


def events(net: Net, kind: type[Kind]) -> list[Kind]:
    return [entry.event for entry in net.internet.log if isinstance(entry.event, kind)]


def test_a_failure_that_was_written_and_not_told_is_told_when_the_host_is_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(net: Net) -> None:
        mail = await net.send(P, NOBODY)
        stop_after(monkeypatch, net, lambda transaction: transaction.fails)
        await net.internet.advance(timedelta(seconds=10))
        assert not events(net, RecipientsFailed)
        assert mail.state is State.QUEUED
        await restart(net, monkeypatch, "mail.a.be")
        await mail.bounced("5.1.1")
        assert len(events(net, FailureRecovered)) == 1
        assert [fate.state for fate in mail.journey.fates] == [State.BOUNCED]
        await net.accounted_for()

    play(story)


def test_a_message_that_was_taken_and_not_told_of_is_part_of_its_sender_s_journey(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(net: Net) -> None:
        mail = await net.send(P, Q)
        stop_after(monkeypatch, net, lambda transaction: transaction.takes)
        await net.clock.advance("1s")
        assert not events(net, MailAccepted)
        await restart(net, monkeypatch, "mail.b.com")
        await mail.delivered()
        assert len(net.mails) == 1
        await net.accounted_for()

    play(story)


def test_old_news_changes_no_journey() -> None:
    async def story(net: Net) -> None:
        net.fail("mail.b.com", "silent")
        held = await net.send(P, Q)
        mail = await net.send(P, EmailAddress("nobody@a.be"))
        await mail.bounced()
        steps = [step.what for step in mail.journey.steps]
        for _ in range(3):
            net.fail("mail.a.be")
            await net.heal("mail.a.be")
        assert [step.what for step in mail.journey.steps] == steps
        assert len(events(net, MailRecovered)) == 3
        assert held.state is State.QUEUED
        net.heal("mail.b.com")
        await net.retry()
        await held.delivered()
        assert len(events(net, MailAccepted)) == 1
        held.took("mail.a.be found in its queue")

    play(story)


def test_a_failure_whose_letter_has_gone_is_not_told_again() -> None:
    async def story(net: Net) -> None:
        await (await net.send(P, NOBODY)).bounced()
        await net.clock.advance("1m")
        net.fail("mail.a.be", str(Down()))
        await net.heal("mail.a.be")
        assert not events(net, FailureRecovered)

    play(story)
