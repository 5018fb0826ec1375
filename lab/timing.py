"""When something broken on purpose is there: from which moment, for how long, how often.

The rule: a timing is words only. `begins` turns it into seconds of lab time against a clock that shows a moment,
so that the same words mean the same from the command line, a scenario and a topology.

    in 5m               so long from now                     at 10:40        when lab time shows it next
    for 20m             then it is over by itself            every 1h        and again so long after it began
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from lab.clock import parse_span, show_span
from lab.values import dataclass

_NO_TIME = timedelta()
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Timing:
    """`at` wins over `after`. `lasting` 0: until it is healed. `every` 0: once; else it is longer than `lasting`,
    which is not 0 then (`mistake`)."""

    at: time | None = None
    after: timedelta = _NO_TIME
    lasting: timedelta = _NO_TIME
    every: timedelta = _NO_TIME

    @property
    def is_now(self) -> bool:
        return self.at is None and not self.after

    @property
    def is_plain(self) -> bool:
        """Whether nothing is said of time: it begins now, and stays."""
        return self.is_now and not self.lasting and not self.every

    def begins(self, now: datetime) -> float:
        """Seconds from `now` until it begins; 86,400 rather than 0 where its time of the day is this very moment
        gone by.

        >>> Timing(at=time(10, 40)).begins(datetime(2026, 1, 5, 10, 39))
        60.0
        """
        if self.at is None:
            return self.after.total_seconds()
        today = now.replace(hour=self.at.hour, minute=self.at.minute, second=self.at.second, microsecond=0)
        return (today - now).total_seconds() if today >= now else (today - now).total_seconds() + 86_400

    def mistake(self) -> str:
        """What is wrong with it, in a sentence; "" when nothing is."""
        if self.at is not None and self.after:
            return "it begins at a time of the day, or after a while: not both"
        if self.every and not self.lasting:
            return "what comes every so often has to end: say for how long"
        if self.every and self.every <= self.lasting:
            return f"every {show_span(self.every)} is no longer than the {show_span(self.lasting)} that it lasts"
        return ""

    def __str__(self) -> str:
        begin = f"at {self.at}" if self.at is not None else f"in {show_span(self.after)}" if self.after else ""
        lasting = f"for {show_span(self.lasting)}" if self.lasting else ""
        every = f"every {show_span(self.every)}" if self.every else ""
        return " ".join(word for word in (begin, lasting, every) if word)


NOW = Timing()
"""It begins now, and stays until it is healed."""


def is_span(word: str) -> bool:
    try:
        parse_span(word)
    except ValueError:
        return False
    return True


def time_of_day(word: str) -> time:
    """`10:40` or `10:40:30`; ValueError when it is no time of a day."""
    found = _TIME_OF_DAY.fullmatch(word.strip())
    try:
        if found is None:
            raise ValueError
        hour, minute, second = (int(part or 0) for part in found.groups())
        return time(hour, minute, second)
    except ValueError:
        raise ValueError(f"'{word}' is no time of the day: write 10:40") from None


def take_times(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Words that say something at its time, taken apart: what is left, and the words of `timing`. What follows
    `saying` is a text, and left alone.

    >>> take_times(["reset", "at", "dot", "at", "10:40", "for", "20m"])
    (['reset', 'at', 'dot'], {'at': '10:40', 'lasting': '20m'})
    """
    end = words.index("saying") if "saying" in words else len(words)
    left: list[str] = []
    times: dict[str, str] = {}
    at = 0
    while at < end:
        name = _called(words[at], words[at + 1]) if at + 1 < end else ""
        if name and name not in times:
            times[name] = words[at + 1]
        else:
            left += words[at : at + 1 + bool(name)]
        at += 2 if name else 1
    return [*left, *words[end:]], times


def _called(preposition: str, word: str) -> str:
    """Which part of a timing two words are; "" for none."""
    match preposition:
        case "at" if ":" in word:
            return "at"
        case "for" | "in" | "every" if is_span(word):
            return {"for": "lasting", "in": "after"}.get(preposition, preposition)
    return ""


def timing(*, at: str = "", after: str = "", lasting: str = "", every: str = "") -> Timing:
    """From words as people write them; "" where nothing is said. ValueError with the sentence of what is wrong.

    >>> str(timing(at="10:40", lasting="20m"))
    'at 10:40:00 for 20 min'
    """
    spans = [parse_span(word.removeprefix("+")) if word else _NO_TIME for word in (after, lasting, every)]
    found = Timing(time_of_day(at) if at else None, *spans)
    if found.mistake():
        raise ValueError(found.mistake())
    return found


def timing_of(words: str) -> Timing:
    """The same from one text: `at 10:40 for 20m`. ValueError when a part of it says nothing."""
    left, times = take_times(words.split())
    if left:
        raise ValueError(f"'{' '.join(left)}' says no time: write at 10:40, in 5m, for 20m, every 1h")
    return timing(**times)
