"""Many tries in a few lines: attempts that went alike are told once, with their number.

The rule: the first try of a kind is told whole, the ones like it in one step ("110 more tries within 4 d 23 h,
each refused"). What happens between two tries, a warning to the sender, does not make the next one a new story.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from enum import Enum, auto
from typing import NamedTuple

from lab.clock import show_span
from lab.journey.model import Layer, Step
from lab.values import dataclass


class Kind(Enum):
    TRIAL = auto()
    """Part of an attempt to be rid of the message."""
    WAIT = auto()
    """The host waits for the next attempt."""
    ASIDE = auto()
    """Something between two attempts."""


class Act(NamedTuple):
    step: Step
    kind: Kind


def tell(acts: Iterable[Act]) -> Iterator[Step]:
    """The steps worth telling, in their order."""
    for run in _runs(_tries(acts)):
        yield from _tell(run)


@dataclass(slots=True)
class Try:
    """One attempt to be rid of a message: what was met, and how long the host waits after it."""

    steps: list[Step] = field(default_factory=list)
    waits: list[Step] = field(default_factory=list)
    aside: bool = False
    """No attempt at all, but something that happened between two: the sender was warned."""

    @property
    def story(self) -> tuple[tuple[Layer, str, tuple[str, ...]], ...]:
        """What makes two tries alike; not the order in which equal exchangers happened to be drawn."""
        return tuple(
            sorted((step.layer, step.about, tuple(sorted(step.outcome.split(", ")))) for step in self.steps)
        )

    @property
    def all(self) -> list[Step]:
        return [*self.steps, *self.waits]


def _tries(acts: Iterable[Act]) -> list[Try]:
    """Cut into attempts: what comes after a wait begins the next one."""
    tries = [Try()]
    for step, kind in acts:
        if kind is Kind.WAIT:
            _wait(tries, step)
        else:
            _go_on(tries, kind is Kind.ASIDE)
            _add(tries[-1].steps, step)
    return tries


def _go_on(tries: list[Try], aside: bool) -> None:
    """Begin a new attempt where the last one is over."""
    if tries[-1].waits or (tries[-1].steps and tries[-1].aside != aside):
        tries.append(Try())
    tries[-1].aside = aside


def _add(steps: list[Step], step: Step) -> None:
    """A question and what its answer means for the way are one step; the DNS's own word is the outcome."""
    if steps and step.layer is steps[-1].layer is Layer.DNS and step.about == steps[-1].about:
        asked = steps.pop()
        step = replace(step, n=asked.n, outcome=asked.outcome, entries=(*asked.entries, *step.entries))
    steps.append(step)


def _wait(tries: list[Try], step: Step) -> None:
    """A host that backs off says so once for the message and once for the destination."""
    waits = tries[-1].waits
    if not waits and not tries[-1].aside:
        waits.append(step)
    elif waits and step.t - waits[-1].t < 1:
        waits[-1] = replace(waits[-1], entries=(*waits[-1].entries, *step.entries))
    else:
        tries.append(Try(waits=[step]))


@dataclass(slots=True)
class Run:
    """Tries that went alike, one after the other; `again`: like those before something in between."""

    tries: list[Try]
    again: bool = False


def _runs(tries: list[Try]) -> list[Run]:
    """One that only waited behind another message is like the one before."""
    runs: list[Run] = []
    before: Try | None = None
    for one in tries:
        like = before is not None and one.waits and before.waits and one.story in (before.story, ())
        if like and not runs[-1].tries[0].aside:
            runs[-1].tries.append(one)
        else:
            runs.append(Run([one], again=bool(like)))
        before = before if one.aside or like else one
    return runs


def _tell(run: Run) -> Iterator[Step]:
    first, *others = run.tries
    if run.again:
        yield _summary(run.tries, run.tries)
        return
    yield from first.all
    if len(others) == 1:
        yield from others[0].waits
    elif others:
        yield _summary(run.tries, others)


def _summary(run: list[Try], told: list[Try]) -> Step:
    """Those `told` of a run, in one step."""
    first, last = told[0].all[0], told[-1].waits[-1]
    met = list(dict.fromkeys(step.outcome for one in run for step in one.steps if step.layer is not Layer.DNS))
    came = " or ".join(met)
    if len(told) == 1:
        outcome = f"1 more try{came and f', {came}'}"
    else:
        span = show_span(last.t - run[0].all[0].t)
        outcome = f"{len(told)} more tries within {span}{came and f', each {came}'}"
    entries = tuple(n for one in told for step in one.all for n in step.entries)
    return Step(first.n, last.t, last.host, Layer.QUEUE, last.about, outcome, last.why, entries)
