"""Whatever the octets are: a tree, exact offsets, linear time; and for well-formed mail, what the stdlib finds."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage, Message
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.wire.mime import (
    MessageIndex,
    Part,
    Section,
    by_name,
    decoded,
    envelope,
    file_name,
    index,
    part_at,
    read_section,
    section,
    stored,
    subject,
    text,
)

ODD = sorted((Path(__file__).parent / "odd").glob("*.eml"))

# Pieces from which a mail is made, good and bad, so that random ones have structure.
_PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b'Content-Type: multipart/digest; boundary="bb"\r\n',
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/plain; charset*0*=utf-8''x; charset*1=y\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: attachment; filename*=",
        b"Subject: =?utf-8?b?",
        b"From: a <b@c>, (d",
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\r\n--b\r\n",
        b"\r\n--bb\r\n",
        b"\n--bb--\n",
        b"--b--",
        b"--b",
        b"--",
        b" folded",
        b"caf\xe9",
        b"\x00",
        b"aGk=",
    ]
)
MAILS = st.lists(_PIECES | st.binary(max_size=20), max_size=40).map(b"".join)


def assert_exact(octets: bytes, found: MessageIndex) -> None:
    """Parts lie within their parents, in order, and the slices join to the octets."""
    assert (found.size, found.root.header_start, found.root.body_end) == (len(octets), 0, len(octets))
    for part in found.root.walk():
        assert part.header_start <= part.header_end <= part.body_end
        assert part.lines == octets.count(b"\n", part.header_end, part.body_end)
        edges = [part.header_end]
        for child in part.children:
            edges += [child.header_start, child.body_end]
        edges.append(part.body_end)
        assert edges == sorted(edges)
        assert b"".join(octets[a:b] for a, b in pairwise(edges)) == stored(octets, part)


@given(MAILS)
@settings(max_examples=300, deadline=None)
def test_every_octets_have_an_index(octets: bytes) -> None:
    found = index(octets)
    assert_exact(octets, found)
    for part in found.root.walk():
        text(octets, part)
        file_name(part)
        envelope(octets, part)
        subject(octets, part)


@given(MAILS)
def test_the_name_of_a_part_leads_to_its_body(octets: bytes) -> None:
    found = index(octets)
    for part, name, _ in by_name(found.root):
        wanted = read_section(name)
        assert wanted is not None
        assert section(found, octets, wanted) == stored(octets, part)


@given(MAILS, st.lists(st.integers(0, 3), max_size=3))
def test_a_section_is_a_slice_of_the_message(octets: bytes, path: list[int]) -> None:
    found = section(index(octets), octets, Section(tuple(path)))
    assert found is None or found in octets


@pytest.mark.parametrize("file", ODD, ids=lambda file: file.stem)
def test_odd_messages_have_an_index(file: Path) -> None:
    """Each in a file named after what is odd; its X-Tree says what a reader should find, leaf by leaf."""
    octets = file.read_bytes()
    found = index(octets)
    assert_exact(octets, found)
    leaves = [(part, name) for part, name, _ in by_name(found.root) if not part.children]
    told = section(found, octets, Section((), "HEADER.FIELDS", ("X-Tree",))) or b""
    seen = ", ".join(f"{name} {part.type}/{part.subtype} {part.size}" for part, name in leaves)
    assert told.decode().strip() == f"X-Tree: {seen}"


class Watched(bytes):
    """Octets that add up how far `find` was let look."""

    looked = 0

    def find(self, pattern: bytes, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        end = len(self) if end is None else end
        at = super().find(pattern, start, end)
        self.looked += (end if at < 0 else at) - start
        return at


@pytest.mark.parametrize(
    "trap",
    [b"--b\nA: b\n", b"\n--\n", b"--b\nContent-Type: message/rfc822\n\n", b"\n\n--b--", b"--b\n" + b"x" * 99],
)
def test_no_octet_is_searched_more_often_than_there_are_searches(trap: bytes) -> None:
    octets = Watched(b"Content-Type: multipart/mixed; boundary=b\n\n" + trap * 2_000)
    assert len(list(index(octets).root.walk())) > 0
    assert octets.looked <= 5 * len(octets)


def well_formed() -> EmailMessage:
    inner = EmailMessage(policy=email.policy.SMTP)
    inner["Subject"] = "inner"
    inner.set_content("inside\n")
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = "Grüße"
    mail["From"] = "Änn <ann@unige.ch>"
    mail.set_content("text – €\n", cte="quoted-printable")
    mail.add_alternative("<p>text</p>", subtype="html")
    mail.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="naïve €.bin")
    mail.add_attachment(inner)
    mail.add_attachment("caf\xe9", charset="iso-8859-1", filename="latin.txt")
    return mail


def pairs(part: Part, message: Message) -> list[tuple[Part, Message]]:
    """Our parts beside the standard library's."""
    payload = message.get_payload()
    below = payload if isinstance(payload, list) else []
    assert len(part.children) == len(below)
    found = [(part, message)]
    for ours, theirs in zip(part.children, below, strict=True):
        found += pairs(ours, theirs)
    return found


def test_the_standard_library_finds_the_same() -> None:
    octets = well_formed().as_bytes()
    root = index(octets).root
    for part, message in pairs(root, email.message_from_bytes(octets, policy=email.policy.default)):
        assert f"{part.type}/{part.subtype}" == message.get_content_type()
        assert file_name(part) == (message.get_filename() or "")
        if not part.children:
            assert decoded(octets, part) == message.get_payload(decode=True)
    assert subject(octets, root) == "Grüße"
    assert part_at(root, (3,)) is root.children[2]
