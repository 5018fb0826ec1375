"""Coroutines run to their end on one loop for the whole process: to make one for each of 10,000 inputs costs more
than most inputs do."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


def awaited(work: Coroutine[Any, Any, T]) -> T:
    return _loop().run_until_complete(work)
