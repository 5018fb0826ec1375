"""A message as a scenario reads it."""

from __future__ import annotations

import pytest

from lab.scenario import Letter, Unmet

LETTER = Letter(
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nY2Fmw6k=\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nbody\r\n--b--\r\n"
)


def test_its_parts_are_read() -> None:
    LETTER.has("1 text/plain", "2 message/rfc822", "2.1 text/plain")
    assert (LETTER.subject, LETTER.text("1"), LETTER.part("1")) == ("café", "café", "café".encode())


def test_what_it_is_not_is_told_with_what_it_is() -> None:
    with pytest.raises(
        Unmet, match=r"expected  a message of 1 text/html\ncame      1 text/plain, 2 message/rfc822"
    ):
        LETTER.has("1 text/html")


@pytest.mark.parametrize("number", ["3", "none", ""])
def test_a_part_that_is_not_there_is_unmet(number: str) -> None:
    with pytest.raises(Unmet, match=f"a part {number}"):
        LETTER.part(number)
