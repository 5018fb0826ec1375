"""What the lab's keeper can ask a host, and who answers.

The rule: an answer is looked for when it is asked for. A desk is a part of a host's programs that answers with its
methods; the console keeps the desk, not the methods: bound ones would be a tenth of what an idle host of a hundred
thousand weighs (600 octets of 6,000).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

Answer = Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]
"""A host's answer to a question of the lab's keeper ("queue", "mailbox", "zone" …): JSON in, JSON out."""


class Desk(Protocol):
    """Whoever answers: `questions` names the method for each question."""

    @property
    def questions(self) -> Mapping[str, str]: ...


class Console(dict[str, Answer]):
    """The answers by question; KeyError where nobody has one."""

    __slots__ = ("_desks",)

    def __init__(self) -> None:
        super().__init__()
        self._desks: tuple[Desk, ...] = ()

    def staff(self, desk: Desk) -> None:
        """Let a desk answer what it knows of; the newest is asked first."""
        self._desks = (desk, *self._desks)

    def __missing__(self, question: str) -> Answer:
        for desk in self._desks:
            if question in desk.questions:
                answer: Answer = getattr(desk, desk.questions[question])
                return answer
        raise KeyError(question)
