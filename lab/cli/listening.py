"""Whose turn it is in a dialogue that a person types, and what was just heard: one listener for each protocol.

The rule: a listener is told every line that goes by and keeps no more than it needs to say two things of it:
whether the server's reply is over, so that the next line may go out, and what the reply means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Protocol

from lab.cli import imap_replies, pop3_replies, replies
from lab.values import dataclass

_LITERAL = re.compile(r"\{(\d+)\}$")


@dataclass(frozen=True, slots=True)
class Heard:
    """A line of the server's: whether its reply ends with it, and what that means."""

    is_over: bool = False
    means: tuple[str, ...] = ()


class Listener(Protocol):
    turns: bool
    """Whether client and server speak in turns."""

    def say(self, line: str) -> bool:
        """The client says a line; whether it may go on without a reply."""

    def hear(self, line: str) -> Heard:
        """The server says a line."""


class SmtpListener:
    turns = True

    def __init__(self) -> None:
        self._in_text = False

    def say(self, line: str) -> bool:
        self._in_text = self._in_text and line != "."
        return self._in_text

    def hear(self, line: str) -> Heard:
        reply = replies.last_line(line)
        if reply is None:
            return Heard()
        self._in_text = reply[0] == 354
        return Heard(True, tuple(replies.meaning(*reply)))


class Pop3Listener:
    turns = True

    def __init__(self) -> None:
        self._command = ""
        self._in_list = False

    def say(self, line: str) -> bool:
        self._command = line
        return False

    def hear(self, line: str) -> Heard:
        if self._in_list:
            self._in_list = line != "."
            return Heard(not self._in_list)
        self._in_list = pop3_replies.is_long(self._command, line)
        return Heard(not self._in_list, tuple(pop3_replies.meaning(self._command, line)))


class ImapListener:
    """A command's answer begins with its tag; a literal ({n}) is octets, whatever they look like."""

    turns = True

    def __init__(self) -> None:
        self._tag = self._command = ""
        self._goes_on = False
        self._octets = 0
        """Of a literal that is still to come."""

    def say(self, line: str) -> bool:
        if not self._goes_on:
            self._tag, _, self._command = line.partition(" ")
        self._goes_on = line.endswith("+}")
        return self._goes_on

    def hear(self, line: str) -> Heard:
        if self._is_literal(line):
            return Heard()
        announced = _LITERAL.search(line)
        self._octets = int(announced[1]) if announced else 0
        self._goes_on = line.startswith("+")
        ended = not self._tag or self._goes_on or self._is_answer(line) or line.startswith("* BAD")
        return Heard(ended, tuple(imap_replies.meaning(self._command, line)))

    def _is_literal(self, line: str) -> bool:
        if not self._octets:
            return False
        size = len(line.encode()) + 2
        # What stands behind a literal on its last line is the rest of the response: no more than a parenthesis,
        # mostly. A line that ends the command ends the literal, should a charset have led the count astray.
        self._octets = 0 if self._is_answer(line) else max(0, self._octets - size)
        return not self._is_answer(line)

    def _is_answer(self, line: str) -> bool:
        return line.startswith(tuple(f"{self._tag} {condition} " for condition in ("OK", "NO", "BAD")))


class FreeListener:
    """A protocol that this lab has no words for: everybody speaks when they like."""

    turns = False

    def say(self, line: str) -> bool:
        return True

    def hear(self, line: str) -> Heard:
        return Heard(True)


_LISTENERS: MappingProxyType[int, Callable[[], Listener]] = MappingProxyType(
    {25: SmtpListener, 587: SmtpListener, 110: Pop3Listener, 143: ImapListener}
)


def listener_at(port: int) -> Listener:
    return _LISTENERS.get(port, FreeListener)()
