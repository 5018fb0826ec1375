"""Lab time that runs ahead over many processes.

The rule: nobody leaps while anybody is busy, and nobody acts before everyone has leapt. All nodes are asked to say
when they are quiet, and then once more whether anything has stirred since, and to stay as they are: what one node
sent another is then either in nobody's hands, or has stirred its receiver (the double count of termination
detection: Mattern, Distributed Computing 2, 1987). A busy machine can keep a packet for longer than both questions
take (ksoftirqd), so what was handed to the kernels and came out of them is counted too; where that is not even,
everyone is given a moment more. Then time leaps, to the next timer that any of them has: whoever hears of it first
may speak to one that has not yet, but that one is still, and hears it in the new time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lab.fabric.distant.line import Line, NodeLost
from lab.fabric.distant.moment import SharedTime
from lab.fabric.distant.orders import Leap, Look, Order, Stay
from lab.fabric.loop import LabLoop
from lab.values import dataclass

Afloat = tuple[int, int, int]
"""Octets, datagrams, calls."""
Done = Callable[[], bool]
_PATIENCE_S = 1.2
"""Real seconds before a datagram or a call that is afloat counts as lost: ARP and TCP ask again after one
(RFC 1122 §2.3.2.1, RFC 6298 §2)."""
_SHORT_PATIENCE_S = 0.15
"""Likewise for octets of a connection, whose way is known; some are never read, when both sides leave at once."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a node is: how often its sockets brought something, its next timer in lab time, and what it sent
    less what it received (`kernel_tcp.Traffic`)."""

    stirred: int
    due: float | None
    afloat: Afloat = (0, 0, 0)


class Pace:
    """Drives the lab's own loop and its nodes' together."""

    def __init__(self, loop: LabLoop, source: SharedTime, lines: Callable[[], Sequence[Line]]) -> None:
        self._loop = loop
        self._source = source
        self._lines = lines
        self._turn = asyncio.Lock()
        self._astray: Afloat = (0, 0, 0)
        """What was sent and never came, as far as is known."""

    async def leap_to(self, goal: float, done: Done, heard: Callable[[], bool]) -> bool:
        """Let lab time run ahead to `goal`, or until `done()`; whether it was done. `heard` is called whenever
        everyone is quiet: whether something came to be known of that somebody may act upon first."""
        async with self._turn:
            while True:
                due = await self._all_still()
                try:
                    if heard():
                        continue
                    if done():
                        return True
                    self._source.leap(goal if due is None else min(due, goal))
                    if due is None or due > goal:
                        return done()
                finally:
                    self._go_on()

    async def _all_still(self) -> float | None:
        """Wait until nothing is under way anywhere; when the next timer is due, if any is set. All nodes stay as
        they are then, until they are told to go on."""
        begun = time.monotonic()
        while True:
            before = await self._standings(Look)
            await self._loop.leap_to(self._loop.time())
            try:
                after = await self._standings(Stay)
            except BaseException:
                self._go_on()
                raise
            afloat = _together(standing.afloat for standing in after)
            if before == after and time.monotonic() - begun >= _patience(afloat, self._astray):
                self._astray = afloat
                return self._next_due(after)
            self._go_on()

    def _next_due(self, standings: Sequence[Standing]) -> float | None:
        dues = [standing.due for standing in standings]
        return min((due for due in (*dues, self._loop.next_due()) if due is not None), default=None)

    async def _standings(self, question: Callable[[int], Order]) -> list[Standing]:
        looks = (line.ask(question) for line in self._lines())
        found = await asyncio.gather(*looks, return_exceptions=True)
        return [_standing(answer) for answer in found]

    def _go_on(self) -> None:
        for line in self._lines():
            line.order(Leap(self._source.ahead))


def _together(counts: Iterable[Afloat]) -> Afloat:
    octets, datagrams, calls = zip(*counts, (0, 0, 0), strict=True)
    return sum(octets), sum(datagrams), sum(calls)


def _patience(afloat: Afloat, astray: Afloat) -> float:
    """How many seconds to wait for what is afloat, beyond what is known to be astray."""
    if afloat == astray:
        return 0.0
    return _SHORT_PATIENCE_S if afloat[1:] == astray[1:] else _PATIENCE_S


def _standing(answer: dict[str, Any] | BaseException) -> Standing:
    """A node that is gone does nothing any more."""
    if isinstance(answer, NodeLost):
        return Standing(0, None)
    if isinstance(answer, BaseException):
        raise answer
    return Standing(answer["stirred"], answer["due"], tuple(answer["afloat"]))
