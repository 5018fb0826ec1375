"""An index as octets, to be kept beside a mailbox and read again faster than it is made.

The rule: `unpacked(packed(index)) == index`; octets that are no packed index, or one of an earlier form, are None,
and the index is made anew. The parts stand in the order of the message, each with the number of its children.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lab.wire.mime.tree import MessageIndex, Part

FORM = 1
"""Raised when the form changes."""

Row = list[Any]


def packed(index: MessageIndex) -> bytes:
    rows = [_row(part) for part in index.root.walk()]
    return json.dumps([FORM, index.size, rows], ensure_ascii=True, separators=(",", ":")).encode("ascii")


def unpacked(octets: bytes) -> MessageIndex | None:
    try:
        form, size, rows = json.loads(octets)
        return MessageIndex(size, _tree(rows)) if form == FORM else None
    except (ValueError, TypeError, IndexError):
        return None


def _row(part: Part) -> Row:
    where = [part.number, part.header_start, part.header_end, part.body_end, part.lines, len(part.children)]
    says = [part.type, part.subtype, part.params, part.encoding, part.disposition, part.disposition_params]
    return [*where, *says, part.content_id, part.description, part.language, part.location, part.md5]


def _tree(rows: list[Row]) -> Part:
    """From the last row to the first: a part's children are made before it."""
    made: list[Part] = []
    for row in reversed(rows):
        children = tuple(made.pop() for _ in range(row[5]))
        made.append(_part(row, children))
    (root,) = made
    return root


def _part(row: Row, children: tuple[Part, ...]) -> Part:
    number, header_start, header_end, body_end, lines, _, type_, subtype, *rest = row
    params, encoding, disposition, disposition_params, content_id, description, language, location, md5 = rest
    return Part(
        number,
        header_start,
        header_end,
        body_end,
        type_,
        subtype,
        tuple(_pairs(params)),
        encoding,
        disposition,
        tuple(_pairs(disposition_params)),
        content_id,
        description,
        tuple(language),
        location,
        md5,
        lines,
        children,
    )


def _pairs(found: list[list[str]]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in found)
