"""A client that wants too much is told so, and others are served."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from lab.cli.explain import pages
from lab.events import CommandRefused, Stage
from lab.mail import limits
from tests.mail.post_office import MAIL, PLAN, Office, in_memory

SMTP, SUBMISSION = 25, 587


async def greeted(here: Office, count: int, port: int = SMTP) -> list[str]:
    """The codes with which so many connections begin, all of them open at once."""
    return [(await (await here.call(port)).line())[:3] for _ in range(count)]


@pytest.mark.parametrize("port", [SMTP, SUBMISSION])
def test_a_client_has_a_hundred_connections_and_the_next_is_turned_away(port: int) -> None:
    async def story(here: Office) -> None:
        assert await greeted(here, 101, port) == ["220"] * 100 + ["421"]
        assert await here.callers[-1].reader.read() == b""
        here.callers[0].hang_up()
        await asyncio.sleep(1)
        assert await greeted(here, 2, port) == ["220", "421"]
        assert await here.callers[1].ask("NOOP") == "250 2.0.0 ok"

    refused = in_memory(story).events(CommandRefused)
    assert [(one.stage, one.code, one.text[:5]) for one in refused] == [(Stage.GREETING, 421, "4.7.0")] * 2


@pytest.mark.parametrize(("limit", "expected"), [("2", ["220", "220", "421"]), ("0", ["220"] * 3)])
def test_how_many_connections_a_client_has_is_a_setting(limit: str, expected: list[str]) -> None:
    async def story(here: Office) -> None:
        assert await greeted(here, 3) == expected

    in_memory(story, replace(PLAN, settings={"connection_limit": limit}))


def test_another_client_is_served_while_one_has_its_fill() -> None:
    async def story(here: Office) -> None:
        assert await greeted(here, 3) == ["220", "220", "421"]
        assert await here.fabric.hosts[MAIL].spawn(greeted(here, 1)) == ["220"]  # type: ignore[arg-type]

    in_memory(story, replace(PLAN, settings={"connection_limit": "2"}))


def test_the_handbook_has_the_limits_as_they_are() -> None:
    page = re.sub(r"(?<=\d),(?=\d)", "", pages()["limits"])
    told = [int(number) for number in re.findall(r"^ {2,}(\d+) [s ]", page, re.MULTILINE)]
    assert told == [
        limits.CONNECTIONS,
        limits.MOST_IDLE_WORDS,
        limits.PATIENCE_WITH_ERRORS,
        limits.LOGINS,
        int(limits.PATIENCE),
        limits.MOST_REFUSED,
        limits.RECIPIENTS,
        limits.LONGEST_COMMAND,
    ]
