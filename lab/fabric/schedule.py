"""What is broken at its time: the one place where a breakage begins and ends by itself.

The rule: nothing polls. Each entry has one timer of the loop, for its next turn: to begin, or to end. The loop's
time is lab time on every fabric, so a leap of five days takes each turn at its moment. Turns are carried out one
after the other, in the order in which they fall due: two that meet tell the same story every time.

Of one breakage, what was said last counts: ordered anew, its earlier times are forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context
from dataclasses import field
from typing import Protocol

from lab.clock import Clock
from lab.fabric.breakage import Breakage
from lab.names import DomainName
from lab.timing import Timing
from lab.values import dataclass


class Breaker(Protocol):
    """Who breaks and mends."""

    async def begin(self, what: Breakage) -> None: ...

    async def end(self, what: Breakage) -> None: ...


@dataclass(slots=True)
class Entry:
    """A breakage and its times, in seconds of lab time. `is_there`: it has begun and not ended; `turn` is when it
    begins next, or ends."""

    what: Breakage
    timing: Timing
    begins: float
    is_there: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def turn(self) -> float | None:
        """None: it is there until it is healed."""
        if not self.is_there:
            return self.begins
        lasting = self.timing.lasting.total_seconds()
        return self.begins + lasting if lasting else None


class Schedule:
    """What is to come, and what is to end, in the order in which it was ordered."""

    def __init__(self, clock: Clock, breaker: Breaker) -> None:
        self._clock = clock
        self._breaker = breaker
        self._entries: dict[Breakage, Entry] = {}
        self._taking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    async def order(self, what: Breakage, timing: Timing) -> None:
        """Have it begin and end at its times. What begins now has begun when this returns."""
        async with self._taking:
            self._forget(what)
            entry = Entry(what, timing, self._clock.elapsed() + timing.begins(self._clock.now()))
            if timing.is_now:
                await self._breaker.begin(what)
                entry.is_there = True
            self._await_turn(entry)

    async def cancel(
        self, mends: Callable[[], Awaitable[object]], whose: DomainName | Breakage | None = None
    ) -> list[Entry]:
        """Forget what is scheduled for a host, or of one breakage, or all of it, and mend meanwhile: no turn comes
        between. Returns what was forgotten."""
        async with self._taking:
            found = [entry for entry in self if whose in (None, entry.what, entry.what.target)]
            for entry in found:
                self._forget(entry.what)
            await mends()
        return found

    def clear(self) -> None:
        """Nothing comes any more, and nothing ends."""
        for entry in self:
            self._forget(entry.what)
        for task in self._tasks:
            task.cancel()

    def _forget(self, what: Breakage) -> None:
        entry = self._entries.pop(what, None)
        if entry is not None and entry.timer is not None:
            entry.timer.cancel()

    def _await_turn(self, entry: Entry) -> None:
        """One timer for what happens to it next; none, and it is forgotten, when nothing does."""
        if entry.turn is None:
            self._entries.pop(entry.what, None)
            return
        self._entries[entry.what] = entry
        loop = asyncio.get_running_loop()
        entry.timer = loop.call_at(entry.turn, self._is_due, entry, context=Context())

    def _is_due(self, entry: Entry) -> None:
        task = asyncio.get_running_loop().create_task(self._take_turn(entry), name=f"schedule {entry.what.target}")
        self._tasks.add(task)
        task.add_done_callback(self._taken)

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            report = {"message": task.get_name(), "exception": error, "task": task}
            asyncio.get_running_loop().call_exception_handler(report)

    async def _take_turn(self, entry: Entry) -> None:
        async with self._taking:
            if self._entries.get(entry.what) is not entry:
                return  # cancelled while it waited for those before it
            if entry.is_there:
                await self._end(entry)
            else:
                await self._begin(entry)

    async def _begin(self, entry: Entry) -> None:
        try:
            await self._breaker.begin(entry.what)
        except BaseException:
            self._forget(entry.what)  # what could not be broken is not scheduled either
            raise
        entry.is_there = True
        self._await_turn(entry)

    async def _end(self, entry: Entry) -> None:
        await self._breaker.end(entry.what)
        entry.is_there = False
        every = entry.timing.every.total_seconds()
        if every:
            entry.begins += every
            self._await_turn(entry)
        else:
            self._forget(entry.what)
