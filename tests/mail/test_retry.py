from __future__ import annotations

from itertools import pairwise

import pytest

from lab.errors import WrongUse
from lab.mail.retry import DAY, HOUR, SCHEDULES, named_schedule


def dues(name: str, count: int) -> list[float]:
    """When each try after the first is due, in seconds after arrival."""
    schedule, now, found = SCHEDULES[name], 0.0, []
    for tries in range(1, count + 1):
        now = schedule.next_due(0.0, tries, now)
        found.append(now)
    return found


def waits(name: str, count: int) -> list[float]:
    moments = [0.0, *dues(name, count)]
    return [later - sooner for sooner, later in pairwise(moments)]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("lab", [300, 600, 1200, 2400, 4000, 4000]),
        ("postfix", [300, 300, 600, 1200, 2400, 4000, 4000]),
        ("exim", [900] * 8 + [3600, 5400, 8100, 12150, 18225, 27337.5, 21600, 21600]),
        ("sendmail", [3600] * 4),
        ("haraka", [64, 128, 256, 512]),
        ("maddy", [900] * 4 + [1800] * 4),
        ("stalwart", [120, 300, 600, 900, 1800, 3600, 7200, 86400, 259200]),
    ],
)
def test_the_waits_are_those_of_the_namesake(name: str, first: list[float]) -> None:
    assert waits(name, len(first)) == first


def test_opensmtpd_counts_squares_from_arrival() -> None:
    assert dues("opensmtpd", 4) == [400, 1600, 3600, 6400]


def test_haraka_gives_up_after_twelve_retries() -> None:
    assert SCHEDULES["haraka"].gives_up == dues("haraka", 12)[-1]
    assert round(SCHEDULES["haraka"].gives_up / HOUR, 1) == 72.8


def test_five_days_are_a_hundred_and_some_tries() -> None:
    tries = [due for due in dues("lab", 200) if due < SCHEDULES["lab"].gives_up]
    assert 105 < len(tries) < 115


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_next_try_is_always_later_than_now(name: str) -> None:
    moments = dues(name, 60)
    assert moments == sorted(set(moments))


def test_a_host_may_have_its_own_patience() -> None:
    schedule = named_schedule("lab", {"gives_up": "1d", "warns": "off"})
    assert (schedule.gives_up, schedule.warns) == (DAY, ())
    assert named_schedule("postfix", {"warns": "30m"}).warns == (1800.0,)


def test_an_unknown_schedule_and_a_span_that_is_none_are_told() -> None:
    with pytest.raises(WrongUse, match="no retry schedule 'qmail'"):
        named_schedule("qmail", {})
    with pytest.raises(WrongUse, match="not a span"):
        named_schedule("lab", {"gives_up": "soon"})
