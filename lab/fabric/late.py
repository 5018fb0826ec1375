"""What a host's programs are until somebody calls: nothing but a promise.

    late = Late(make)           late() makes it, once
    Sleeper(host, late, ("zone", "edit-zone"))      a desk that wakes who answers these questions

The rule: whoever is woken staffs the host's console itself, and is asked from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from lab.fabric.base import Host
    from lab.fabric.console import Answer

T = TypeVar("T")


class Late(Generic[T]):
    """Made at the first call, and the same from then on.

    >>> numbers = iter("12")
    >>> late = Late(lambda: next(numbers))
    >>> late(), late()
    ('1', '1')
    """

    __slots__ = ("_made", "make")

    def __init__(self, make: Callable[[], T]) -> None:
        self.make: Callable[[], T] | None = make
        self._made: T

    def __call__(self) -> T:
        if self.make is not None:
            self._made, self.make = self.make(), None
        return self._made


class Sleeper:
    """A console's desk (`console.Desk`)."""

    __slots__ = ("_host", "_wake", "questions")

    def __init__(self, host: Host, wake: Callable[[], object], questions: Iterable[str]) -> None:
        self._host = host
        self._wake = wake
        self.questions: Mapping[str, str] = {question: question for question in questions}

    def __getattr__(self, question: str) -> Answer:
        return partial(self._answer, question)

    async def _answer(self, question: str, request: dict[str, Any]) -> dict[str, Any]:
        self._wake()
        return await self._host.console[question](request)
