"""Times as people write them, against a clock that shows a moment."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from lab.timing import NOW, Timing, is_span, take_times, time_of_day, timing

MORNING = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [("08:30", 1800.0), ("8:00", 0.0), ("08:00:05", 5.0), ("07:59", 86_340.0), ("23:59:59", 57_599.0)],
)
def test_a_time_of_the_day_is_the_next_one_that_the_clock_shows(at: str, seconds: float) -> None:
    assert timing(at=at).begins(MORNING) == seconds


def test_a_moment_gone_by_comes_again_tomorrow() -> None:
    assert timing(at="8:00").begins(MORNING + timedelta(milliseconds=1)) == pytest.approx(86_399.999)


def test_a_while_is_counted_from_now() -> None:
    assert timing(after="+5m").begins(MORNING) == 300.0
    assert NOW.begins(MORNING) == 0.0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"at": "25:00"}, "'25:00' is no time of the day"),
        ({"at": "noon"}, "'noon' is no time of the day"),
        ({"after": "soon"}, "'soon' is not a span of time"),
        ({"at": "10:40", "after": "5m"}, "not both"),
        ({"every": "1h"}, "has to end"),
        ({"every": "1h", "lasting": "60m"}, "every 1 h is no longer than the 1 h"),
    ],
)
def test_times_that_cannot_be_are_told(words: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        timing(**words)


def test_it_is_said_as_people_say_it() -> None:
    assert str(timing(at="10:40", lasting="20m", every="1d")) == "at 10:40:00 for 20 min every 1 d"
    assert str(timing(after="90s", lasting="1h30m")) == "in 1 min 30 s for 1 h 30 min"
    assert str(NOW) == ""


def test_a_span_is_told_from_an_address() -> None:
    assert is_span("20m")
    assert not is_span("postmaster")
    assert time_of_day("9:05") == time(9, 5)
    assert Timing(after=timedelta(1)).is_now is False


@pytest.mark.parametrize(
    ("words", "left", "times"),
    [
        ("silent for 20m", "silent", {"lasting": "20m"}),
        ("in 5m every 1h for 10m", "", {"after": "5m", "every": "1h", "lasting": "10m"}),
        ("lame for b.be twice at 10:40", "lame for b.be twice", {"at": "10:40"}),
        ("reply 451 at rcpt for ed@b.be for 5m", "reply 451 at rcpt for ed@b.be", {"lasting": "5m"}),
        ("reply 451 saying come in 5m at 10:40", "reply 451 saying come in 5m at 10:40", {}),
        ("silent for 5m for 6m", "silent for 6m", {"lasting": "5m"}),
        ("stall at", "stall at", {}),
    ],
)
def test_times_are_taken_out_of_words_and_the_rest_is_left(words: str, left: str, times: dict[str, str]) -> None:
    assert take_times(words.split()) == (left.split(), times)
