r"""Header fields, found where they stand (RFC 5322 §2.2).

The rule: a field is a name, a colon and everything up to the next line that does not begin with white space; CR LF
and bare LF both end lines. A line that is no field (no colon, a stray "From ") is passed over, never an error.

>>> [(field.name, field.value) for field in fields(b"Subject: a\r\n\tb\r\nTO: ed\r\n\r\n")]
[('subject', b'a\tb'), ('to', b'ed')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(rb"(?:([!-9;-~]+)[ \t]*:)?([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Field:
    """`name` in lower case; `octets` the whole field, its line end included; `value` unfolded and trimmed."""

    name: str
    octets: bytes
    value: bytes


def fields(octets: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of a header, in order. What is no field has the name ''."""
    position, end = start, len(octets) if end is None else end
    while position < end and not _is_blank(octets, position, end):
        found = _LINE.match(octets, position, end)
        assert found is not None  # a line matches whatever it holds
        name = found[1] or b""
        yield Field(name.decode("ascii").lower(), found[0], unfolded(found[2]) if name else b"")
        position = found.end()


def _is_blank(octets: bytes, at: int, end: int) -> bool:
    return octets.startswith((b"\n", b"\r\n"), at, end)


def unfolded(value: bytes) -> bytes:
    """A field's value on one line, the space around it gone; a NUL, which IMAP cannot say, is 0x80 (Dovecot)."""
    line = _FOLD.sub(b"", value) if b"\n" in value else value
    return line.strip(b" \t\r\n").replace(b"\0", b"\x80")
