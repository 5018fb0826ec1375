"""What the loop has to call, now or in time: asyncio's handles without a debugger's questions.

The rule: to whoever holds one it is asyncio's. The standard ones ask the loop whether it debugs when they are made
and when they are cancelled; a message takes fifty of them. A loop that debugs makes the standard ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any


class Call(asyncio.Handle):
    """A callback, its arguments, and the context it runs in."""

    __slots__ = ()
    # Of the standard handle, unknown to its stubs; what is only for a debugger is nothing here.
    _callback: Callable[..., object] | None
    _context: Context
    _repr = _source_traceback = None

    def __init__(
        self, callback: Callable[..., object], args: Any, loop: asyncio.AbstractEventLoop, context: Context | None
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None  # type: ignore[assignment]


class Timer(asyncio.TimerHandle):
    """The same with a moment of lab time."""

    __slots__ = ()
    _callback: Callable[..., object] | None
    _context: Context
    _repr = _source_traceback = None

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: Any,
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._when = when

    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None  # type: ignore[assignment]
