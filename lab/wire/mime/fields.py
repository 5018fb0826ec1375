r"""Header fields, found where they stand (RFC 5322 §2.2).

The rule: a field is a name, a colon and everything up to the next line that does not begin with white space; CR LF
and bare LF both end lines. A line that is no field (no colon, a stray "From ") is passed over, never an error.

>>> [(field.name, field.value) for field in fields(b"Subject: a\r\n\tb\r\nTO: ed\r\n\r\n")]
[('subject', b'a\tb'), ('to', b'ed')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.values import dataclass

_END = re.compile(rb"\n(?![ \t])")
_NAME = re.compile(rb"[!-9;-~]+")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Field:
    """`name` in lower case, '' of a line that is no field; `octets` all of it, its line end included."""

    name: str
    octets: bytes

    @property
    def value(self) -> bytes:
        """Unfolded and trimmed."""
        return unfolded(self.octets.partition(b":")[2]) if self.name else b""


def fields(octets: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of a header, in order, up to its blank line."""
    lines = _END.split(octets[start:end])
    last = len(lines) - 1
    for at, line in enumerate(lines):
        if line in (b"", b"\r"):
            return
        name, colon, _ = line.partition(b":")
        yield Field(_named(name) if colon else "", line + b"\n" if at < last else line)


def _named(name: bytes) -> str:
    name = name.rstrip(b" \t")
    return name.decode("ascii").lower() if _NAME.fullmatch(name) else ""


def unfolded(value: bytes) -> bytes:
    """A field's value on one line, the space around it gone; a NUL, which IMAP cannot say, is 0x80 (Dovecot)."""
    line = _FOLD.sub(b"", value) if b"\n" in value else value
    return line.strip(b" \t\r\n").replace(b"\0", b"\x80")
