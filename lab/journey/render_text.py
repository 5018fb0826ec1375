"""A journey as text, for a terminal, a mail or a projector.

The rule: no colour is decided here. A line is a row of spans, each with the name of what it is; whoever shows it
chooses what "good", "bad" and "wait" look like, and `plain` leaves them all out. Lines fit the given width.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lab.clock import show_span
from lab.journey.closing import NOBODY, closing
from lab.journey.model import Journey, Layer, Step


class Span(NamedTuple):
    text: str
    style: str = ""
    """One of id, layer, place, good, bad, wait, why, dim, or empty."""


Line = tuple[Span, ...]

_LATER = 1.0
"""Seconds between two steps from which on the time that passed is worth a line."""


def render(
    journey: Journey,
    *,
    now: float | None = None,
    width: int = 80,
    whys: bool = True,
    halted: Mapping[str, str] = NOBODY,
) -> list[Line]:
    """The whole screen: who to whom, the steps, where it is now. `now` counts the time to the next try; `halted`:
    see `closing`."""
    now = max([journey.started, *(step.t for step in journey.steps)]) if now is None else now
    return [
        _head(journey),
        *_steps(journey, width, whys),
        *_closing(journey, closing(journey, now, halted), width),
    ]


def plain(lines: Iterable[Line]) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def brief(journey: Journey) -> Line:
    """One line for a list of journeys."""
    return (
        Span(f" {journey.id}", "id"),
        Span(f"  {journey.state:<9}", _STATE_STYLE[journey.state]),
        Span(f"  {_who(journey)}"),
        Span(f"  {journey.subject}" if journey.subject else "", "dim"),
    )


_STATE_STYLE = {"queued": "wait", "held": "wait", "bounced": "bad", "refused": "bad", "delivered": "good"}


def _who(journey: Journey) -> str:
    first, *others = journey.recipients or ("nobody",)
    further = f" and {len(others)} more" if len(others) > 2 else "".join(f", {one}" for one in others)
    return f"{journey.sender or '<>'} → {first}{further}"


def _head(journey: Journey) -> Line:
    subject = f'   "{journey.subject}"' if journey.subject else ""
    return Span(f" {journey.id}", "id"), Span(f"  {_who(journey)}"), Span(subject, "dim")


def _steps(journey: Journey, width: int, whys: bool) -> Iterator[Line]:
    column = max((len(step.about) for step in journey.steps if len(step.about) <= 36), default=0)
    host, before = journey.host, journey.started
    for step in journey.steps:
        if step.host != host or step.t - before >= _LATER:
            yield _elsewhere(step, host, before)
        host, before = step.host, step.t
        yield from _step(step, column, width)
        if whys and step.why:
            yield from _why(step, width)


def _elsewhere(step: Step, host: str, before: float) -> Line:
    later = f"{show_span(step.t - before)} later" if step.t - before >= _LATER else ""
    words = ", ".join(word for word in (f"at {step.host}", later) if word)
    return (Span(f"  -- {words}", "dim"),)


def _step(step: Step, column: int, width: int) -> Iterator[Line]:
    head, layer, about = f" {step.n:>2}  ", f"{step.layer:<5}  ", f"{step.about:<{column}}  "
    before = len(head) + len(layer) + len(about)
    first, *others = _wrapped(step.outcome, max(12, width - before), _LONGEST) or [""]
    yield Span(head, "dim"), Span(layer, "layer"), Span(about, "place"), Span(first, mood(step))
    for other in others:
        yield Span(" " * before), Span(other, mood(step))


_LONGEST = 4
"""Lines of an outcome; a server's reply may be as long as it likes."""


def _wrapped(text: str, width: int, lines: int | None = None) -> list[str]:
    """Cut between words, never inside a name with hyphens."""
    return textwrap.wrap(text, width, max_lines=lines, placeholder=" …", break_on_hyphens=False)


def mood(step: Step) -> str:
    """Whether a step is good news, bad news, or a wait."""
    if step.layer is Layer.QUEUE:
        return "bad" if step.outcome.startswith("gives up") else "wait"
    if step.layer in (Layer.SMTP, Layer.TCP):
        return "good" if step.outcome.startswith(("2", "took")) else "bad"
    if step.layer is Layer.MAIL:
        return "good" if "in the mailbox" in step.outcome else "wait"
    return "bad" if step.outcome.startswith(("NX", "SERVFAIL", "no ")) else ""


def _why(step: Step, width: int) -> Iterator[Line]:
    for line in _wrapped(step.why, max(30, width - 12)):
        yield (Span(f"            {line}", "why"),)


def _closing(journey: Journey, words: str, width: int) -> Iterator[Line]:
    style = _STATE_STYLE[journey.state]
    for line in _wrapped(words, max(30, width - 1)):
        yield (Span(f" {line}", style),)
