"""When each schedule tries again, over five days: how many tries fall into each stretch of time.

The rule: the stretches grow as patience does, so that the first minutes and the last day have the same room. What
stands there was computed by the schedule that the queue goes by.
"""

from __future__ import annotations

import textwrap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from lab.cli.screen import Line, plain
from lab.clock import show_span
from lab.mail.retry import DAY, HOUR, MINUTE, SCHEDULES, Schedule

_ENDS = (
    *(n * MINUTE for n in (5, 15, 30)),
    *(n * HOUR for n in (1, 2, 4, 8, 16)),
    *(n * DAY for n in (1, 2, 3, 4, 5)),
)
_NAMES = ("5m", "15m", "30m", "1h", "2h", "4h", "8h", "16h", "1d", "2d", "3d", "4d", "5d")
_FIRST = 6


def form(schedule: Schedule) -> dict[str, Any]:
    """The JSON twin of a line; all in seconds after the arrival."""
    return {
        "schedule": schedule.name,
        "tries": schedule.tries(),
        "warns": list(schedule.warns),
        "gives_up": schedule.gives_up,
    }


def schedules_screen(forms: Sequence[dict[str, Any]], columns: int) -> list[Line]:
    return [
        plain(f" tries up to{''.join(f'{name:>5}' for name in _NAMES)}", "head"),
        *(_timeline(one) for one in forms),
        plain(" ! the sender is warned    ✕ given up, the sender told    · no try", "dim"),
        plain(""),
        plain(" and in words", "head"),
        *(line for one in forms for line in _in_words(one, columns)),
    ]


def all_forms() -> list[dict[str, Any]]:
    return [form(schedule) for schedule in SCHEDULES.values()]


def _timeline(form: dict[str, Any]) -> Line:
    counts = [0] * len(_ENDS)
    for due in form["tries"][1:]:
        counts[bisect_left(_ENDS, due)] += 1
    warned = {bisect_left(_ENDS, age) for age in form["warns"]}
    end = bisect_left(_ENDS, form["gives_up"])
    return [(f" {form['schedule']:<10}", "place"), *_cells(counts, warned, end)]


def _cells(counts: Sequence[int], warned: set[int], end: int) -> Iterator[tuple[str, str]]:
    for at, count in enumerate(counts):
        number = str(count) if count else "·" if at <= end else ""
        mark = ("!" if at in warned else "") + ("✕" if at == end else "")
        style = "bad" if at == end else "wait" if at in warned else "" if count else "dim"
        yield f"{number + mark:>5}", style


def _in_words(form: dict[str, Any], columns: int) -> Iterator[Line]:
    first = ", ".join(show_span(due) for due in form["tries"][1 : _FIRST + 1])
    more = len(form["tries"]) - 1 - _FIRST
    further = f" … and {more} more" if more > 0 else ""
    warns = f"; warns after {' and '.join(map(show_span, form['warns']))}" if form["warns"] else ""
    text = f"{first}{further}{warns}; gives up after {show_span(form['gives_up'])}"
    parts = textwrap.wrap(text, columns - 12)
    yield (f" {form['schedule']:<10} ", "place"), (parts[0], "")
    for part in parts[1:]:
        yield (" " * 12, ""), (part, "")
