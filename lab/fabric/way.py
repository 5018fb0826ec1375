"""The way of a connection's segments from one host to another, for every fabric.

The rule: what a segment meets is decided by the rules (`rules`) when it leaves, and segments never overtake each
other. One that is lost waits for its retransmission and holds those behind it back (RFC 6298: the time doubles;
after 15 tries, some 15 minutes, the sender gives up, as Linux does with tcp_retries2).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sized
from contextvars import Context
from typing import Any, Generic, Protocol, TypeVar

from lab.fabric.rules import Line, Packet, Place, Rules, Verdict

Item = TypeVar("Item", bound=Sized)

RETRIES = 15
LONGEST_RTO = 120.0
FALLBACK_RTO = 0.2


Ends = tuple[tuple[str, int], tuple[str, int]]
"""Address and port of who sends, and of who receives."""


class Witness(Protocol):
    """Who is told of a connection's segments, while `watches` says so."""

    watches: bool

    def left(self, ends: Ends, item: Any, lost: bool) -> None:
        """It was sent; `lost`: for nothing."""

    def came(self, ends: Ends, item: Any) -> None:
        """It has arrived."""

    def taken(self, ends: Ends, item: Any) -> None:
        """It has arrived, and the receiver has dealt with it."""


class Nobody:
    """No witness."""

    watches = False

    def left(self, ends: Ends, item: Any, lost: bool) -> None: ...

    def came(self, ends: Ends, item: Any) -> None: ...

    def taken(self, ends: Ends, item: Any) -> None: ...


_NOBODY = Nobody()
_NOWHERE: Ends = (("", 0), ("", 0))


class Way:
    """From one host to another, in this direction. `there` None: an address that no host of the lab has."""

    __slots__ = ("_generation", "_here", "_instant", "_line", "_passes", "_rules", "_there")

    def __init__(self, rules: Rules, here: Place | None, there: Place | None) -> None:
        self._rules = rules
        self._here = here
        self._there = there
        self._generation = -1
        self._line: Line | None = None
        self._passes = True
        self._instant = False

    def is_open(self) -> bool:
        if self._generation != self._rules.generation:
            self._look()
        return self._passes

    def is_instant(self) -> bool:
        if self._generation != self._rules.generation:
            self._look()
        return self._instant

    def toll(self, now: float, octets: int) -> float | None:
        """Seconds until they arrive; None: lost."""
        if not self.is_open():
            return None
        return self._line.toll(now, octets) if self._line else 0.0

    @property
    def rto(self) -> float:
        return self._line.rto if self._line else FALLBACK_RTO

    def _look(self) -> None:
        self._generation = self._rules.generation
        if self._here is not None and self._there is not None:
            self._line = self._rules.line(self._here, self._there)
            self._passes = self._rules.verdict(self._here, self._there, Packet.STREAM) is Verdict.PASS
        self._instant = self._passes and self._line is None


class Passage(Generic[Item]):
    """Segments on their way: each arrives when the way lets it, in order. `size` octets are still under way."""

    __slots__ = (
        "_arrive",
        "_context",
        "_ends",
        "_give_up",
        "_last_arrival",
        "_loop",
        "_lost",
        "_retries",
        "_under_way",
        "_way",
        "_witness",
        "size",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        way: Way,
        arrive: Callable[[Item], None],
        give_up: Callable[[], None],
        witness: Witness = _NOBODY,
        ends: Ends = _NOWHERE,
    ) -> None:
        self._loop = loop
        self._context = context
        self._way = way
        self._arrive = arrive
        self._give_up = give_up
        self._witness = witness
        self._ends = ends
        self._lost: deque[Item] = deque()
        self._under_way = 0
        self._retries = 0
        self._last_arrival = 0.0
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._lost or self._under_way)

    def is_clear(self) -> bool:
        """What is put now arrives now."""
        return not self and self._way.is_instant()

    def put(self, segment: Item) -> None:
        """Send it behind those before it."""
        if not (self._under_way or self._lost) and self._way.is_instant():
            if self._witness.watches:
                self._witness.left(self._ends, segment, lost=False)
                self._come(segment)
            else:
                self._arrive(segment)
            return
        self.size += len(segment)
        if self._lost:
            self._lost.append(segment)
        elif not self._sent(segment):
            self._lost.append(segment)
            self._retry_later()

    def put_last(self, segment: Item) -> None:
        """Forget what has not left, and send this one, if the way is open: it is not worth a second try."""
        self.clear()
        if self._way.is_open():
            self.put(segment)
        elif self._witness.watches:
            self._witness.left(self._ends, segment, lost=True)

    def clear(self) -> None:
        """Forget what has not left; what is under way arrives nevertheless."""
        self._lost.clear()
        self.size = 0

    def lead_nowhere(self) -> None:
        """Nobody is there any more to hear of what still arrives."""
        self._arrive = self._give_up = _nothing

    def _sent(self, segment: Item) -> bool:
        now = self._loop.time()
        toll = self._way.toll(now, len(segment))
        if self._witness.watches:
            self._witness.left(self._ends, segment, lost=toll is None)
        if toll is None:
            return False
        self._last_arrival = max(self._last_arrival, now + toll)
        self._under_way += 1
        self._loop.call_at(self._last_arrival, self._arrived, segment, context=self._context)
        return True

    def _arrived(self, segment: Item) -> None:
        self._under_way -= 1
        self.size = max(0, self.size - len(segment))
        self._come(segment)

    def _come(self, segment: Item) -> None:
        if not self._witness.watches:
            self._arrive(segment)
            return
        self._witness.came(self._ends, segment)
        self._arrive(segment)
        self._witness.taken(self._ends, segment)

    def _retry_later(self) -> None:
        wait = min(LONGEST_RTO, self._way.rto * 2**self._retries)
        self._retries += 1
        self._loop.call_later(wait, self._retry, context=self._context)

    def _retry(self) -> None:
        while self._lost and self._sent(self._lost[0]):
            self._lost.popleft()
            self._retries = 0
        if self._lost and self._retries > RETRIES:
            self.clear()
            self._give_up()
        elif self._lost:
            self._retry_later()


def _nothing(*_: object) -> None:
    pass
