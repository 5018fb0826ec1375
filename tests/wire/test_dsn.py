from __future__ import annotations

from email import policy
from email.parser import BytesParser

from hypothesis import given
from hypothesis import strategies as st

from lab.wire.dsn import Notification, Report, Status, build, read

FAILED = Status(
    "ed@b.com",
    "failed",
    "5.1.1",
    "rfc822;Ed@b.com",
    "mx1.b.com",
    "smtp; 550 5.1.1 <ed@b.com>: no such user here, and there never was one in all the years of this host",
)
REPORT = Report("mail.unige.ch", (FAILED,), "env-1", "Mon, 05 Jan 2026 08:00:00 +0000")
ORIGINAL = b"Subject: hi\r\nFrom: ann@unige.ch\r\n\r\nhello\r\n"


def note(report: Report = REPORT, original: bytes = ORIGINAL, headers_only: bool = False) -> bytes:
    return build(
        Notification(
            report,
            "Undelivered Mail Returned to Sender",
            "ann@unige.ch",
            "Mon, 05 Jan 2026 08:00:01 +0000",
            "<q1@mail.unige.ch>",
            ["Sorry."],
            original,
            "q0",
            headers_only,
        )
    )


def test_what_is_built_is_read_again() -> None:
    assert read(note()) == REPORT


def test_it_is_a_report_of_three_parts_as_rfc_6522_asks() -> None:
    message = BytesParser(policy=policy.default).parsebytes(note())
    assert message.get_content_type() == "multipart/report"
    assert message["Content-Type"].params["report-type"] == "delivery-status"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "message/rfc822"]
    assert not message.defects
    assert message["Auto-Submitted"] == "auto-replied"
    assert str(message["From"]).startswith("MAILER-DAEMON@mail.unige.ch")


def test_the_original_comes_back_byte_for_byte() -> None:
    assert ORIGINAL in note()


def test_only_its_headers_come_back_where_that_is_asked() -> None:
    octets = note(headers_only=True)
    assert b"text/rfc822-headers" in octets
    assert b"Subject: hi\r\n" in octets
    assert b"hello" not in octets


def test_a_bounce_of_a_bounce_keeps_its_parts_apart() -> None:
    inner = note()
    outer = note(original=inner)
    parts = list(BytesParser(policy=policy.default).parsebytes(outer).iter_parts())
    assert len(parts) == 3
    assert read(outer) == REPORT


def test_eight_bit_originals_are_declared() -> None:
    octets = note(original="Subject: é\r\n\r\nü\r\n".encode())
    assert octets.count(b"Content-Transfer-Encoding: 8bit") == 2


def test_no_line_is_longer_than_smtp_allows() -> None:
    wordy = Status("e@b.com", "failed", "5.0.0", diagnostic="smtp; 550 " + "very " * 400 + "long")
    octets = note(Report("m", (wordy,)))
    assert max(map(len, octets.split(b"\r\n"))) < 998
    assert read(octets) == Report("m", (wordy,))


def test_a_report_of_another_make_is_read() -> None:
    foreign = (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nhello\n"
        b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns;mx.example\n\n"
        b"Final-Recipient: RFC822;ed@b.com\nAction: Delayed\nStatus: 4.4.1 (no answer)\n"
        b"Will-Retry-Until: Sat, 10 Jan 2026 08:00:00 +0000\n\n--b--\n"
    )
    report = read(foreign)
    assert report is not None
    (status,) = report.statuses
    assert (report.reporting, status.recipient, status.action, status.status) == (
        "mx.example",
        "ed@b.com",
        "delayed",
        "4.4.1",
    )


def test_other_mail_is_no_report() -> None:
    assert read(ORIGINAL) is None
    assert read(b"Content-Type: multipart/report; boundary=b\r\n\r\n--b--\r\n") is None


@given(st.binary(max_size=300))
def test_garbage_is_no_reason_to_fail(octets: bytes) -> None:
    assert read(octets) is None or isinstance(read(octets), Report)
