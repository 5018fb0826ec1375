"""Mail on its way to scripted receivers: who is tried, what follows, what is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lab.events import (
    BounceSent,
    ConnectionFailed,
    DelayWarned,
    DestinationBackedOff,
    ExchangersFound,
    MailDeferred,
    MailDelivered,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    RecipientsFailed,
    ReplyReceived,
    Stage,
)
from lab.mail import agent
from lab.names import DomainName
from lab.topology.plan import Link
from lab.wire.records import MX
from tests.mail.world import BOTH_DOWN, HOME, Place, World, fail, pair, play


def test_mail_goes_to_the_exchanger_of_lowest_preference() -> None:
    first, second = Place(), Place()

    async def story(world: World) -> None:
        queue_id = await world.send("ed@b.com")
        await world.wait(seconds=5)
        assert [one.endswith(b"Subject: hi\r\n\r\nhello\r\n") for one in first.messages] == [True]
        assert second.sessions == 0
        assert await world.rows() == []
        assert world.events(MailRelayed)[0].reply.endswith("queued as 90bc")
        assert world.events(MailRemoved) == [MailRemoved(queue_id)]
        assert first.heard[-1] == "QUIT"

    play(story, pair(first, second))


def test_when_the_preferred_one_is_down_the_backup_takes_it() -> None:
    first, second = Place(), Place()

    async def story(world: World) -> None:
        await fail(world, "mx1.b.com")
        await world.send("ed@b.com")
        await world.wait(seconds=5)
        assert len(second.messages) == 1
        (failed,) = world.events(ConnectionFailed)
        assert (failed.failure, failed.follows) == ("refused", "next exchanger")
        assert failed.row == "rfc5321/connect-refused"
        assert world.events(ExchangersFound)[0].exchangers == ("5 mx1.b.com", "10 mx2.b.com")

    play(story, pair(first, second))


def test_the_story_of_one_message_is_told_in_its_order() -> None:
    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await world.wait(seconds=5)
        opening = ["HostStarted", "MailSubmitted", "ExchangersFound", "ConnectionOpened"]
        assert world.story() == [*opening, *["ReplyReceived"] * 6, "MailRelayed", "MailRemoved", "ReplyReceived"]
        stages = [str(event.stage) for event in world.events(ReplyReceived)]
        assert stages == ["greeting", "helo", "mail", "rcpt", "data", "eom", "quit"]

    play(story, pair(Place(), Place()))


def test_what_nobody_takes_is_tried_again_in_five_minutes() -> None:
    first = Place()

    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        queue_id = await world.send("ed@b.com")
        await world.wait(seconds=5)
        (row,) = await world.rows()
        assert (row["id"], row["to"], row["state"], row["attempts"]) == (queue_id, "ed@b.com", "deferred", 1)
        assert (row["next_try_s"], row["next_try"]) == (300.0, "2026-01-05T08:05:00+00:00")
        assert row["last_reply"] == "connect to mx2.b.com[198.18.1.2]:25: refused"
        await world.fabric.heal(DomainName("mx1.b.com"))
        await world.wait(minutes=5)
        assert len(first.messages) == 1

    play(story, pair(first, Place()))


def test_many_wait_behind_one_that_is_tried() -> None:
    first = Place()

    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        for _ in range(50):
            await world.send("ed@b.com")
        await world.wait(hours=3)
        assert len(world.events(ConnectionFailed)) == 2 * len(world.events(DestinationBackedOff)) < 20
        assert world.events(DestinationBackedOff)[-1].waiting == 50
        assert len(world.events(MailDeferred)) < 60
        await world.fabric.heal(DomainName("mx1.b.com"))
        await world.wait(hours=2)
        assert len(first.messages) == 50
        assert first.sessions <= 5
        assert await world.rows() == []

    play(story, pair(first, Place()))


def test_a_message_to_a_dead_destination_waits_like_the_others() -> None:
    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        await world.send("ed@b.com")
        await world.wait(seconds=60)
        queue_id = await world.send("eve@b.com")
        await world.wait(seconds=60)
        assert len(world.events(ConnectionFailed)) == 2
        (held,) = [event for event in world.events(MailDeferred) if event.queue_id == queue_id]
        assert (held.next_try, held.attempt) == (300.0, 0)

    play(story, pair(Place(), Place()))


def test_all_are_told_when_several_sessions_find_the_destination_dead_at_once() -> None:
    async def story(world: World) -> None:
        for _ in range(30):
            await world.send("ed@b.com")
        await world.wait(seconds=5)
        await fail(world, *BOTH_DOWN)
        await world.wait(seconds=10)
        waiting = {row["id"] for row in await world.rows()}
        assert len(waiting) > 5
        assert {event.queue_id for event in world.events(MailDeferred)} == waiting
        await world.wait(hours=5)
        assert {event.queue_id for event in world.events(DelayWarned)} == waiting

    def slow(world: World) -> None:
        pair(Place(), Place())(world)
        world.fabric.connect("mx1.b.com", "*", Link(latency=timedelta(seconds=0.5)))

    play(story, slow)


def test_the_keeper_can_make_everything_due() -> None:
    first = Place(rcpt=[b"451 4.7.1 not now\r\n", b"250 ok\r\n"])

    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await fail(world, "mx2.b.com")
        await world.wait(seconds=5)
        assert (await world.fabric.ask(HOME, "retry", {}))["retried"] == 1
        await world.wait(seconds=5)
        assert len(first.messages) == 1

    play(story, pair(first, Place()))


def test_a_5xx_never_tries_the_next_exchanger_and_the_sender_is_told() -> None:
    second = Place()

    async def story(world: World) -> None:
        queue_id = await world.send("nobody@b.com")
        await world.wait(seconds=5)
        assert second.sessions == 0
        (failed,) = world.events(RecipientsFailed)
        assert (failed.status, failed.row) == ("5.1.1", "rfc5321/rcpt-5xx")
        (told,) = world.events(BounceSent)
        assert (told.queue_id, told.to) == (queue_id, "ann@unige.ch")
        bounce = world.events(MailSubmitted)[-1]
        assert (bounce.queue_id, bounce.parent, bounce.sender) == (told.bounce_id, queue_id, "")
        (report,) = world.reports()
        (status,) = report.statuses
        assert (status.action, status.status, status.remote) == ("failed", "5.1.1", "mx1.b.com")
        assert status.diagnostic == "smtp; 550 5.1.1 no such user"
        assert b"\r\nReturn-Path: <>" in b"\r\n" + world.inbox()[0]

    play(story, pair(Place(rcpt=b"550 5.1.1 no such user\r\n"), second))


def test_each_recipient_has_its_own_fate() -> None:
    first = Place(rcpt=[b"250 ok\r\n", b"451 4.2.1 later\r\n", b"550 5.1.1 never\r\n"])
    second = Place()

    async def story(world: World) -> None:
        await world.send("one@b.com", "two@b.com", "three@b.com")
        await world.wait(seconds=5)
        assert [event.recipients for event in world.events(MailRelayed)] == [("one@b.com",), ("two@b.com",)]
        assert [line for line in second.heard if line.startswith("RCPT")] == ["RCPT TO:<two@b.com>"]
        assert world.events(RecipientsFailed)[0].recipients == ("three@b.com",)
        assert len(world.events(MailRemoved)) == 2  # the message and its bounce

    play(story, pair(first, second))


def test_recipients_in_several_domains_are_delivered_apart() -> None:
    first = Place()

    def prepare(world: World) -> None:
        pair(first, Place())(world)
        world.mx("c.com", (5, "mx.c.com"))
        world.place("mx.c.com", "198.18.1.3", Place(greeting=b"450 busy\r\n"))

    async def story(world: World) -> None:
        await world.send("ed@b.com", "ann@unige.ch", "eve@c.com", "max@b.com")
        await world.wait(seconds=5)
        assert world.events(MailRelayed)[0].recipients == ("ed@b.com", "max@b.com")
        assert world.events(MailDelivered)[0].recipient == "ann@unige.ch"
        assert [row["to"] for row in await world.rows()] == ["eve@c.com"]

    play(story, prepare)


def test_a_session_carries_many_messages() -> None:
    first = Place()

    async def story(world: World) -> None:
        for _ in range(20):
            await world.send("ed@b.com")
        await world.wait(seconds=5)
        assert len(first.messages) == 20
        assert first.sessions <= 5

    play(story, pair(first, Place()))


def test_a_session_closed_between_two_messages_costs_nothing() -> None:
    first = Place(mail=[b"250 ok\r\n", b"421 4.3.2 enough\r\n", b"250 ok\r\n"])

    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        for _ in range(2):
            await world.send("ed@b.com")
        await world.wait(seconds=5)
        await world.fabric.heal(DomainName("mx1.b.com"))
        await world.wait(minutes=5)
        assert len(first.messages) == 2
        assert len(world.events(MailDeferred)) == 2  # before the heal; none since

    play(story, pair(first, Place()))


def test_after_a_detour_the_next_message_begins_at_the_best_exchanger_again() -> None:
    first, second = Place(rcpt=[b"451 not now\r\n", b"250 ok\r\n"]), Place()

    async def story(world: World) -> None:
        for _ in range(2):
            await world.send("ed@b.com")
        await world.wait(seconds=5)
        assert (len(first.messages), len(second.messages)) == (1, 1)

    play(story, pair(first, second))


def test_a_host_that_says_nothing_is_left_after_five_minutes() -> None:
    second = Place()

    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await world.wait(minutes=4, seconds=59)
        assert second.sessions == 0
        await world.wait(seconds=2)
        assert len(second.messages) == 1
        (failed,) = world.events(ConnectionFailed)
        assert (failed.stage, failed.failure) == (Stage.GREETING, "timed out")

    def prepare(world: World) -> None:
        pair(Place(), second)(world)
        silent = world.places["mx1.b.com"]
        silent.silent = True

    play(story, prepare)


def test_a_session_dropped_after_the_dot_may_make_a_second_copy() -> None:
    first, second = Place(dot=b""), Place()

    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await world.wait(seconds=5)
        assert len(second.messages) == 1
        assert world.events(ConnectionFailed)[0].row == "rfc5321/eom-closed"

    play(story, pair(first, second))


def test_a_refused_ehlo_is_followed_by_helo_without_a_ruling() -> None:
    first = Place(ehlo=b"502 5.5.1 what\r\n", helo=b"250 here\r\n")

    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await world.wait(seconds=5)
        assert len(first.messages) == 1
        assert {event.row for event in world.events(ReplyReceived)} == {""}

    play(story, pair(first, Place()))


@pytest.mark.parametrize(
    ("mx", "status", "rule"),
    [("NXDOMAIN", "5.1.2", "nxdomain"), ([MX(0, DomainName("."))], "5.1.10", "null-mx")],
)
def test_a_domain_that_takes_no_mail_is_told_at_once(mx: Any, status: str, rule: str) -> None:
    async def story(world: World) -> None:
        world.names["b.com", "MX"] = mx
        await world.send("ed@b.com")
        await world.wait(seconds=5)
        assert [(event.status, event.row) for event in world.events(RecipientsFailed)] == [
            (status, f"rfc5321/{rule}")
        ]
        assert [(event.rule, event.exchangers) for event in world.events(ExchangersFound)] == [(rule, ())]
        assert world.reports()[0].statuses[0].diagnostic.startswith("X-Lab; ")

    play(story)


def test_names_that_cannot_be_found_for_now_make_the_mail_wait() -> None:
    first = Place()

    async def story(world: World) -> None:
        mx = world.names["b.com", "MX"]
        world.names["b.com", "MX"] = "SERVFAIL"
        await world.send("ed@b.com")
        await world.wait(seconds=5)
        (deferred,) = world.events(MailDeferred)
        assert (deferred.row, deferred.next_try) == ("rfc5321/mx-unknown", 300.0)
        world.names["b.com", "MX"] = mx
        await world.wait(minutes=5)
        assert len(first.messages) == 1

    play(story, pair(first, Place()))


def test_more_destinations_than_workers_are_served_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "WORKERS_PER_HOST", 2)
    one = Place()

    def prepare(world: World) -> None:
        world.place("mx.all.com", "198.18.1.1", one)
        for number in range(10):
            world.mx(f"d{number}.com", (5, "mx.all.com"))

    async def story(world: World) -> None:
        await world.send(*(f"ed@d{number}.com" for number in range(10)))
        await world.wait(seconds=5)
        assert len(one.messages) == 10

    play(story, prepare)


def test_a_host_that_greets_by_this_hosts_name_is_a_loop() -> None:
    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await world.wait(seconds=5)
        (failed,) = world.events(RecipientsFailed)
        assert (failed.status, failed.row) == ("5.4.6", "rfc5321/greeting-own-name")
        assert [event.row for event in world.events(ReplyReceived) if event.follows] == [failed.row]

    play(story, pair(Place(greeting=b"220 mail.unige.ch ESMTP\r\n"), Place()))
