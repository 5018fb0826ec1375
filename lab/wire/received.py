"""Trace lines, and what a server reads of a message's header (RFC 5321 §4.4, §6.3; RFC 5322 §3.6).

The rule: a header is octets of unknown worth. It is read without the email package (which costs more than the
whole SMTP dialogue), never beyond its first 64 KiB, and never raises. Lines are made whole, CR LF at their end.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header

from lab.values import dataclass, made_often
from lab.wire.header_date import header_date

HEADER_LIMIT = 65_536
"""Received lines are added at the top, so this bounds the work without missing a hop."""


@made_often
@dataclass(frozen=True, slots=True)
class Heading:
    """What a server wants to know of a message's header; texts decoded, '' where there is none."""

    hops: int = 0
    message_id: str = ""
    subject: str = ""


def received_line(
    *, helo: str, peer: str, host: str, protocol: str, queue_id: str, recipient: str, at: datetime
) -> bytes:
    """One Received field. `recipient` only when the message has a single one (RFC 5321 §7.6), else ''."""
    tcp_info = f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"
    aim = f"\r\n\tfor <{recipient}>" if recipient else ""
    text = (
        f"Received: from {helo or 'unknown'} ({tcp_info})\r\n"
        f"\tby {host} with {protocol} id {queue_id}{aim};\r\n\t{header_date(at)}\r\n"
    )
    return text.encode()


def return_path_line(sender: str) -> bytes:
    """The return path, for final delivery only; '' is the null one."""
    return f"Return-Path: <{sender}>\r\n".encode()


def delivered_to_line(recipient: str) -> bytes:
    return f"Delivered-To: {recipient}\r\n".encode()


def read_heading(octets: bytes) -> Heading:
    header = b"\n" + _header_of(octets)
    folded = header.lower()
    return Heading(
        folded.count(b"\nreceived:"),
        _plain(_field(header, folded, b"message-id")),
        _decoded(_field(header, folded, b"subject")),
    )


def read_author(octets: bytes) -> str:
    """The From field, display name and all: for who lists messages, no server asks for it."""
    header = b"\n" + _header_of(octets)
    return _decoded(_field(header, header.lower(), b"from"))


def _header_of(octets: bytes) -> bytes:
    """The header's lines, the last one's end included."""
    if octets.startswith(b"\r\n"):
        return b""
    end = octets.find(b"\r\n\r\n", 0, HEADER_LIMIT)
    return octets[:HEADER_LIMIT] if end < 0 else octets[: end + 2]


_FIELD_END = re.compile(rb"\n(?![ \t])")


def _field(header: bytes, folded: bytes, name: bytes) -> bytes:
    start = folded.find(b"\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 2
    end = _FIELD_END.search(header, start)
    return header[start : end.start() if end else len(header)]


def _plain(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").split())[:998]


def _decoded(value: bytes) -> str:
    """Encoded words (RFC 2047) read where there are any."""
    text = _plain(value)
    if "=?" not in text:
        return text
    try:
        parts = [_part(octets, charset) for octets, charset in decode_header(text)]
    except (HeaderParseError, ValueError):
        return text
    return " ".join("".join(parts).split())


def _part(octets: bytes | str, charset: str | None) -> str:
    if isinstance(octets, str):
        return octets
    try:
        return octets.decode(charset or "ascii", "replace")
    except LookupError:
        return octets.decode("ascii", "replace")
