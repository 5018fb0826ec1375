from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lab.wire.received import HEADER_LIMIT, Heading, read_author, read_heading, received_line

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def line(**changes: str) -> bytes:
    words = {
        "helo": "mail.unige.ch",
        "peer": "198.18.3.25",
        "host": "mail.belgiannews.com",
        "protocol": "ESMTP",
        "queue_id": "90bc",
        "recipient": "ed@belgiannews.com",
    }
    return received_line(**{**words, **changes}, at=NOON)  # type: ignore[arg-type]


def test_received_line_says_from_by_with_id_for_and_when() -> None:
    assert line() == (
        b"Received: from mail.unige.ch ([198.18.3.25])\r\n"
        b"\tby mail.belgiannews.com with ESMTP id 90bc\r\n"
        b"\tfor <ed@belgiannews.com>;\r\n"
        b"\tMon, 05 Jan 2026 12:00:00 +0000\r\n"
    )


def test_several_recipients_are_not_told_of_each_other() -> None:
    assert b"for <" not in line(recipient="")


def test_ipv6_peer_is_marked_as_such() -> None:
    assert b"([IPv6:2001:db8::25])" in line(peer="2001:db8::25")


def test_heading_is_read_from_the_header_only() -> None:
    octets = (
        line()
        + line()
        + b"Subject: one\r\n two\r\nMESSAGE-ID: <1@x>\r\n\r\nReceived: not this\r\nSubject: nor this\r\n"
    )
    assert read_heading(octets) == Heading(2, "<1@x>", "one two")


def test_message_without_header_has_no_heading() -> None:
    assert read_heading(b"\r\nSubject: in the body\r\n") == Heading()


def test_field_at_the_very_end_is_read() -> None:
    assert read_heading(b"Subject: last\r\n").subject == "last"


def test_encoded_words_are_decoded() -> None:
    octets = (
        b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= =?utf-8?b?IQ==?=\r\nFrom: =?x-none?q?Ann?= <ann@unige.ch>\r\n\r\n"
    )
    assert (read_heading(octets).subject, read_author(octets)) == ("grüße!", "Ann <ann@unige.ch>")


def test_header_without_end_is_read_no_further_than_the_limit() -> None:
    octets = b"X: y\r\n" * (HEADER_LIMIT // 6 + 1) + b"Subject: far\r\n"
    assert read_heading(octets).subject == ""


@given(st.binary(max_size=300))
def test_garbage_has_a_heading_too(octets: bytes) -> None:
    assert read_heading(b"Subject: " + octets).hops >= 0


@given(st.text(st.sampled_from("=?utf-8bq_ü\r\n\t "), max_size=60))
def test_broken_encoded_words_are_shown_as_they_are(text: str) -> None:
    assert isinstance(read_heading(f"Subject: =?{text}\r\n\r\n".encode()).subject, str)
