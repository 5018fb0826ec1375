"""The lab's end of the line to one node.

The rule: a node that is gone has nothing to say. Whoever waits for it is told so (NodeLost), at once; its last
words, what it wrote to standard error, are kept for the sentence that the user gets.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, Protocol

from lab.errors import WorldSaidNo, error_of
from lab.fabric.distant.orders import Order, to_line

_KEPT = 40
"""Lines of a node's standard error that are kept."""


class NodeLost(WorldSaidNo):
    """The process of a node ended, or its line broke."""


class Wire(Protocol):
    """What carries a line: a pipe, or a container's attached streams."""

    def write(self, octets: bytes) -> None: ...

    def close(self) -> None: ...


class Line:
    """Orders out, reports in. `heard` gets every report but those about readiness; an answer among them it brings
    back with `answered`, when its turn has come."""

    def __init__(self, name: str, heard: Callable[[Line, dict[str, Any]], None]) -> None:
        self.name = name
        self.wire: Wire | None = None
        self.words: deque[str] = deque(maxlen=_KEPT)
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing more comes."""
        self.ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._heard = heard
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._rest = b""

    # -- out --------------------------------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """Tell; nobody answers. To a node that is gone, nothing."""
        if self.wire is not None and not self.gone.done():
            self.wire.write(to_line(order))

    async def ask(self, make: Callable[[int], Order]) -> dict[str, Any]:
        """Tell, and wait for the report of that number. NodeLost when the node is, or goes meanwhile."""
        if self.gone.done() or self.wire is None:
            raise self._lost()
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self.order(make(number))
            form: dict[str, Any] = await answer
            return form
        finally:
            self._waiting.pop(number, None)

    # -- in ---------------------------------------------------------------------------------------------------

    def feed(self, octets: bytes) -> None:
        """Standard output came."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            with suppress(ValueError):  # what is no JSON was not said by the node's program
                form = json.loads(line)
                if isinstance(form, dict):
                    self._hear(form)

    def grumble(self, octets: bytes) -> None:
        """Standard error came."""
        self.words.extend(octets.decode("utf-8", "replace").splitlines())

    def lose(self) -> None:
        """Nothing more comes."""
        if not self.gone.done():
            self.gone.set_result(None)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._lost())
        if not self.ready.done():
            self.ready.set_exception(self._lost())
        with suppress(NodeLost, asyncio.InvalidStateError, asyncio.CancelledError):
            self.ready.exception()

    def answered(self, number: int, form: dict[str, Any]) -> None:
        """This is what somebody waits for."""
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(form)

    def _hear(self, form: dict[str, Any]) -> None:
        if "look" in form:
            self.answered(form["look"], form)
        elif "tick" in form:
            self.answered(form["tick"], form)
        elif "ready" in form and not self.ready.done():
            self.ready.set_result(int(form["ready"]))
        elif "refused" in form and not self.ready.done():
            self.ready.set_exception(error_of(form["refused"]))
        else:
            self._heard(self, form)

    def _lost(self) -> NodeLost:
        words = "\n".join(f"   {line}" for line in list(self.words)[-5:])
        return NodeLost(
            f"{self.name} is gone: its process ended, and it was not the lab that ended it",
            remedy=f"Its last words:\n{words}" if words else "lab status  shows what is gone;  lab up  mends it.",
            code="H046",
        )


def value_of(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer brings. KeyError when nobody answers that question there; an error is raised again."""
    if answer.get("missing"):
        raise KeyError(answer["answer"])
    if "error" in answer:
        raise error_of(answer["error"])
    value: dict[str, Any] = answer.get("value") or {}
    return value
