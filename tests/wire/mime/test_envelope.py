"""ENVELOPE: the header's words, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.wire.mime import Address, addresses, envelope, index

ED = Address(None, None, b"ed", b"belgiannews.com")
END = Address()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"ed@belgiannews.com", [ED]),
        (b"<ed@belgiannews.com>", [ED]),
        (b" ed @ belgiannews . com ", [ED]),
        (b"Ed <ed@belgiannews.com>", [Address(b"Ed", None, b"ed", b"belgiannews.com")]),
        (b'"Ed, the \\"one\\"" <ed@a.b>', [Address(b'Ed, the "one"', None, b"ed", b"a.b")]),
        (b"John Q. Public <j@a.b>", [Address(b"John Q. Public", None, b"j", b"a.b")]),
        (b"=?utf-8?q?caf=C3=A9?= <c@a.b>", [Address(b"=?utf-8?q?caf=C3=A9?=", None, b"c", b"a.b")]),
        (b"ed@belgiannews.com (Ed (the one))", [Address(b"Ed (the one)", None, b"ed", b"belgiannews.com")]),
        (b"<@one.net,@two.net:ed@a.b>", [Address(None, b"@one.net,@two.net", b"ed", b"a.b")]),
        (b'"a@b"@c.d', [Address(None, None, b"a@b", b"c.d")]),
        (b"ed@[198.18.2.25]", [Address(None, None, b"ed", b"[198.18.2.25]")]),
        (b"undisclosed-recipients:;", [Address(None, None, b"undisclosed-recipients"), END]),
        (b"The Team: ed@belgiannews.com, x@y.z;, z@y.x",
         [Address(None, None, b"The Team"), ED, Address(None, None, b"x", b"y.z"), END,
          Address(None, None, b"z", b"y.x")]),
        (b"Open: ed@belgiannews.com", [Address(None, None, b"Open"), ED, END]),
        (b"ed", [Address(None, None, b"ed", b"MISSING_DOMAIN")]),
        (b"<>", [Address(None, None, b"MISSING_MAILBOX", b"MISSING_DOMAIN")]),
        (b", ,ed@belgiannews.com,", [ED]),
        (b"", []),
    ],
)  # fmt: skip
def test_addresses_are_taken_apart(value: bytes, expected: list[Address]) -> None:
    assert list(addresses(value)) == expected


@given(st.text('<>@,;:"()[]\\ab. \r\n', max_size=60))
def test_every_text_gives_a_list_in_which_groups_end(value: str) -> None:
    found = addresses(value.encode())
    begins = sum(one.host is None and one.mailbox is not None for one in found)
    assert begins == sum(one == END for one in found)


@pytest.mark.parametrize(
    "trap", ["<@" + "," * 100_000, "a " * 50_000 + "@" + ":" * 50_000, "(" * 100_000, "<" * 100_000]
)
def test_a_long_list_is_read_once(trap: str) -> None:
    """A reader that looks back at every sign would take minutes."""
    assert len(addresses(trap.encode())) <= 1


def test_an_envelope_is_what_the_header_says() -> None:
    octets = (
        b"Date: Mon,  5 Jan 2026 08:00:00 +0000 (a Monday)\r\nSubject: =?utf-8?q?a?=\r\n\tb\r\n"
        b"From: ed@belgiannews.com\r\nTo: a@b.c\r\nTo: d@e.f\r\nMessage-ID: <1@x>\r\nBcc:\r\n\r\n"
    )
    found = envelope(octets, index(octets).root)
    assert found.date == b"Mon,  5 Jan 2026 08:00:00 +0000 (a Monday)"
    assert found.subject == b"=?utf-8?q?a?=\tb"
    assert found.author == found.sender == found.reply_to == (ED,)
    assert [one.host for one in found.to] == [b"b.c", b"e.f"]
    assert (found.cc, found.bcc, found.in_reply_to, found.message_id) == ((), (), None, b"<1@x>")


def test_an_empty_header_has_an_empty_envelope() -> None:
    found = envelope(b"\r\nbody", index(b"\r\nbody").root)
    assert (found.date, found.subject, found.author) == (None, None, ())
