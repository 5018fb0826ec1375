"""A message's parts as forms: what `lab mailbox … --tree` draws and `--part` takes out.

The rule: a part is named as IMAP's BODY[…] names its octets. A multipart that is the whole
body of a message has no number: it is that message's TEXT. Sizes and offsets are those of the octets as stored.

    tree  → {size, subject, parts: [{part, type, depth, name, subject, charset, encoding, disposition, size,
             offset, header, lines, fields, note}]}
    part  → {part, type, name, size, octets, note}      octets each one Latin-1 character
"""

from __future__ import annotations

from typing import Any

from lab.errors import WrongUse
from lab.wire.mime import (
    MessageIndex,
    Part,
    by_name,
    can_decode,
    decoded,
    file_name,
    index,
    parameter,
    part_at,
    read_section,
    report_fields,
    section,
    subject,
    text,
)

Form = dict[str, Any]


def tree(octets: bytes) -> Form:
    """Every part, in the order of the octets."""
    found = index(octets)
    return {
        "size": found.size,
        "subject": subject(octets, found.root),
        "parts": [_row(octets, *one) for one in by_name(found.root)],
    }


def _row(octets: bytes, part: Part, name: str, depth: int) -> Form:
    return {
        "part": name,
        "type": f"{part.type}/{part.subtype}",
        "depth": depth,
        "name": file_name(part),
        "subject": subject(octets, part.children[0]) if part.is_message and part.children else "",
        "charset": parameter(part.params, "charset").lower() or ("us-ascii" if part.type == "text" else ""),
        "encoding": part.encoding,
        "disposition": part.disposition,
        "size": part.size,
        "offset": part.header_end,
        "header": part.header_start,
        "lines": part.lines,
        "fields": _fields(octets, part),
        "note": _note(octets, part),
    }


def _fields(octets: bytes, part: Part) -> list[list[list[str]]]:
    """What a delivery status says, the message's fields first, then each recipient's."""
    if (part.type, part.subtype) not in (("message", "delivery-status"), ("message", "global-delivery-status")):
        return []
    return [[list(pair) for pair in block] for block in report_fields(octets, part)]


def _note(octets: bytes, part: Part) -> str:
    if not can_decode(part):
        return f"nobody knows the encoding '{part.encoding}'"
    return text(octets, part).note if part.type == "text" else ""


def part(octets: bytes, name: str, *, as_stored: bool = False) -> Form:
    """A section of a message; a part's transfer encoding undone, unless it is wanted as it is stored."""
    found, wanted = index(octets), read_section(name)
    cut = section(found, octets, wanted) if wanted is not None else None
    if wanted is None or cut is None:
        raise WrongUse(f"the message has no part '{name}'", remedy=f"Its parts are {_listed(found)}.", code="W012")
    inner = part_at(found.root, wanted.path)
    assert inner is not None  # it has a section
    is_body = bool(wanted.path) and not wanted.what
    body = decoded(octets, inner) if is_body and not as_stored else cut
    return {
        "part": name,
        "type": f"{inner.type}/{inner.subtype}" if is_body else "text/plain",
        "name": file_name(inner) if is_body else "",
        "charset": parameter(inner.params, "charset") if is_body else "utf-8",
        "size": len(body),
        "octets": body.decode("latin-1"),
        "note": _note(octets, inner) if is_body else "",
    }


def _listed(found: MessageIndex) -> str:
    names = [name for _, name, _ in by_name(found.root)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
