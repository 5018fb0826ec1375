"""What a SEARCH looks for, as a tree of keys (RFC 9051 §6.4.4, RFC 3501 §6.4.4, MODSEQ: RFC 7162 §3.1.5).

The rule: keys are read by a table, and every leaf is one frozen value that says what it compares and with what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from lab.values import dataclass
from lab.wire.imap.dates import read_date
from lab.wire.imap.sets import NumberSet, read_set
from lab.wire.imap.tokens import BadSyntax, Scanner

DEEPEST = 100
"""NOT, OR and parentheses inside each other."""
MOST = 1_000
"""Keys in a search: each looks at every message."""
MOST_TEXTS = 100
"""Texts in a search: each is looked for in every octet of every message."""


@dataclass(frozen=True, slots=True)
class Flagged:
    flag: str
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Numbered:
    """A set of sequence numbers, or of UIDs."""

    numbers: NumberSet
    uid: bool


@dataclass(frozen=True, slots=True)
class Sized:
    """Larger than `size`, or smaller."""

    size: int
    larger: bool


@dataclass(frozen=True, slots=True)
class Dated:
    """`sent`: by the Date field, else by the day it came; `order` -1 before, 0 on, 1 on or after."""

    day: date
    order: int
    sent: bool


@dataclass(frozen=True, slots=True)
class Texted:
    """`where`: a header field's name in lower case, or TEXT, BODY. An empty text: is the field there?"""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Changed:
    modseq: int


@dataclass(frozen=True, slots=True)
class Not:
    key: Key


@dataclass(frozen=True, slots=True)
class Either:
    a: Key
    b: Key


@dataclass(frozen=True, slots=True)
class All:
    """Every one of them; none at all is true of every message."""

    keys: tuple[Key, ...] = ()


Key = Flagged | Numbered | Sized | Dated | Texted | Changed | Not | Either | All


class _Reader:
    """`charset` says what the strings are written in."""

    def __init__(self, scanner: Scanner, charset: str) -> None:
        self.scanner = scanner
        self.charset = charset
        self.depth = self.count = self.texts = 0

    def key(self) -> Key:
        self.depth += 1
        self.count += 1
        if self.depth > DEEPEST or self.count > MOST:
            raise BadSyntax(f"a search has at most {MOST} keys, at most {DEEPEST} inside each other")
        found = self._key()
        self.depth -= 1
        return found

    def _key(self) -> Key:
        scanner = self.scanner
        if scanner.sees(b"("):
            return All(tuple(scanner.listed(self.key)))
        if scanner.octets[scanner.at : scanner.at + 1] in b"0123456789*$":
            return Numbered(read_set(scanner), uid=False)
        word = scanner.keyword("a search key")
        if word in _SIMPLE:
            return _SIMPLE[word]
        if word not in _ARGUED:
            raise BadSyntax(f"there is no search key {word[:40]}")
        scanner.space()
        return _ARGUED[word](self)

    def text(self) -> str:
        self.texts += 1
        if self.texts > MOST_TEXTS:
            raise BadSyntax(f"a search looks for at most {MOST_TEXTS} texts")
        try:
            return self.scanner.astring().decode(self.charset)
        except UnicodeDecodeError:
            raise BadSyntax(f"this string is not {self.charset}") from None

    def header(self) -> Key:
        field = self.text().lower()
        self.scanner.space()
        return Texted(field, self.text())

    def either(self) -> Key:
        a = self.key()
        self.scanner.space()
        return Either(a, self.key())

    def changed(self) -> Key:
        if self.scanner.sees(b'"'):  # an entry's name and type, which every server may pass over: RFC 7162 §3.1.5
            self.scanner.string()
            self.scanner.space()
            self.scanner.atom()
            self.scanner.space()
        return Changed(self.scanner.number("a mod-sequence"))


def read_keys(scanner: Scanner, charset: str) -> Key:
    """All that is left of the command."""
    reader = _Reader(scanner, charset)
    keys = [reader.key()]
    while not scanner.at_end:
        scanner.space()
        if scanner.at_end:
            break
        keys.append(reader.key())
    return keys[0] if len(keys) == 1 else All(tuple(keys))


_SIMPLE: Mapping[str, Key] = MappingProxyType(
    {
        "ALL": All(),
        "ANSWERED": Flagged("\\Answered"),
        "DELETED": Flagged("\\Deleted"),
        "DRAFT": Flagged("\\Draft"),
        "FLAGGED": Flagged("\\Flagged"),
        "SEEN": Flagged("\\Seen"),
        "RECENT": Flagged("\\Recent"),
        "UNANSWERED": Flagged("\\Answered", wanted=False),
        "UNDELETED": Flagged("\\Deleted", wanted=False),
        "UNDRAFT": Flagged("\\Draft", wanted=False),
        "UNFLAGGED": Flagged("\\Flagged", wanted=False),
        "UNSEEN": Flagged("\\Seen", wanted=False),
        "OLD": Flagged("\\Recent", wanted=False),
        "NEW": All((Flagged("\\Recent"), Flagged("\\Seen", wanted=False))),
    }
)


def _dated(order: int, sent: bool) -> Callable[[_Reader], Key]:
    return lambda reader: Dated(read_date(reader.scanner), order, sent)


def _texted(where: str) -> Callable[[_Reader], Key]:
    return lambda reader: Texted(where, reader.text())


_ARGUED: Mapping[str, Callable[[_Reader], Key]] = MappingProxyType(
    {
        "BCC": _texted("bcc"),
        "CC": _texted("cc"),
        "FROM": _texted("from"),
        "SUBJECT": _texted("subject"),
        "TO": _texted("to"),
        "BODY": _texted("BODY"),
        "TEXT": _texted("TEXT"),
        "HEADER": _Reader.header,
        "BEFORE": _dated(-1, sent=False),
        "ON": _dated(0, sent=False),
        "SINCE": _dated(1, sent=False),
        "SENTBEFORE": _dated(-1, sent=True),
        "SENTON": _dated(0, sent=True),
        "SENTSINCE": _dated(1, sent=True),
        "KEYWORD": lambda reader: Flagged(reader.scanner.atom("a keyword")),
        "UNKEYWORD": lambda reader: Flagged(reader.scanner.atom("a keyword"), wanted=False),
        "LARGER": lambda reader: Sized(reader.scanner.number(), larger=True),
        "SMALLER": lambda reader: Sized(reader.scanner.number(), larger=False),
        "UID": lambda reader: Numbered(read_set(reader.scanner), uid=True),
        "NOT": lambda reader: Not(reader.key()),
        "OR": _Reader.either,
        "MODSEQ": _Reader.changed,
    }
)
