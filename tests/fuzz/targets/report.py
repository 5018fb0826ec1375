"""A bounce that comes back: read or not understood, never raised over; one of ours is read as it was written."""

from __future__ import annotations

from lab.wire.dsn import Notification, Report, Status, build, read
from tests.fuzz.target import Choices, Target
from tests.fuzz.targets.message import message

_FIELDS = (
    b"Reporting-MTA: dns; a.be",
    b"Final-Recipient: rfc822; ed@b.com",
    b"Action: failed",
    b"Status: 5.1.1",
    b"Status:",
    b"Diagnostic-Code: smtp; 550 \xff no",
    b"Final-Recipient: =?utf-8?b?/w?=",
    b"Original-Recipient: ;",
    b" folded: on",
    b"",
    b"Action",
    b"Content-Type: message/rfc822",
)


def report(choices: Choices) -> bytes:
    kind = choices.one_of(
        (b"message/delivery-status", b"message/delivery-status; x=1", b"message/global-delivery-status")
    )
    fields = b"".join(choices.one_of(_FIELDS) + b"\r\n" for _ in range(choices.below(14)))
    head = b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n"
    inner = message(choices) if choices.below(3) == 2 else b"\r\nsorry"
    return (
        head + b"--r\r\n" + inner + b"\r\n--r\r\nContent-Type: " + kind + b"\r\n\r\n" + fields + b"\r\n--r--\r\n"
    )


def run(octets: bytes) -> None:
    found = read(octets)
    if found is not None:
        assert all(status.recipient is not None for status in found.statuses)
    told = Report("mail.a.be", (Status("ed@b.com", "failed", "5.1.1", "", "mx.b.com", "smtp; 550 no"),))
    note = Notification(
        told, "Undelivered", "ann@a.be", "Mon, 5 Jan 2026 12:00:00 +0000", "<1@a.be>", ("no",), octets
    )
    assert read(build(note)) == told


TARGET = Target(run, report)
