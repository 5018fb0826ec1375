"""What all readers are, and the words that several logs share.

The rule: a reader is fed each line once, in order, with the lab time at which it came, and returns what it tells.
A line that it does not understand tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from lab.events import Event, Failure, Stage
from lab.wire.smtp_reply import Reply


class Reader(Protocol):
    def read(self, line: str, now: float) -> list[Event]:
        """`now`: lab seconds."""


class Deaf:
    """For software whose log tells nothing that the lab has a word for."""

    def read(self, line: str, now: float) -> list[Event]:
        return []


_REPLY = re.compile(r"([2-5]\d\d)[ -](.*)", re.DOTALL)


def reply_in(text: str) -> Reply | None:
    """The reply that a text begins with, "550 5.1.1 <x@y>: unknown"."""
    found = _REPLY.match(text)
    return Reply(int(found[1]), found[2].strip()) if found else None


_FAILURES = (
    ("refused", Failure.REFUSED),
    ("timed out", Failure.TIMED_OUT),
    ("timeout", Failure.TIMED_OUT),
    ("no route to host", Failure.UNREACHABLE),
    ("unreachable", Failure.UNREACHABLE),
    ("reset by peer", Failure.RESET),
)


def failure_in(text: str) -> Failure:
    """What a kernel's words mean; a connection that ended for no other reason was closed."""
    folded = text.lower()
    return next((failure for words, failure in _FAILURES if words in folded), Failure.CLOSED)


_STAGES = (
    ("greeting", Stage.GREETING),
    ("ehlo", Stage.HELO),
    ("helo", Stage.HELO),
    ("starttls", Stage.STARTTLS),
    ("tls", Stage.STARTTLS),
    ("auth", Stage.AUTH),
    ("mail from", Stage.MAIL),
    ("rcpt to", Stage.RCPT),
    ("end of data", Stage.EOM),
    ("end-of-message", Stage.EOM),
    ("message body", Stage.EOM),
    ("data", Stage.DATA),
    ("mail", Stage.MAIL),
    ("rcpt", Stage.RCPT),
    ("quit", Stage.QUIT),
    ("connect", Stage.CONNECT),
)


def stage_in(text: str, otherwise: Stage = Stage.GREETING) -> Stage:
    """Where in the dialogue something happened, by the command that is named."""
    folded = text.lower()
    return next((stage for words, stage in _STAGES if words in folded), otherwise)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
