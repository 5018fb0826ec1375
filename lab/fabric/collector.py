"""When Python's collector of circular garbage looks, while a fabric is up.

The rule: hosts are born together and live until their fabric goes down, so nobody looks at them meanwhile; and
what a message leaves behind goes by itself, for it holds no circles (a test watches that), so the rest is looked
at seldom. Measured: looking as often as Python does by itself was a third of the time of a message, and half of
the time that 100,000 hosts need to boot.

The setting is the process's, and it is put back when the fabric goes down.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 20_000
"""New objects between two looks at the youngest; Python's own measure is 700."""


class Collector:
    """The process's collector as one fabric wants it."""

    __slots__ = ("_usual",)

    def __init__(self) -> None:
        self._usual: tuple[int, int, int] | None = None

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """While hosts are made: all of it lives, and there is nothing to find."""
        was_on = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_on:
                gc.enable()

    def spare(self) -> None:
        """What is there now stays for as long as the fabric is up; look at the rest seldom."""
        if self._usual is None:
            gc.freeze()
            self._usual = youngest, *older = gc.get_threshold()
            gc.set_threshold(max(youngest, SELDOM) if youngest else 0, *older)

    def as_before(self) -> None:
        if self._usual is not None:
            gc.unfreeze()
            gc.set_threshold(*self._usual)
            self._usual = None
