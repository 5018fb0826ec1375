"""When a message is tried again, when its sender is warned, and when it is given up: schedules as data.

The rule: the next try is a pure function of the message's arrival, the tries so far and now. Giving up and
warning are due at moments of their own, whether or not a try is due then.

RFC 5321 §4.5.4.1: at least 30 minutes between tries, more often at first; give up after 4–5 days at least. The
presets are the defaults of the agents they are named after, read from their manuals and sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from lab.clock import parse_span
from lab.errors import WrongUse
from lab.values import dataclass

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """All in seconds.

    `growth` steps: wait `steps` one after the other, the last one for ever; age: wait as long as the message
    is old, between the first and the last of `steps`; square: the nth try is due n² times the first step after
    arrival; ages: wait the first of `steps` while the message is younger than the first of `ages`, and so on, the
    last one for ever.
    """

    name: str
    steps: tuple[float, ...]
    gives_up: float
    warns: tuple[float, ...] = ()
    """Ages at which the sender is told of the delay."""
    growth: Literal["steps", "age", "square", "ages"] = "steps"
    ages: tuple[float, ...] = ()

    def next_due(self, arrived: float, tries: int, now: float) -> float:
        """When to try again after the try that has just failed; `tries` counts it.

        >>> lab = SCHEDULES["lab"]
        >>> [lab.next_due(0, tries, 0) for tries in (1, 2, 3, 9)]
        [300.0, 600.0, 1200.0, 4000.0]
        """
        match self.growth:
            case "steps":
                return now + self.steps[min(max(tries, 1), len(self.steps)) - 1]
            case "age":
                return now + min(max(now - arrived, self.steps[0]), self.steps[-1])
            case "square":
                return self._square(arrived, now)
            case "ages":
                younger = sum(now - arrived >= age for age in self.ages)
                return now + self.steps[younger]

    def tries(self) -> list[float]:
        """When a message that nobody takes is tried, in seconds after its arrival; the first try is at 0.

        >>> SCHEDULES["opensmtpd"].tries()[:4]
        [0.0, 400.0, 1600.0, 3600.0]
        """
        found = [0.0]
        while (due := self.next_due(0.0, len(found), found[-1])) < self.gives_up:
            found.append(due)
        return found

    def _square(self, arrived: float, now: float) -> float:
        turn = 1
        while arrived + self.steps[0] * turn * turn <= now:
            turn += 1
        return arrived + self.steps[0] * turn * turn


_EXIM = (15 * MINUTE,) * 8 + tuple(HOUR * 1.5**n for n in range(6)) + (6 * HOUR,)

SCHEDULES: Mapping[str, Schedule] = {
    schedule.name: schedule
    for schedule in (
        Schedule("lab", (300.0, 600.0, 1200.0, 2400.0, 4000.0), 5 * DAY, (4 * HOUR,)),
        Schedule("postfix", (300.0, 4000.0), 5 * DAY, growth="age"),
        Schedule("exim", _EXIM, 4 * DAY, (24 * HOUR,)),
        Schedule("opensmtpd", (400.0,), 4 * DAY, (4 * HOUR,), growth="square"),
        Schedule("sendmail", (HOUR,), 5 * DAY, (4 * HOUR,)),
        Schedule(
            "haraka", tuple(2.0 ** (n + 5) for n in range(1, 13)), float(sum(2 ** (n + 5) for n in range(1, 13)))
        ),
        Schedule("maddy", (15 * MINUTE,) * 4 + (30 * MINUTE,) * 4 + (HOUR,) * 4 + (8 * HOUR,), 66 * HOUR),
        Schedule(
            "stalwart",
            (2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, DAY, 3 * DAY),
            3 * DAY,
            (DAY, 3 * DAY),
        ),
        # Beside up to a minute of chance each time, which is left out.
        Schedule(
            "chasquid",
            (MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE),
            20 * HOUR,
            growth="ages",
            ages=(MINUTE, 5 * MINUTE, 10 * MINUTE),
        ),
    )
}


def named_schedule(name: str, settings: Mapping[str, str]) -> Schedule:
    """The schedule of that name with a host's own `gives_up` and `warns` (spans, `warns: off`). WrongUse with the
    names there are, or where a span is none."""
    if name not in SCHEDULES:
        raise WrongUse(f"there is no retry schedule '{name}'", remedy=f"Choose one of: {', '.join(SCHEDULES)}.")
    schedule = SCHEDULES[name]
    if "gives_up" in settings:
        schedule = replace(schedule, gives_up=_span(settings["gives_up"]))
    if "warns" in settings:
        warns = settings["warns"]
        schedule = replace(schedule, warns=() if warns in ("off", "no", "never") else (_span(warns),))
    return schedule


def _span(text: str) -> float:
    try:
        return parse_span(text).total_seconds()
    except ValueError as error:
        raise WrongUse(str(error)) from None
