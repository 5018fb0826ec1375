"""What is in a part's body: its octets with the transfer encoding undone, its text, a report's fields.

The rule: always an answer. An encoding that nobody knows leaves the octets as they stand (RFC 2045 §6.4); a
charset that lied leaves replacement signs and a note.
"""

from __future__ import annotations

import re

from lab.wire.mime.charsets import Text, in_charset
from lab.wire.mime.encodings import DECODERS
from lab.wire.mime.fields import fields
from lab.wire.mime.parameters import parameter
from lab.wire.mime.tree import Part
from lab.wire.mime.words import readable

_BLANK_LINES = re.compile(rb"(?:\r?\n){2,}")

FieldBlock = tuple[tuple[str, str], ...]


def stored(octets: bytes, part: Part) -> bytes:
    """A part's body as it stands in the message."""
    return octets[part.header_end : part.body_end]


def can_decode(part: Part) -> bool:
    """Whether its transfer encoding is known. What has parts is never encoded (RFC 2045 §6.4)."""
    return part.encoding in DECODERS or bool(part.children)


def decoded(octets: bytes, part: Part) -> bytes:
    """A part's body, its transfer encoding undone."""
    body = stored(octets, part)
    return DECODERS[part.encoding](body) if part.encoding in DECODERS and not part.children else body


def text(octets: bytes, part: Part) -> Text:
    """A part's body as text, in the charset that it names."""
    return in_charset(decoded(octets, part), parameter(part.params, "charset"))


def file_name(part: Part) -> str:
    """The name its sender gave it; '' where there is none. Not safe as a path."""
    return parameter(part.disposition_params, "filename") or parameter(part.params, "name")


def subject(octets: bytes, message: Part) -> str:
    """A message's subject as a person reads it."""
    found = (
        field.value
        for field in fields(octets, message.header_start, message.header_end)
        if field.name == "subject"
    )
    return readable(next(found, b""))


def report_fields(octets: bytes, part: Part) -> tuple[FieldBlock, ...]:
    """The fields of a message/delivery-status (RFC 3464 §2.1): those of the message, then those of each
    recipient."""
    body = decoded(octets, part)
    if body.startswith((b"\r\n", b"\n")):
        body = body.lstrip(b"\r\n")
    blocks = (_block(block) for block in _BLANK_LINES.split(body))
    return tuple(block for block in blocks if block)


def _block(octets: bytes) -> FieldBlock:
    named = ((field.octets.partition(b":")[0], field.value) for field in fields(octets) if field.name)
    return tuple((name.decode("latin-1").strip(), readable(value)) for name, value in named)
