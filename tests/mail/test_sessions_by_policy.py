"""How a policy uses its sessions: kept, one each, or warm; and how many recipients share a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.events import MailRelayed, RecipientsFailed
from lab.mail.warm import WarmSessions
from lab.names import DomainName
from tests.mail.world import BOTH_DOWN, HOME, UNIGE, Place, World, fail, pair, play


def under(policy: str, first: Place, second: Place, schedule: str = "lab") -> Callable[[World], None]:
    """b.com with its two exchangers, and a sending host of that policy."""

    def prepare(world: World) -> None:
        pair(first, second)(world)
        world.host(HOME, "198.18.3.25", replace(UNIGE, policy=policy, schedule=schedule))

    return prepare


async def send_some(world: World, count: int, apart: float = 0.2) -> None:
    for _ in range(count):
        await world.send("ed@b.com")
        await world.wait(seconds=apart)


def test_deliveries_that_follow_closely_share_a_warm_session_from_the_second_on() -> None:
    first = Place()

    async def story(world: World) -> None:
        await send_some(world, 6)
        assert (len(first.messages), first.sessions) == (6, 2)
        assert first.heard.count("QUIT") == 1
        await world.wait(seconds=3)
        assert first.heard.count("QUIT") == 2

    play(story, under("postfix", first, Place()))


def test_deliveries_more_than_a_second_apart_leave_no_session_open() -> None:
    first = Place()

    async def story(world: World) -> None:
        await send_some(world, 3, apart=1.5)
        assert first.sessions == first.heard.count("QUIT") == 3

    play(story, under("postfix", first, Place()))


def test_a_warm_session_that_the_server_has_closed_costs_nothing() -> None:
    first = Place(mail=[b"250 ok\r\n", b"250 ok\r\n", b"421 4.3.2 idle too long\r\n", b"250 ok\r\n"])
    second = Place()

    async def story(world: World) -> None:
        await send_some(world, 3)
        assert (len(first.messages), first.sessions, second.sessions) == (3, 3, 0)

    play(story, under("postfix", first, second))


def test_opensmtpd_keeps_its_session_from_the_first_message_on() -> None:
    first = Place()

    async def story(world: World) -> None:
        await send_some(world, 5, apart=4)
        assert (len(first.messages), first.sessions) == (5, 1)
        await world.wait(seconds=11)
        assert first.heard.count("QUIT") == 1

    play(story, under("opensmtpd", first, Place()))


def test_a_host_may_lose_its_power_with_a_session_warm() -> None:
    first = Place()

    async def story(world: World) -> None:
        await send_some(world, 3)
        await fail(world, HOME)
        await world.fabric.heal(HOME)
        await send_some(world, 1)
        assert len(first.messages) == 4

    play(story, under("postfix", first, Place()))


def test_what_is_warm_is_forgotten_when_it_has_cooled() -> None:
    first = Place()

    async def story(world: World) -> None:
        await send_some(world, 3)
        agent = world.mail[HOME].queue.agent
        warm: WarmSessions = agent.warm  # type: ignore[attr-defined]
        assert warm._lines
        await world.wait(seconds=3)
        assert not warm._lines
        assert not warm._done

    play(story, under("postfix", first, Place()))


@pytest.mark.parametrize(("policy", "sessions"), [("rfc5321", 1), ("opensmtpd", 1), ("exim", 8), ("haraka", 8)])
def test_what_waits_behind_a_message_goes_in_its_session_or_in_its_own(policy: str, sessions: int) -> None:
    first = Place()

    async def story(world: World) -> None:
        await fail(world, "mx1.b.com", "mx2.b.com")
        for _ in range(8):
            await world.send("ed@b.com")
        await world.wait(seconds=1)
        await world.fabric.heal(DomainName("mx1.b.com"))
        await world.wait(minutes=6)
        assert len(first.messages) == 8
        assert first.sessions == sessions if sessions > 5 else first.sessions <= 5  # a worker keeps its own

    play(story, under(policy, first, Place()))


def test_chasquid_hands_each_recipient_over_apart() -> None:
    first = Place(rcpt=[b"250 ok\r\n", b"550 5.1.1 no such user\r\n"])

    async def story(world: World) -> None:
        await world.send("ed@b.com", "eva@b.com")
        await world.wait(seconds=5)
        assert first.sessions == 2
        assert [line for line in first.heard if line.startswith("RCPT")] == [
            "RCPT TO:<ed@b.com>",
            "RCPT TO:<eva@b.com>",
        ]
        (relayed,), (failed,) = world.events(MailRelayed), world.events(RecipientsFailed)
        assert (relayed.recipients, failed.recipients) == (("ed@b.com",), ("eva@b.com",))
        assert await world.rows() == []

    play(story, under("chasquid", first, Place()))


def test_recipients_apart_are_each_given_up_once() -> None:
    async def story(world: World) -> None:
        await fail(world, *BOTH_DOWN)
        await world.send("ed@b.com", "eva@b.com", "ian@b.com")
        await world.wait(hours=19)
        assert len(await world.rows()) == 3
        await world.wait(hours=2)
        failed = [one for event in world.events(RecipientsFailed) for one in event.recipients]
        assert sorted(failed) == ["ed@b.com", "eva@b.com", "ian@b.com"]
        assert await world.rows() == []

    play(story, under("chasquid", Place(), Place(), schedule="chasquid"))


def test_postfix_hands_fifty_recipients_over_at_once() -> None:
    first = Place()

    async def story(world: World) -> None:
        await world.send(*(f"p{number}@b.com" for number in range(120)))
        await world.wait(seconds=5)
        assert sorted(len(event.recipients) for event in world.events(MailRelayed)) == [20, 50, 50]
        assert len(first.messages) == 3

    play(story, under("postfix", first, Place()))


def test_a_restart_takes_up_who_is_left_of_recipients_apart() -> None:
    first = Place(rcpt=[b"250 ok\r\n", b"450 4.2.1 busy\r\n", b"450 4.2.1 busy\r\n", b"250 ok\r\n"])
    second = Place(greeting=b"421 4.3.2 no\r\n")

    async def story(world: World) -> None:
        await world.send("ed@b.com", "eva@b.com")
        await world.wait(seconds=5)
        assert [row["to"] for row in await world.rows()] == ["eva@b.com"]
        await fail(world, HOME)
        await world.fabric.heal(HOME)
        await world.wait(hours=1)
        assert await world.rows() == []
        assert len(first.messages) == 2

    play(story, under("chasquid", first, second))
