"""Sections of a message as IMAP names them: BODY[2.1], BODY[HEADER.FIELDS (DATE FROM)] (RFC 9051 §6.4.5.1).

The rule: a section is a slice of the octets, or for HEADER.FIELDS some of its lines with the blank line behind
them; None where the message has no such part. A message that is no multipart has one part, 1: its body.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, cast

from lab.values import dataclass
from lab.wire.mime.fields import fields
from lab.wire.mime.tree import MessageIndex, Part

What = Literal["", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"]

_NAME = re.compile(r"(?P<path>\d{1,6}(?:\.\d{1,6})*)?(?:(?:^|\.)(?P<what>HEADER|TEXT|MIME))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Section:
    """`path` the part's number, () for the message; `fields` the names HEADER.FIELDS asks for, in any case."""

    path: tuple[int, ...] = ()
    what: What = ""
    fields: tuple[str, ...] = ()


def read_section(name: str) -> Section | None:
    """A section as a person names it: "2.1", "HEADER", "2.MIME"; None when it is no name of one.

    >>> read_section("2.1.text")
    Section(path=(2, 1), what='TEXT', fields=())
    """
    found = _NAME.fullmatch(name)
    if found is None or not name:
        return None
    path = tuple(int(number) for number in (found["path"] or "").split(".") if number)
    what = (found["what"] or "").upper()
    return None if what == "MIME" and not path else Section(path, cast("What", what))


def section(index: MessageIndex, octets: bytes, wanted: Section) -> bytes | None:
    """The octets of a section; None where there is no such part."""
    part = part_at(index.root, wanted.path)
    if part is None:
        return None
    if wanted.what == "MIME":
        return octets[part.header_start : part.header_end]
    if not wanted.what:
        return octets[part.header_end : part.body_end] if wanted.path else octets
    message = _message(index.root, part, wanted.path)
    return None if message is None else _piece(message, octets, wanted)


def _message(root: Part, part: Part, path: Sequence[int]) -> Part | None:
    """The message whose HEADER or TEXT is meant: the whole, or the one inside a message/rfc822."""
    if not path:
        return root
    return part.children[0] if part.is_message and part.children else None


def _piece(message: Part, octets: bytes, wanted: Section) -> bytes:
    if wanted.what == "TEXT":
        return octets[message.header_end : message.body_end]
    if wanted.what == "HEADER":
        return octets[message.header_start : message.header_end]
    return header_fields(
        octets,
        message,
        wanted.fields,
        without=wanted.what == "HEADER.FIELDS.NOT",
    )


def header_fields(octets: bytes, part: Part, names: Sequence[str], *, without: bool = False) -> bytes:
    """A header's fields of these names, or all others, as they stand; then a blank line (so does Dovecot)."""
    asked = frozenset(name.lower() for name in names)
    found = (
        field.octets
        for field in fields(octets, part.header_start, part.header_end)
        if (field.name in asked) is not without
    )
    return b"".join(found) + b"\r\n"


def part_at(root: Part, path: Sequence[int]) -> Part | None:
    """The part of this number, or None. () is the message itself; (1,) its body when it is no multipart."""
    node, is_message = root, True
    for number in path:
        if not is_message:
            if node.is_message and node.children:
                node = node.children[0]
            elif not node.is_multipart:
                return None
        if node.is_multipart:
            if not 1 <= number <= len(node.children):
                return None
            node = node.children[number - 1]
        elif number != 1:
            return None
        is_message = False
    return node
