"""Whose turn it is in a dialogue that a person types, and what was just heard: one listener for each protocol.

The rule: a listener is told every line that goes by and keeps no more than it needs to say two things of it:
whether the server's reply is over, so that the next line may go out, and what the reply means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from lab.cli import pop3_replies, replies


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


class FreeListener:
    """A protocol that this lab has no words for: everybody speaks when they like."""

    turns = False

    def say(self, line: str) -> bool:
        return True

    def hear(self, line: str) -> Heard:
        return Heard(True)


_LISTENERS: MappingProxyType[int, Callable[[], Listener]] = MappingProxyType(
    {25: SmtpListener, 587: SmtpListener, 110: Pop3Listener}
)


def listener_at(port: int) -> Listener:
    return _LISTENERS.get(port, FreeListener)()
