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
        self._running: dict[K, asyncio.Future[V]] = {}

    async def do(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        while (running := self._running.get(key)) is not None:
            await asyncio.wait([running])
            if not running.cancelled():
                return running.result()
        return await self._lead(key, work)

    async def _lead(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        future = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            result = await work()
            future.set_result(result)
            return result
        finally:
            del self._running[key]
            future.cancel()
