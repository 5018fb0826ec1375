"""A list of acts that fails, cut down to the few that matter (delta debugging; Zeller and Hildebrandt, 2002).

The rule: pure over a predicate. `fails(acts)` plays them and says whether the same promise is broken; whatever is
left fails, and (unless patience ends first) every single act of it is needed. What is left is then made plainer:
fewer recipients, smaller messages, rounder waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from lab.scenario.futures.acts import Act, Advance, Cut, Send

Item = TypeVar("Item")
Fails = Callable[[tuple[Act, ...]], bool]

PATIENCE = 400
"""Plays that a list is given to get shorter; one takes some hundredths of a second."""


class _Patience:
    """Counts the plays; an exhausted one says of everything that it does not fail."""

    def __init__(self, fails: Fails, plays: int) -> None:
        self._fails, self.left = fails, plays

    def __call__(self, acts: Sequence[Act]) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        return self._fails(tuple(acts))


def shrink(acts: Sequence[Act], fails: Fails, patience: int = PATIENCE) -> tuple[Act, ...]:
    """The fewest and plainest acts found that still fail. The list given fails, else it is returned as it is."""
    counted = _Patience(fails, patience)
    found, before = tuple(acts), None
    while found != before:
        before = found
        found = plainer(fewest(found, counted), counted)
    return found


def fewest(items: Sequence[Item], fails: Callable[[Sequence[Item]], bool]) -> tuple[Item, ...]:
    """ddmin: leave out ever smaller pieces, for as long as what is left fails.

    >>> fewest(range(100), lambda some: 7 in some and 42 in some)
    (7, 42)
    """
    kept, pieces = tuple(items), 2
    while len(kept) >= 2:
        shorter = next((rest for rest in _without_one(kept, pieces) if fails(rest)), None)
        if shorter is not None:
            kept, pieces = shorter, max(2, pieces - 1)
        elif pieces >= len(kept):
            break
        else:
            pieces = min(len(kept), 2 * pieces)
    return kept


def _without_one(items: tuple[Item, ...], pieces: int) -> Iterator[tuple[Item, ...]]:
    """The list without each of so many pieces, the last one first: what comes after the failure goes at once."""
    bounds = [len(items) * number // pieces for number in range(pieces + 1)]
    for start, end in reversed(list(pairwise(bounds))):
        yield items[:start] + items[end:]


def plainer(acts: tuple[Act, ...], fails: Callable[[tuple[Act, ...]], bool]) -> tuple[Act, ...]:
    """Each act replaced by a plainer one, where that still fails."""
    for at in range(len(acts)):
        for simple in _plainer(acts[at]):
            tried = (*acts[:at], simple, *acts[at + 1 :])
            if fails(tried):
                acts = tried
                break
    return acts


def _plainer(act: Act) -> Iterator[Act]:
    match act:
        case Send(to=to) if len(to) > 1:
            yield from (replace(act, to=(one,)) for one in to)
        case Send(size=size) if size:
            yield replace(act, size=0)
        case Advance(seconds):
            rounder = (0.001, 0.01, 0.1, 1.0, 60.0, 600.0, 3600.0, 86_400.0)
            yield from (Advance(span) for span in rounder if span < seconds)
        case Cut(b=b) if b != ("*",):
            yield replace(act, b=("*",))
