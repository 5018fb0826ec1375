"""Lab time that several processes share.

The rule: they agree without talking, for each counts its machine's monotonic clock from one origin; only a leap
has to be told, as one number. Processes of one machine agree to the microsecond. Another machine's clock counts
from elsewhere, so before a node begins it is asked a few times what it counts: of these exchanges the quickest
says it best, and is wrong by half of what it took, at the worst (Cristian, Distributed Computing 3, 1989).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from lab.clock import DAY_ONE, WarpedTime
from lab.fabric.distant.orders import Moment
from lab.values import dataclass

_ROUNDS = 8
_LEAPS_KEPT = 4096
_ENOUGH = 2
"""Rounds after which a clock that may be this machine's is taken to be: the first is long, the node being born."""


@dataclass(slots=True)
class SharedTime(WarpedTime):
    """Real time, which leaps when all of the lab does."""

    _leaps: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_LEAPS_KEPT))
    """When it leapt, in the machine's count, and how far ahead it was before."""

    def leap(self, to: float) -> None:
        before = self.ahead
        WarpedTime.leap(self, to)
        if self.ahead != before:
            self._leaps.append((time.monotonic(), before))

    def at(self, count: float) -> float:
        """What lab time was when the machine's clock counted that: leaps since then do not count."""
        ahead = self.ahead
        for when, before in reversed(self._leaps):
            if count >= when:
                break
            ahead = before
        return count - self._start + ahead

    @property
    def moment(self) -> Moment:
        return Moment(self._start, self.ahead)

    def join(self, moment: Moment) -> None:
        """Follow another process's time, told in the count of this machine's clock."""
        self._start, self.ahead = moment.origin, moment.ahead


@dataclass(frozen=True, slots=True)
class Exchange:
    """Another clock's count, and what this machine's was when it was asked for and when it was heard."""

    asked: float
    there: float
    heard: float

    @property
    def took(self) -> float:
        return self.heard - self.asked

    @property
    def offset(self) -> float:
        return self.there - (self.asked + self.heard) / 2


def offset(exchanges: Sequence[Exchange]) -> float:
    """By how many seconds another clock is before this machine's; 0.0 exactly for one that may be the same.

    >>> offset([Exchange(10.0, 112.0, 13.0), Exchange(14.0, 114.5, 14.5)])
    100.25
    >>> offset([Exchange(10.0, 10.2, 10.5)])
    0.0
    """
    best = min(exchanges, key=lambda exchange: exchange.took)
    return 0.0 if may_be_same(exchanges) else best.offset


def may_be_same(exchanges: Sequence[Exchange]) -> bool:
    """Whether all that was heard fits this machine's own clock."""
    return all(exchange.asked <= exchange.there <= exchange.heard for exchange in exchanges)


async def moment_at(count: Callable[[], Awaitable[float]], source: SharedTime) -> Moment:
    """Lab time in the count of another process, which `count` asks for."""
    exchanges: list[Exchange] = []
    while len(exchanges) < _ENOUGH or (len(exchanges) < _ROUNDS and not may_be_same(exchanges)):
        asked = time.monotonic()
        there = await count()
        exchanges.append(Exchange(asked, there, time.monotonic()))
    return Moment(source.moment.origin + offset(exchanges), source.ahead)


def by_the_wall() -> SharedTime:
    """Lab time that is the wall's: seconds since lab time begins everywhere, so that a host's clock shows the day
    that it is, and machines whose clocks agree tell of one moment alike, though nobody leads them."""
    return SharedTime(ahead=(datetime.now(UTC) - DAY_ONE).total_seconds())


def machine() -> str:
    """Which boot of which machine this is."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
