"""Wrong words in a scenario are told in a sentence; right ones mean what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lab.errors import WrongUse
from lab.names import BadName
from lab.scenario import words


def test_a_span_is_read_as_people_write_it() -> None:
    assert words.span("4d 23h") == timedelta(days=4, hours=23)
    assert words.span(timedelta(seconds=3)) == timedelta(seconds=3)


def test_lines_are_read() -> None:
    line = words.link("20ms", "5ms", "1%", "10Mbit")
    assert (line.latency, line.loss, line.bandwidth) == (timedelta(milliseconds=20), 0.01, 10_000_000)


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (lambda: words.span("soon"), "'soon' is not a span of time"),
        (lambda: words.link("20", "0s", "0", ""), "'20' is not a time"),
        (lambda: words.addresses("ed"), "needs a name, an @ and a domain"),
    ],
)
def test_a_wrong_word_is_told(read: Callable[[], object], sentence: str) -> None:
    with pytest.raises((WrongUse, BadName), match=sentence):
        read()


def test_a_message_of_text_is_made_of_what_is_said() -> None:
    octets = words.message("ann@unige.ch", ("ed@belgiannews.com", "news@belgiannews.com"), "hé", "Grüße\n")
    assert b"To: ed@belgiannews.com, news@belgiannews.com\r\n" in octets
    assert octets.isascii()
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"From" not in words.message("", ("ed@belgiannews.com",), "x", "y")
