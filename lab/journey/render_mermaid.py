"""A journey as a Mermaid sequence diagram, to paste into a README or a report.

The rule: the arrows are the steps, in their order, one arrow or note each; a failed one ends in a cross.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.clock import show_span
from lab.journey.closing import closing
from lab.journey.model import Journey, Layer, Step

_DNS = "the DNS"


def mermaid(journey: Journey, *, now: float | None = None) -> str:
    now = max([journey.started, *(step.t for step in journey.steps)]) if now is None else now
    places = _places(journey)
    names = {place: f"p{n}" for n, place in enumerate(places)}
    lines = ["sequenceDiagram", *(f"    participant {names[place]} as {_safe(place)}" for place in places)]
    before = journey.started
    for step in journey.steps:
        lines += [f"    {line}" for line in _lines(step, names, before)]
        before = step.t
    return "\n".join([*lines, f"    Note over {names[journey.host]}: {_safe(closing(journey, now))}", ""])


def _places(journey: Journey) -> list[str]:
    found = [journey.host]
    for step in journey.steps:
        found += [step.host, *_partner(step)]
    return list(dict.fromkeys(found))


def _partner(step: Step) -> list[str]:
    """Whom a step's host spoke to; nobody, when it is only about itself."""
    if step.layer is Layer.DNS:
        return [_DNS]
    talks = step.layer in (Layer.TCP, Layer.SMTP) and step.place != step.host
    return [step.place] if talks else []


def _lines(step: Step, names: dict[str, str], before: float) -> Iterator[str]:
    me = names[step.host]
    if step.t - before >= 1:
        yield f"Note over {me}: {show_span(step.t - before)} later"
    for partner in _partner(step):
        you = names[partner]
        if step.layer is Layer.DNS:
            yield f"{me}->>{you}: {_safe(step.about)}?"
            yield f"{you}-->>{me}: {_safe(step.outcome)}"
        elif step.outcome[:1].isdigit():
            yield f"{me}->>{you}: the message"
            yield f"{you}-->>{me}: {_safe(step.outcome)}"
        else:
            yield f"{me}-x{you}: {_safe(step.outcome)}"
        return
    yield f"Note over {me}: {_safe(step.what if step.about != step.host else step.outcome)}"


def _safe(text: str) -> str:
    """Mermaid takes a semicolon or a line's end for the end of a statement, and # for an entity."""
    return " ".join(text.replace("#", "#35;").replace(";", ",").replace("#35,", "#35;").split())
