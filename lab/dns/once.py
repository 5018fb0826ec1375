"""The same work under way once: who asks for it meanwhile shares its result (RFC 5452 §5, the birthday attack).

The rule: the first who asks does the work itself, so that the common case costs no task. When the first is
cancelled, or fails, the next does it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Work by its key."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Future[V] | None] = {}
        """The future is for those who wait for the first: there is none while nobody does."""

    async def do(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        while key in self._running:
            shared = self._shared(key)
            await asyncio.wait([shared])
            if not shared.cancelled():
                return shared.result()
        self._running[key] = None
        try:
            result = await work()
        except BaseException:
            if (waited_for := self._running.pop(key)) is not None:
                waited_for.cancel()
            raise
        if (waited_for := self._running.pop(key)) is not None:
            waited_for.set_result(result)
        return result

    def _shared(self, key: K) -> asyncio.Future[V]:
        running = self._running[key]
        if running is None:
            running = self._running[key] = asyncio.get_running_loop().create_future()
        return running
