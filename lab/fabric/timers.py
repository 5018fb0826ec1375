"""What is due when: timers in the order (moment, sequence).

The sequence number breaks ties by age, which the heap of the standard loop does not promise; the same seed
therefore tells the same story. Cancelled timers leave when they come to the top, or when half of the heap is
of their kind, so that a server may re-arm an idle timer at every command.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf

_FEW = 512
"""Below this many entries the cancelled ones are not worth a sweep."""


class Timers:
    """A heap of timer handles that nobody has to clean."""

    __slots__ = ("_heap", "_sequence", "_sweep_at", "soonest")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._sequence = 0
        self._sweep_at = _FEW
        self.soonest = inf
        """When the next timer is due, a cancelled one included; infinity when there is none."""

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, when: float, handle: asyncio.TimerHandle) -> None:
        self._sequence += 1
        heap = self._heap
        heappush(heap, (when, self._sequence, handle))
        if when < self.soonest:
            self.soonest = when
        if len(heap) > self._sweep_at:
            self._sweep()

    def next_due(self) -> float | None:
        """When the next live timer is due; None: there is none."""
        heap = self._heap
        while heap:
            when, _, handle = heap[0]
            if not handle._cancelled:
                return when
            heappop(heap)
            self.soonest = heap[0][0] if heap else inf
        return None

    def move_due(self, now: float, ready: deque[asyncio.Handle]) -> None:
        """Append every handle due by `now` to `ready`."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            handle = heappop(heap)[2]
            if not handle._cancelled:
                ready.append(handle)
        self.soonest = heap[0][0] if heap else inf

    def drop(self, is_gone: Callable[[asyncio.TimerHandle], bool]) -> None:
        """Forget the timers of which nobody wants to hear any more."""
        self._keep([entry for entry in self._heap if not (entry[2].cancelled() or is_gone(entry[2]))])

    def clear(self) -> None:
        self._keep([])

    def _keep(self, entries: list[tuple[float, int, asyncio.TimerHandle]]) -> None:
        heapify(entries)
        self._heap = entries
        self.soonest = entries[0][0] if entries else inf

    def _sweep(self) -> None:
        self._keep([entry for entry in self._heap if not entry[2].cancelled()])
        self._sweep_at = max(_FEW, 2 * len(self._heap))
