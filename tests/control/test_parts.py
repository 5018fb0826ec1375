"""A message's parts as forms."""

from __future__ import annotations

import pytest

from lab.control.parts import part, tree
from lab.errors import WrongUse

MIXED = (
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nY2Fmw6k=\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nbody\r\n--b--\r\n"
)


def test_a_tree_names_parts_as_imap_does() -> None:
    form = tree(MIXED)
    assert (form["subject"], form["size"]) == ("café", len(MIXED))
    assert [(row["part"], row["type"], row["depth"]) for row in form["parts"]] == [
        ("TEXT", "multipart/mixed", 0),
        ("1", "text/plain", 1),
        ("2", "message/rfc822", 1),
        ("2.1", "text/plain", 2),
    ]


def test_sizes_and_offsets_are_those_of_the_octets() -> None:
    for row in tree(MIXED)["parts"]:
        stored = part(MIXED, row["part"], as_stored=True)["octets"].encode("latin-1")
        assert MIXED[row["offset"] : row["offset"] + row["size"]] == stored


def test_a_part_comes_decoded_or_as_it_is_stored() -> None:
    assert part(MIXED, "1")["octets"].encode("latin-1").decode() == "café"
    assert part(MIXED, "1", as_stored=True)["octets"] == "Y2Fmw6k="
    assert part(MIXED, "2.HEADER")["octets"] == "Subject: inside\r\n\r\n"


def test_what_is_not_as_it_claims_is_noted() -> None:
    lying = b"Content-Type: text/plain; charset=us-ascii\r\n\r\n\xe9"
    secret = b"Content-Transfer-Encoding: x-secret\r\n\r\nx"
    assert tree(lying)["parts"][0]["note"] == "octet 0 (0xe9) is not us-ascii"
    assert tree(secret)["parts"][0]["note"] == "nobody knows the encoding 'x-secret'"


@pytest.mark.parametrize("name", ["3", "1.1", "MIME", "one", "1.HEADER", "0"])
def test_a_part_that_is_not_there_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(WrongUse) as told:
        part(MIXED, name)
    assert "TEXT, 1, 2, 2.1" in told.value.remedy
