"""Mail that waits, fails or comes back; and what a crash or a full disk does to it."""

from __future__ import annotations

import asyncio

import pytest

from lab.events import (
    BounceSent,
    ConnectionFailed,
    DelayWarned,
    DestinationBackedOff,
    ExchangersFound,
    Failure,
    MailRelayed,
    MailRemoved,
    RecipientsFailed,
)
from lab.mail.envelope import Envelope, Recipient
from lab.names import DomainName, EmailAddress
from lab.topology.plan import Link, MailPlan
from lab.wire.dsn import read
from tests.mail.world import BOTH_DOWN, HOME, Place, Receiver, World, fail, pair, play


def test_after_five_days_the_mail_comes_back_at_the_very_moment() -> None:
    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        await world.send("ed@b.com")
        await world.wait(days=5, seconds=-1)
        assert not world.events(RecipientsFailed)
        await world.wait(seconds=2)
        (failed,) = world.events(RecipientsFailed)
        assert (failed.status, failed.reason) == (
            "4.4.7",
            "tried for 5 d in vain; at last: connect to mx2.b.com[198.18.1.2]:25: refused",
        )
        assert 105 < len(world.events(DestinationBackedOff)) < 115
        assert await world.rows() == []

    play(story, pair(Place(), Place()))


def test_after_four_hours_the_sender_is_warned_once() -> None:
    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        queue_id = await world.send("ed@b.com")
        await world.wait(hours=5)
        (warned,) = world.events(DelayWarned)
        assert (warned.queue_id, warned.recipients) == (queue_id, ("ed@b.com",))
        await world.wait(days=3)
        (report,) = world.reports()
        (status,) = report.statuses
        assert (status.action, status.status) == ("delayed", "4.4.1")
        assert status.retry_until == "Sat, 10 Jan 2026 08:00:00 +0000"

    play(story, pair(Place(), Place()))


def test_a_bounce_that_bounces_goes_to_the_postmaster_and_no_further() -> None:
    async def story(world: World) -> None:
        await world.send("nobody@unige.ch", sender="stranger@b.com")
        await world.wait(seconds=5)
        assert [event.to for event in world.events(BounceSent)] == ["stranger@b.com", "postmaster@mail.unige.ch"]
        (octets,) = world.inbox("postmaster@unige.ch")
        report = read(octets)
        assert report is not None
        assert report.statuses[0].recipient == "stranger@b.com"
        assert await world.rows() == []

    play(story, pair(Place(rcpt=b"550 5.1.1 no\r\n"), Place()))


def test_what_the_postmaster_cannot_get_is_told_to_nobody() -> None:
    def prepare(world: World) -> None:
        pair(Place(rcpt=b"550 5.1.1 no\r\n"), Place())(world)
        ring = {EmailAddress("postmaster@c.ch"): (EmailAddress("nobody@b.com"),)}
        world.host("mail.c.ch", "198.18.5.25", MailPlan((DomainName("c.ch"),), aliases=ring))

    async def story(world: World) -> None:
        request = {"sender": "", "recipients": ["nobody@b.com"], "message": "x"}
        await world.fabric.ask(DomainName("mail.c.ch"), "submit", request)
        await world.wait(days=6)
        assert [event.to for event in world.events(BounceSent)] == ["postmaster@mail.c.ch"]
        assert len(world.events(RecipientsFailed)) == 2

    play(story, prepare)


def test_notify_never_is_heeded_and_success_is_reported_when_asked() -> None:
    wishes = (
        Recipient(EmailAddress("ed@b.com"), frozenset({"success"}), "rfc822;Ed@b.com"),
        Recipient(EmailAddress("ann@unige.ch"), frozenset({"success", "failure"})),
        Recipient(EmailAddress("nobody@unige.ch"), frozenset({"never"})),
    )

    async def story(world: World) -> None:
        mail = world.mail[HOME]
        envelope = Envelope(EmailAddress("ann@unige.ch"), wishes, envid="e1")
        await mail.put(mail.reserve(), envelope, b"Subject: x\r\n\r\nx\r\n")
        await world.wait(seconds=5)
        told = {
            status.recipient: (status.action, report.envid)
            for report in world.reports()
            for status in report.statuses
        }
        assert told == {"ed@b.com": ("relayed", "e1"), "ann@unige.ch": ("delivered", "e1")}

    play(story, pair(Place(), Place()))


def test_an_alias_leads_to_another_host() -> None:
    first = Place()

    def prepare(world: World) -> None:
        pair(first, Place())(world)
        aliases = {EmailAddress("info@c.ch"): (EmailAddress("ed@b.com"),)}
        world.host("mail.c.ch", "198.18.5.25", MailPlan((DomainName("c.ch"),), aliases=aliases))
        world.mx("c.ch", (5, "mail.c.ch"))

    async def story(world: World) -> None:
        await world.send("info@c.ch")
        await world.wait(seconds=5)
        assert len(first.messages) == 1
        assert "MAIL FROM:<ann@unige.ch>" in first.heard[2]

    play(story, prepare)


def test_a_smarthost_takes_everything() -> None:
    smart = Place()

    def prepare(world: World) -> None:
        world.place("smart.be", "198.18.1.9", smart)
        plan = MailPlan((DomainName("c.ch"),), smarthost=DomainName("smart.be"))
        world.host("mail.c.ch", "198.18.5.25", plan)

    async def story(world: World) -> None:
        request = {"sender": "", "recipients": ["ed@b.com", "eve@d.com"], "message": "x"}
        await world.fabric.ask(DomainName("mail.c.ch"), "submit", request)
        await world.wait(seconds=5)
        assert len(smart.messages) == 1
        assert world.events(ExchangersFound)[0].rule == "smarthost"

    play(story, prepare)


def test_mail_survives_the_crash_of_its_host() -> None:
    first = Place()

    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        queue_id = await world.send("ed@b.com")
        await world.wait(hours=1)
        await fail(world, HOME)
        await world.wait(hours=1)
        await world.fabric.heal(DomainName("mx1.b.com"))
        await world.fabric.heal(HOME)
        await world.wait(seconds=5)
        assert len(first.messages) == 1
        assert world.events(MailRemoved) == [MailRemoved(queue_id)]
        numbers = [event.session for event in world.events(ConnectionFailed)]
        assert world.events(MailRelayed)[0].session not in numbers

    play(story, pair(first, Place()))


def test_a_host_that_is_down_does_nothing() -> None:
    first = Place()
    first.silent = True

    async def story(world: World) -> None:
        for _ in range(10):
            await world.send("ed@b.com", "ann@unige.ch")
        await world.wait(seconds=5)
        await fail(world, HOME)
        before = world.story()
        await world.wait(days=6)
        assert world.story() == before
        await world.fabric.heal(HOME)
        await world.wait(minutes=11)
        assert len(world.inbox()) == 10 + 10  # each message, and that the one for Ed came too late

    play(story, pair(first, first))


def test_patience_counts_from_arrival_through_a_crash() -> None:
    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        await world.send("ed@b.com")
        await world.wait(days=2)
        await fail(world, HOME)
        await world.fabric.heal(HOME)
        await world.wait(days=3, seconds=1)
        assert len(world.events(RecipientsFailed)) == 1
        assert len(world.events(DelayWarned)) == 1

    play(story, pair(Place(), Place()))


def test_a_long_text_may_take_its_time_over_a_slow_line() -> None:
    text = b"Subject: long\r\n\r\n" + (b"x" * 50_000 + b"\r\n") * 100

    async def story(world: World) -> None:
        world.fabric.connect("mx1.b.com", "*", Link(bandwidth=56_000))
        await world.send("ed@b.com", text=text)
        await world.wait(hours=2)
        assert len(world.events(MailRelayed)) == 1
        assert not world.events(ConnectionFailed)

    play(story, pair(Place(ehlo=b"250 here\r\n"), Place()))


def test_a_full_disk_loses_nothing() -> None:
    async def story(world: World) -> None:
        disk = world.fabric.hosts[HOME].disk
        await world.send("nobody@b.com", "ed@b.com")
        disk.full = True
        await world.wait(seconds=5)
        assert [row["to"] for row in await world.rows()] == ["nobody@b.com"]
        disk.full = False
        await world.wait(minutes=6)
        assert [status.recipient for report in world.reports() for status in report.statuses] == ["nobody@b.com"]
        assert len(world.events(MailRelayed)) == 1

    play(story, pair(Place(rcpt=[b"550 5.1.1 no\r\n", b"250 ok\r\n", b"550 5.1.1 no\r\n"]), Place()))


class Dribbling(Receiver):
    """Answers with an octet a minute, and never to an end."""

    def data_received(self, octets: bytes) -> None:
        self._dribble()

    def _dribble(self) -> None:
        if not self.transport.is_closing():
            self.place.heard.append("")
            self.transport.write(b"250-" if len(self.place.heard) == 2 else b"x")
            asyncio.get_running_loop().call_later(60, self._dribble)


def test_a_reply_that_comes_an_octet_a_minute_is_waited_for_as_long_as_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.mail.world.Receiver", Dribbling)

    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await world.wait(minutes=12)
        assert [event.failure for event in world.events(ConnectionFailed)] == [Failure.TIMED_OUT] * 2

    play(story, pair(Place(), Place()))
