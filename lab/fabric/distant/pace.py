"""Lab time that runs ahead over many processes.

The rule: nobody leaps while anybody is busy. All nodes are asked to say when they are quiet, and then once more
whether anything has stirred since: what one node sent another is then either in nobody's hands, or has stirred its
receiver. A busy machine can keep a packet for longer than both questions take (ksoftirqd), so what was handed to
the kernels and came out of them is counted too; where that is not even, everyone is given a moment more. Only then
does time leap, to the next timer that any of them has, and everyone is told the same number. (The double count of
termination detection: Mattern, Distributed Computing 2, 1987.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lab.fabric.distant.line import Line, NodeLost
from lab.fabric.distant.moment import SharedTime
from lab.fabric.distant.orders import Leap, Look
from lab.fabric.loop import LabLoop

Done = Callable[[], bool]
_PATIENCE = 10
"""Further times that everyone is asked, some 5 ms each, before something counts as lost."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a node is: how often its sockets brought something, its next timer in lab time, and what it sent
    less what it received (`kernel_tcp.Traffic`)."""

    stirred: int
    due: float | None
    afloat: int = 0


class Pace:
    """Drives the lab's own loop and its nodes' together."""

    def __init__(self, loop: LabLoop, source: SharedTime, lines: Callable[[], Sequence[Line]]) -> None:
        self._loop = loop
        self._source = source
        self._lines = lines
        self._turn = asyncio.Lock()
        self._astray = 0
        """What was sent and never came, as far as is known."""

    async def leap_to(self, goal: float, done: Done, heard: Callable[[], bool]) -> bool:
        """Let lab time run ahead to `goal`, or until `done()`; whether it was done. `heard` is called whenever
        everyone is quiet: whether something came to be known of that somebody may act upon first."""
        async with self._turn:
            while True:
                due = await self._quiet()
                if heard():
                    continue
                if done():
                    return True
                self._leap(goal if due is None else min(due, goal))
                if due is None or due > goal:
                    return done()

    async def _quiet(self) -> float | None:
        """Wait until nothing is under way anywhere; when the next timer is due, if any is set."""
        patience = _PATIENCE
        while True:
            before = await self._look(patiently=True)
            await self._loop.leap_to(self._loop.time())
            if before != await self._look(patiently=False):
                continue
            afloat = sum(standing.afloat for standing in before)
            if afloat == self._astray or not patience:
                self._astray = afloat
                return self._next_due(before)
            patience -= 1

    def _next_due(self, standings: Sequence[Standing]) -> float | None:
        dues = [standing.due for standing in standings]
        return min((due for due in (*dues, self._loop.next_due()) if due is not None), default=None)

    async def _look(self, patiently: bool) -> list[Standing]:
        looks = (line.ask(lambda number: Look(number, patiently)) for line in self._lines())
        found = await asyncio.gather(*looks, return_exceptions=True)
        return [_standing(answer) for answer in found]

    def _leap(self, to: float) -> None:
        self._source.leap(to)
        for line in self._lines():
            line.order(Leap(self._source.ahead))


def _standing(answer: dict[str, Any] | BaseException) -> Standing:
    """A node that is gone does nothing any more."""
    if isinstance(answer, NodeLost):
        return Standing(0, None)
    if isinstance(answer, BaseException):
        raise answer
    return Standing(answer["stirred"], answer["due"], answer["afloat"])
