r"""The words of IMAP: atoms, strings, numbers, lists, read from one whole command.

The rule: a scanner goes forward only, and what it cannot read raises `BadSyntax` with a sentence for the client;
nothing else is raised, whatever the octets. Grammar: RFC 9051 §9, RFC 3501 §9.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_ASTRING = re.compile(rb'[^\x00-\x20(){%*"\\\x7f]+')
_PATTERN = re.compile(rb'[^\x00-\x20(){"\\\x7f]+')
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_LITERAL = re.compile(rb"~?\{(\d{1,20})\+?\}\r?\n")
_NUMBER = re.compile(rb"\d{1,20}")
_FLAG = re.compile(rb'\\?[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_END = re.compile(rb"\r?\n?$")
_ESCAPED = re.compile(rb'\\(["\\])')


class BadSyntax(Exception):
    """What the client said cannot be read; the text is for its person."""


class Scanner:
    r"""
    >>> scanner = Scanner(b'a1 LOGIN ed "pass word"\r\n')
    >>> scanner.atom(), scanner.space(), scanner.atom(), scanner.space(), scanner.astring()
    ('a1', None, 'LOGIN', None, b'ed')
    """

    __slots__ = ("at", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0

    # -- signs -----------------------------------------------------------------------------------------------

    def sees(self, sign: bytes) -> bool:
        return self.octets.startswith(sign, self.at)

    def skip(self, sign: bytes) -> bool:
        """Go past a sign, if it stands here."""
        if not self.sees(sign):
            return False
        self.at += len(sign)
        return True

    def expect(self, sign: bytes) -> None:
        if not self.skip(sign):
            raise BadSyntax(f"{_shown(sign)} is missing before {self._rest()}")

    def space(self) -> None:
        self.expect(b" ")

    def end(self) -> None:
        """Nothing may follow but the line's end. Blanks before it are forgiven."""
        while self.skip(b" "):
            pass
        if not _END.match(self.octets, self.at):
            raise BadSyntax(f"nothing should follow here, but {self._rest()} does")

    @property
    def at_end(self) -> bool:
        return _END.match(self.octets, self.at) is not None

    # -- words -----------------------------------------------------------------------------------------------

    def match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = pattern.match(self.octets, self.at)
        if found is None:
            raise BadSyntax(f"{what} is missing" + ("" if self.at_end else f" before {self._rest()}"))
        self.at = found.end()
        return found

    def atom(self, what: str = "a word") -> str:
        return self.match(_ATOM, what)[0].decode("ascii")

    def keyword(self, what: str = "a word") -> str:
        return self.atom(what).upper()

    def number(self, what: str = "a number") -> int:
        return self.within(int(self.match(_NUMBER, what)[0]), 1 << 63)

    def within(self, number: int, limit: int) -> int:
        if number >= limit:
            raise BadSyntax(f"{number} is too large")
        return number

    def flag(self) -> str:
        return self.match(_FLAG, "a flag")[0].decode("ascii")

    def string(self, what: str = "a string") -> bytes:
        """A quoted string or a literal."""
        if not self.sees(b'"'):
            return self.literal(what)
        text = self.match(_QUOTED, f"the end of {what}")[1]
        return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text

    def literal(self, what: str = "a literal") -> bytes:
        size = int(self.match(_LITERAL, what)[1])
        octets = self.octets[self.at : self.at + size]
        self.at += size
        return octets

    def astring(self, what: str = "a string") -> bytes:
        if self._strung():
            return self.string(what)
        return self.match(_ASTRING, what)[0]

    def pattern(self) -> bytes:
        """A mailbox name in which * and % may stand."""
        return self.string() if self._strung() else self.match(_PATTERN, "a mailbox pattern")[0]

    def nstring(self) -> bytes | None:
        if self._strung():
            return self.string()
        if self.keyword("NIL or a string") != "NIL":
            raise BadSyntax("NIL or a string is missing")
        return None

    def _strung(self) -> bool:
        return self.sees(b'"') or self.sees(b"{") or self.sees(b"~{")

    # -- lists -----------------------------------------------------------------------------------------------

    def listed(self, one: Callable[[], T]) -> list[T]:
        """`(a b c)`, which may be empty."""
        self.expect(b"(")
        members: list[T] = []
        while not self.skip(b")"):
            if members:
                self.space()
            members.append(one())
        return members

    def one_or_listed(self, one: Callable[[], T]) -> list[T]:
        return self.listed(one) if self.sees(b"(") else [one()]

    def _rest(self) -> str:
        shown = self.octets[self.at : self.at + 20].split(b"\r\n")[0]
        return _shown(shown) if shown else "the end"


def _shown(octets: bytes) -> str:
    if octets == b" ":
        return "a space"
    return f"'{octets.decode('ascii', 'replace')}'".replace("\ufffd", "?")
