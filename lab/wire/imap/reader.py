"""An IMAP client's octets cut into commands, however the network and its literals cut them.

The rule: nothing that a client sends takes more memory than the limits below, and every command it began is
answered. A synchronising literal ({n}) that is too long is refused before it is sent; one that comes unasked
({n+}) is passed over unread, and its command refused when it ends.

Lines end in CR LF; a bare LF is taken too, for a person at `nc`. Literals: RFC 9051 §4.3, RFC 7888. A client
inside AUTHENTICATE or IDLE speaks in plain lines: ask `line` for those, `command` for the rest.
"""

from __future__ import annotations

import re

from lab.values import dataclass

LONGEST_LINE = 65_536
"""Octets between two literals. RFC 7162 §4 asks for 8,192 at least."""

_LITERAL = re.compile(rb"\{(\d{1,20})(\+?)\}\r?\n$")
_TAG = re.compile(rb'[^\x00-\x20(){%*"\\+\x7f-\xff]{1,64}(?=[ \r\n])')


@dataclass(frozen=True, slots=True)
class Taken:
    """A whole command, its literals in place."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class GoOn:
    """The client waits for a `+` before it sends its literal."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A command that was not taken; `too_big` tells a literal over the limit from a line without end."""

    tag: str
    too_big: bool


def tag_of(octets: bytes | bytearray) -> str:
    """The command's tag; "*" where there is none that could be repeated."""
    found = _TAG.match(octets)
    return found[0].decode() if found else "*"


class CommandReader:
    r"""`limit`: octets of literals in one command.

    >>> reader = CommandReader(limit=100)
    >>> reader.feed(b"a LOGIN ed {3}\r\n"); reader.command()
    GoOn()
    >>> reader.feed(b"abc\r\n"); reader.command()
    Taken(octets=b'a LOGIN ed {3}\r\nabc\r\n')
    """

    __slots__ = ("_flaw", "_input", "_line", "_literals", "_skip", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._input = bytearray()
        self._begin()

    def _begin(self) -> None:
        self._line = 0
        """Where the command's last line begins."""
        self._literals = 0
        self._skip = 0
        self._flaw: Flaw | None = None

    @property
    def waiting(self) -> int:
        """Octets that were fed and not yet taken."""
        return len(self._input)

    def feed(self, octets: bytes) -> None:
        self._input += octets

    def forget(self) -> None:
        """What was said before TLS began counts for nothing (RFC 9051 §6.2.1)."""
        self._input.clear()
        self._begin()

    def line(self) -> bytes | None:
        """The next line, without its end; one without end is cut off at the limit."""
        end = self._input.find(b"\n")
        if end < 0 and len(self._input) <= LONGEST_LINE:
            return None
        line = bytes(self._input[: end + 1] if end >= 0 else self._input)
        del self._input[: len(line)]
        return line.rstrip(b"\r\n")

    def command(self) -> Taken | GoOn | Flaw | None:
        """The next command, or what is to be said on the way to it."""
        while self._skipped():
            end = self._input.find(b"\n", self._line)
            if end < 0:
                self._cut_long_line()
                return None
            announced = _LITERAL.search(self._input, max(self._line, end - 30), end + 1)
            if announced is None:
                return self._finish(end + 1)
            said = self._announce(int(announced[1]), bool(announced[2]), end + 1)
            if said is not None:
                return said
        return None

    def _announce(self, size: int, unasked: bool, start: int) -> GoOn | Flaw | None:
        self._literals += size
        if self._literals > self.limit or self._flaw:
            self._flaw = self._flaw or Flaw(tag_of(self._input), too_big=True)
            if not unasked:
                return self._refuse(start)
            self._skip = size
            del self._input[:start]
            self._line = 0
            return None
        self._line = start + size
        return None if unasked else GoOn()

    def _refuse(self, end: int) -> Flaw | None:
        flaw = self._flaw
        del self._input[:end]
        self._begin()
        return flaw

    def _finish(self, end: int) -> Taken | Flaw | None:
        if self._flaw:
            return self._refuse(end)
        octets = bytes(self._input[:end])
        del self._input[:end]
        self._begin()
        return Taken(octets)

    def _skipped(self) -> bool:
        """Pass over a literal that is not wanted; whether it is over."""
        if self._skip:
            passed = min(self._skip, len(self._input))
            del self._input[:passed]
            self._skip -= passed
        return not self._skip

    def _cut_long_line(self) -> None:
        if len(self._input) - self._line > LONGEST_LINE:
            self._flaw = self._flaw or Flaw(tag_of(self._input), too_big=False)
            # the end is kept: a literal may be announced there
            del self._input[:-64]
            self._line = 0
