"""Sections: BODY[…] as slices."""

from __future__ import annotations

import pytest

from lab.wire.mime import Section, index, section
from lab.wire.mime.section import What

INNER = b"Subject: inner\r\nTo: ed@belgiannews.com\r\n\r\ninside\r\n"
SINGLE = b"From: ann@unige.ch\r\nSUBJECT: a\r\n\tb\r\nno field\r\nsubject: again\r\n\r\nbody\r\n"
MIXED = (
    b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nX-One: 1\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n--b--\r\n"
)


def cut(octets: bytes, path: tuple[int, ...], what: What = "", *names: str) -> bytes | None:
    return section(index(octets), octets, Section(path, what, names))


def test_the_whole_is_what_was_received() -> None:
    assert cut(MIXED, ()) == MIXED


def test_header_and_text_join_to_the_whole() -> None:
    assert (cut(MIXED, (), "HEADER") or b"") + (cut(MIXED, (), "TEXT") or b"") == MIXED


def test_fields_come_folded_as_they_stand_and_end_in_a_blank_line() -> None:
    assert cut(SINGLE, (), "HEADER.FIELDS", "Subject") == b"SUBJECT: a\r\n\tb\r\nsubject: again\r\n\r\n"
    assert cut(SINGLE, (), "HEADER.FIELDS.NOT", "subject") == b"From: ann@unige.ch\r\nno field\r\n\r\n"
    assert cut(SINGLE, (), "HEADER.FIELDS", "X-None") == b"\r\n"


def test_a_message_of_one_body_has_it_as_part_one() -> None:
    assert cut(SINGLE, (1,)) == b"body\r\n"
    assert cut(SINGLE, (1,), "MIME") == cut(SINGLE, (), "HEADER")


def test_parts_have_their_own_header_and_body() -> None:
    assert cut(MIXED, (1,)) == b"one"
    assert cut(MIXED, (1,), "MIME") == b"X-One: 1\r\n\r\n"


def test_a_message_inside_is_read_like_a_message() -> None:
    assert cut(MIXED, (2,)) == INNER
    assert cut(MIXED, (2,), "HEADER") == b"Subject: inner\r\nTo: ed@belgiannews.com\r\n\r\n"
    assert cut(MIXED, (2,), "HEADER.FIELDS", "TO") == b"To: ed@belgiannews.com\r\n\r\n"
    assert cut(MIXED, (2,), "TEXT") == cut(MIXED, (2, 1)) == b"inside\r\n"


@pytest.mark.parametrize("path", [(0,), (3,), (1, 1), (2, 2), (2, 1, 1)])
def test_there_is_nothing_where_there_is_no_part(path: tuple[int, ...]) -> None:
    assert cut(MIXED, path) is None


def test_only_messages_have_a_header_of_fields() -> None:
    assert cut(MIXED, (1,), "HEADER") is None


def test_a_message_in_a_message_is_reached_by_its_number() -> None:
    octets = b"Content-Type: message/rfc822\r\n\r\n" + MIXED
    assert cut(octets, (1,), "HEADER.FIELDS", "subject") == b"Subject: outer\r\n\r\n"
    assert cut(octets, (1, 2)) == INNER
    assert cut(octets, (1, 2, 1)) == b"inside\r\n"


RFC_EXAMPLE = b"".join(
    [
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n",
        b"--a\r\nContent-Type: text/plain\r\n\r\n1",
        b"\r\n--a\r\nContent-Type: application/octet-stream\r\n\r\n2",
        b"\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        b"--b\r\nContent-Type: text/plain\r\n\r\n3.1\r\n--b\r\nContent-Type: application/x\r\n\r\n3.2\r\n--b--",
        b"\r\n--a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n",
        b"--c\r\nContent-Type: image/gif\r\n\r\n4.1\r\n--c\r\nContent-Type: message/rfc822\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\n\r\n4.2.1",
        b"\r\n--d\r\nContent-Type: multipart/alternative; boundary=e\r\n\r\n",
        b"--e\r\n\r\n4.2.2.1\r\n--e\r\nContent-Type: text/richtext\r\n\r\n4.2.2.2\r\n--e--",
        b"\r\n--d--\r\n--c--\r\n--a--\r\n",
    ]
)
"""The message of RFC 9051 §6.4.5.1; each part without parts has its number as its body."""


@pytest.mark.parametrize("number", ["1", "2", "3.1", "3.2", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2"])
def test_parts_have_the_numbers_of_the_rfc(number: str) -> None:
    assert cut(RFC_EXAMPLE, tuple(map(int, number.split(".")))) == number.encode()


def test_headers_and_texts_have_the_numbers_of_the_rfc() -> None:
    assert cut(RFC_EXAMPLE, (3,), "HEADER") == b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    assert (cut(RFC_EXAMPLE, (3,), "TEXT") or b"").startswith(b"--b\r\n")
    assert cut(RFC_EXAMPLE, (4, 1), "MIME") == b"Content-Type: image/gif\r\n\r\n"
    assert cut(RFC_EXAMPLE, (4, 2), "HEADER") == b"Content-Type: multipart/mixed; boundary=d\r\n\r\n"
    assert (cut(RFC_EXAMPLE, (4, 2, 2)) or b"").startswith(b"--e\r\n")
