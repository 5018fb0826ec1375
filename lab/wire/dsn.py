"""Delivery status notifications: a report on some recipients, as a message that programs can read.

The rule: `build` writes what Postfix writes, part for part; `read` understands every RFC 3464 report, whoever
wrote it. A report goes to the null return path's opposite: from "<>", so that none is ever made about it.

multipart/report: RFC 6522. message/delivery-status: RFC 3464. Enhanced codes: RFC 3463. Auto-Submitted: RFC 3834.
"""

from __future__ import annotations

from collections.abc import Sequence
from email import policy
from email.message import Message
from email.parser import BytesParser
from typing import Literal, cast

from lab.values import dataclass

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
"""RFC 3464 §2.3.3."""


@dataclass(frozen=True, slots=True)
class Status:
    """What became of one recipient. `remote` the host that said so; `diagnostic` its words, with their kind:
    "smtp; 550 5.1.1 no such user". `retry_until` RFC 5322 text."""

    recipient: str
    action: Action
    status: str
    original: str = ""
    remote: str = ""
    diagnostic: str = ""
    retry_until: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as read: who reports, about which envelope, and each recipient's status."""

    reporting: str
    statuses: tuple[Status, ...]
    envid: str = ""
    arrived: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """A report to be sent to `to`. `sentences` explain it to a person; `original` is the message it is about,
    whole or (`headers_only`) its headers; dates are RFC 5322 text."""

    report: Report
    subject: str
    to: str
    date: str
    message_id: str
    sentences: Sequence[str]
    original: bytes
    queue_id: str = ""
    headers_only: bool = False


def build(note: Notification) -> bytes:
    """The octets of a notification, CR LF line ends."""
    host, original = note.report.reporting, note.original
    if note.headers_only:
        original = header_of(original)
    eight_bit = not original.isascii()
    boundary = _boundary(note.message_id, original)
    kind = "text/rfc822-headers" if note.headers_only else "message/rfc822"
    head = [
        f"Date: {note.date}",
        f"From: MAILER-DAEMON@{host} (Mail Delivery System)",
        f"Subject: {note.subject}",
        f"To: {note.to}",
        "Auto-Submitted: auto-replied",
        f"Message-ID: {note.message_id}",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary}"',
        *(["Content-Transfer-Encoding: 8bit"] if eight_bit else []),
        "",
        "This is a MIME-encapsulated message.",
        "",
        f"--{boundary}",
        "Content-Description: Notification",
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"This is the mail system at host {host}.",
        "",
        *note.sentences,
        "",
        f"--{boundary}",
        "Content-Description: Delivery report",
        "Content-Type: message/delivery-status",
        "",
        *_fields(note.report, note.queue_id),
        f"--{boundary}",
        f"Content-Description: Undelivered Message{' Headers' if note.headers_only else ''}",
        f"Content-Type: {kind}",
        *(["Content-Transfer-Encoding: 8bit"] if eight_bit else []),
        "",
        "",
    ]
    tail = b"" if original.endswith(b"\r\n") else b"\r\n"
    return "\r\n".join(head).encode() + original + tail + f"\r\n--{boundary}--\r\n".encode()


def _boundary(message_id: str, original: bytes) -> str:
    """Made of the message id; lengthened in the rare case that the original holds it (a bounce of a bounce)."""
    boundary = message_id.strip("<>").replace("@", "/")
    while boundary.encode() in original:
        boundary += "="
    return boundary


def _fields(report: Report, queue_id: str) -> list[str]:
    lines = [f"Reporting-MTA: dns; {report.reporting}"]
    lines += [f"Original-Envelope-Id: {report.envid}"] if report.envid else []
    lines += [f"X-Lab-Queue-ID: {queue_id}"] if queue_id else []
    lines += [f"Arrival-Date: {report.arrived}"] if report.arrived else []
    for status in report.statuses:
        lines += ["", f"Final-Recipient: rfc822; {status.recipient}"]
        lines += [f"Original-Recipient: {status.original}"] if status.original else []
        lines += [f"Action: {status.action}", f"Status: {status.status}"]
        lines += [f"Remote-MTA: dns; {status.remote}"] if status.remote else []
        lines += [f"Diagnostic-Code: {_folded(status.diagnostic)}"] if status.diagnostic else []
        lines += [f"Will-Retry-Until: {status.retry_until}"] if status.retry_until else []
    return [*lines, ""]


def _folded(text: str) -> str:
    """Long reply texts broken over lines of at most about 78 signs (RFC 5322 §2.2.3)."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) > 60:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return "\r\n    ".join([*lines, line])


def header_of(octets: bytes) -> bytes:
    """A message's header, its last line's CR LF included."""
    end = octets.find(b"\r\n\r\n")
    return octets if end < 0 else octets[: end + 2]


def read(octets: bytes) -> Report | None:
    """The report in a message; None when it is no delivery status notification."""
    message = BytesParser(policy=policy.compat32).parsebytes(octets)
    if message.get_content_type() != "multipart/report":
        return None
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            return _report(cast("list[Message]", blocks)) if isinstance(blocks, list) and blocks else None
    return None


def _report(blocks: list[Message]) -> Report:
    about, *recipients = blocks
    statuses = tuple(_status(block) for block in recipients if block.get("Final-Recipient"))
    reporting = _typed(about, "Reporting-MTA")
    return Report(reporting, statuses, _text(about, "Original-Envelope-Id"), _text(about, "Arrival-Date"))


def _status(block: Message) -> Status:
    return Status(
        _typed(block, "Final-Recipient"),
        cast("Action", _text(block, "Action").lower()),
        _text(block, "Status").split(" ")[0],
        _text(block, "Original-Recipient"),
        _typed(block, "Remote-MTA"),
        _text(block, "Diagnostic-Code"),
        _text(block, "Will-Retry-Until"),
    )


def _text(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _typed(block: Message, name: str) -> str:
    """The value behind "rfc822;" or "dns;"."""
    text = _text(block, name)
    return text.partition(";")[2].strip() if ";" in text else text
