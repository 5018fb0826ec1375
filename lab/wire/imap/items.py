"""What a FETCH asks for: `(UID FLAGS BODY.PEEK[2.MIME]<0.100>)` as typed items (RFC 9051 §6.4.5).

The rule: an item keeps the words in which it was asked for, `label`, for the answer has to repeat them.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from lab.values import dataclass
from lab.wire.imap.tokens import BadSyntax, Scanner
from lab.wire.mime import Section
from lab.wire.mime.section import What

_ITEM = re.compile(rb"[A-Za-z0-9.]+")
_PART = re.compile(rb"[1-9]\d{0,5}(?:\.[1-9]\d{0,5})*")
_PARTIAL = re.compile(rb"<(\d{1,10})\.(\d{1,10})>")

_WHATS: tuple[What, ...] = ("HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME")

PLAIN = ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "MODSEQ")
MACROS = MappingProxyType(
    {
        "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
        "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
        "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
    }
)


def written(section: Section) -> str:
    """
    >>> written(Section((1, 2), "HEADER.FIELDS", ("DATE", "FROM")))
    '1.2.HEADER.FIELDS (DATE FROM)'
    """
    words = ".".join(word for word in (*map(str, section.path), section.what) if word)
    return f"{words} ({' '.join(section.fields)})" if section.fields else words


WHOLE = Section()


@dataclass(frozen=True, slots=True)
class Item:
    """`name` is one of PLAIN, or BODY (the structure without extensions), BODY[], BINARY[], BINARY.SIZE[]; `peek`
    leaves \\Seen alone; `partial` is (first octet, how many)."""

    name: str
    label: str
    section: Section = WHOLE
    peek: bool = True
    partial: tuple[int, int] | None = None

    @property
    def reads(self) -> bool:
        """Whether the message's own text is fetched by it, and not its headers alone."""
        return self.name in ("BODY[]", "BINARY[]") and self.section.what in ("", "TEXT")


_OLD = MappingProxyType(
    {
        "RFC822": Item("BODY[]", "RFC822", peek=False),
        "RFC822.HEADER": Item("BODY[]", "RFC822.HEADER", Section(what="HEADER")),
        "RFC822.TEXT": Item("BODY[]", "RFC822.TEXT", Section(what="TEXT"), peek=False),
    }
)
"""IMAP2's names for sections (RFC 3501 §6.4.5)."""


def read_items(scanner: Scanner) -> tuple[Item, ...]:
    """A macro, an item, or a list of items."""
    if scanner.sees(b"("):
        found = scanner.listed(lambda: _item(scanner))
        if not found:
            raise BadSyntax("an empty list fetches nothing")
        return tuple(dict.fromkeys(found))
    start = scanner.at
    macro = MACROS.get(scanner.match(_ITEM, "what to fetch")[0].decode().upper())
    if macro:
        return tuple(Item(name, name) for name in macro)
    scanner.at = start
    return (_item(scanner),)


def _item(scanner: Scanner) -> Item:
    name = scanner.match(_ITEM, "what to fetch")[0].decode().upper()
    if scanner.sees(b"["):
        return _section_item(name, scanner)
    if name in PLAIN or name == "BODY":
        return Item(name, name)
    if name in _OLD:
        return _OLD[name]
    raise BadSyntax(f"there is no {name[:40]} to fetch")


def _section_item(name: str, scanner: Scanner) -> Item:
    base, peek = name.removesuffix(".PEEK"), name.endswith(".PEEK")
    if base not in ("BODY", "BINARY", "BINARY.SIZE") or name == "BINARY.SIZE.PEEK":
        raise BadSyntax(f"{name[:40]} has no sections")
    section = _section(scanner) if base == "BODY" else _numbered(scanner)
    partial = None if base == "BINARY.SIZE" else _partial(scanner)
    origin = f"<{partial[0]}>" if partial else ""
    return Item(
        f"{base}[]", f"{base}[{written(section)}]{origin}", section, peek or base == "BINARY.SIZE", partial
    )


def _numbered(scanner: Scanner) -> Section:
    """BINARY takes part numbers alone (RFC 3516 §4)."""
    scanner.expect(b"[")
    path = () if scanner.sees(b"]") else _path(scanner.match(_PART, "a part's number")[0])
    scanner.expect(b"]")
    return Section(path)


def _path(octets: bytes) -> tuple[int, ...]:
    return tuple(map(int, octets.split(b".")))


def _section(scanner: Scanner) -> Section:
    scanner.expect(b"[")
    path: tuple[int, ...] = ()
    if found := _PART.match(scanner.octets, scanner.at):
        path, scanner.at = _path(found[0]), found.end()
    named = not scanner.sees(b"]") and (not path or scanner.skip(b"."))
    what = _what(scanner, within=bool(path)) if named else ""
    names = _fields(scanner) if what in ("HEADER.FIELDS", "HEADER.FIELDS.NOT") else ()
    scanner.expect(b"]")
    return Section(path, what, names)


def _what(scanner: Scanner, within: bool) -> What:
    word = scanner.match(_ITEM, "HEADER, TEXT or MIME")[0].decode().upper()
    for known in _WHATS:
        if word == known and (within or known != "MIME"):
            return known
    raise BadSyntax(f"a section is HEADER, HEADER.FIELDS, TEXT or (of a part) MIME, not {word[:40]}")


def _fields(scanner: Scanner) -> tuple[str, ...]:
    scanner.space()
    names = scanner.listed(lambda: scanner.astring("a header field's name").decode("ascii", "replace"))
    if not names:
        raise BadSyntax("which header fields?")
    return tuple(name.upper() for name in names)


def _partial(scanner: Scanner) -> tuple[int, int] | None:
    if not scanner.sees(b"<"):
        return None
    found = scanner.match(_PARTIAL, "<first.count>")
    if int(found[2]) == 0:
        raise BadSyntax("a piece has at least one octet")
    return int(found[1]), int(found[2])
