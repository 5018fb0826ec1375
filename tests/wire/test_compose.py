"""Messages written: what was put in is read from them, octet by octet."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import WrongUse
from lab.wire.compose import Attachment, Branch, Draft, Leaf, compose, encoded, message, plainest
from lab.wire.compose_fields import WIDTH, address_words, field, parameters, text_words
from lab.wire.mime import addresses, decoded, file_name, index, parameter, readable, subject, text
from lab.wire.mime.encodings import DECODERS
from lab.wire.mime.fields import fields
from lab.wire.mime.parameters import structured

DATE = datetime(2026, 1, 5, 8, tzinfo=UTC)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)
PNG = b"\x89PNG\r\n\x1a\n\0"


def written(draft: Draft) -> bytes:
    return compose(draft, rng=Random("a seed"), domain="unige.ch", date=DATE)


def draft(**changes: object) -> Draft:
    return Draft(sender="ann@unige.ch", to=("ed@belgiannews.com",), **changes)  # type: ignore[arg-type]


def kinds(octets: bytes) -> list[str]:
    return [f"{part.number} {part.type}/{part.subtype}" for part in index(octets).root.walk()]


def test_a_plain_message_is_plain() -> None:
    assert written(draft(subject="hello", text="Hi,\nEd.")) == (
        b"Date: Mon, 05 Jan 2026 08:00:00 +0000\r\nFrom: ann@unige.ch\r\nTo: ed@belgiannews.com\r\n"
        b"Subject: hello\r\nMessage-ID: <" + _token() + b"@unige.ch>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHi,\r\nEd.\r\n"
    )


def _token() -> bytes:
    rng = Random("a seed")
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(20)).encode()


def test_the_same_draft_and_chance_give_the_same_octets() -> None:
    full = draft(text="é", html="<p>", attachments=(Attachment("a", b"\0"),))
    assert written(full) == written(full)


def test_everything_has_its_place() -> None:
    octets = written(
        draft(
            text="plain",
            html='<img src="cid:logo.png">',
            images=(Attachment("logo.png", PNG, "image/png"),),
            attachments=(
                Attachment("naïve €.pdf", b"%PDF", "application/pdf"),
                Attachment("b.eml", b"A: b\r\n\r\nc", "message/rfc822"),
            ),
        )
    )
    assert kinds(octets) == [
        " multipart/mixed", "1 multipart/alternative", "1.1 text/plain", "1.2 multipart/related",
        "1.2.1 text/html", "1.2.2 image/png", "2 application/pdf", "3 message/rfc822", "3 text/plain",
    ]  # fmt: skip
    parts = {part.number: part for part in index(octets).root.walk() if not part.children}
    assert decoded(octets, parts["1.2.2"]) == PNG
    assert f'src="cid:{parts["1.2.2"].content_id.strip("<>")}"' in text(octets, parts["1.2.1"]).text
    assert (file_name(parts["2"]), decoded(octets, parts["2"])) == ("naïve €.pdf", b"%PDF")


def test_what_is_not_there_makes_no_part() -> None:
    assert kinds(written(draft(html="<p>"))) == [" text/html"]
    assert kinds(written(draft(text="a", html="<p>"))) == [" multipart/alternative", "1 text/plain", "2 text/html"]


def test_images_without_a_page_get_one() -> None:
    octets = written(draft(text="a < b", images=(Attachment("i.png", PNG, "image/png"),)))
    page = index(octets).root.children[1].children[0]
    assert "a &lt; b" in text(octets, page).text
    assert "cid:i.png" not in text(octets, page).text


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit", ""])
@pytest.mark.parametrize(
    "charset", ["utf-8", "iso-8859-15", "windows-1252", "koi8-r", "shift_jis", "utf-7", "gb18030"]
)
def test_every_charset_comes_back_in_every_encoding(charset: str, encoding: str) -> None:
    words = {"koi8-r": "Привет", "shift_jis": "こんにちは", "utf-7": "naïve"}.get(charset, "naïve £")
    octets = written(draft(text=f"{words}\r\n", charset=charset, encoding=encoding))
    found = text(octets, index(octets).root)
    assert (found.text, found.note) == (f"{words}\r\n", "")


@given(st.binary(max_size=400), st.sampled_from(["base64", "quoted-printable"]))
def test_every_octet_comes_back(octets: bytes, encoding: str) -> None:
    coded = encoded(encoding, octets)
    assert DECODERS[encoding](coded) == octets
    assert max(map(len, coded.split(b"\r\n"))) <= 76
    assert coded.isascii()


@given(st.lists(st.binary(max_size=60), max_size=4), st.integers())
def test_parts_come_back_octet_by_octet(bodies: list[bytes], seed: int) -> None:
    leaves = tuple(Leaf("application/octet-stream", body, encoding=plainest(body)) for body in bodies)
    octets = message(b"", Branch("mixed", leaves), Random(seed))
    assert [decoded(octets, part) for part in index(octets).root.children] == bodies


LEAVES = st.builds(lambda octets: Leaf("application/octet-stream", octets), st.binary(max_size=40))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(Branch, st.just("mixed"), st.lists(inner, min_size=1, max_size=3).map(tuple)),
    max_leaves=8,
)


def leaves(tree: Leaf | Branch) -> list[bytes]:
    return [tree.octets] if isinstance(tree, Leaf) else [body for part in tree.parts for body in leaves(part)]


@given(st.lists(TREES, max_size=3).map(tuple), st.integers())
def test_trees_are_read_alike_by_us_and_the_standard_library(trees: tuple[Leaf | Branch, ...], seed: int) -> None:
    octets = message(b"Subject: a\r\n", Branch("mixed", trees), Random(seed))
    bodies = [body for tree in trees for body in leaves(tree)]
    ours = [decoded(octets, part) for part in index(octets).root.walk() if not part.is_multipart]
    walked = email.message_from_bytes(octets, policy=email.policy.default).walk()
    theirs = [part.get_payload(decode=True) for part in walked if not part.is_multipart()]
    assert ours == bodies
    assert not trees or ours == theirs


@given(LINES)
def test_subjects_come_back(said: str) -> None:
    octets = written(draft(subject=said))
    assert subject(octets, index(octets).root) == said
    assert max(map(len, octets.split(b"\r\n"))) <= WIDTH


@given(LINES)
def test_names_of_files_come_back(name: str) -> None:
    line = field("Content-Disposition", ["attachment;", *parameters([("filename", name)])])
    (read,) = fields(line)
    assert parameter(structured(read.value.decode("latin-1"))[1], "filename") == name
    assert max(map(len, line.split(b"\r\n"))) <= WIDTH


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("Ann Vogel <a@b.c>", "Ann Vogel"),
        ("Vogel, Änn <a@b.c>", "Vogel, Änn"),
        ('"J. Q." <a@b.c>', "J. Q."),
        ("<a@b.c>", ""),
    ],
)
def test_names_of_people_come_back(address: str, name: str) -> None:
    (found,) = addresses(" ".join(address_words([address])).encode())
    assert (readable(found.name or b""), found.mailbox, found.host) == (name, b"a", b"b.c")


def test_a_field_of_two_lines_is_refused() -> None:
    for bad in ("a\r\nBcc: x@y.z", "a\nb", "\0"):
        with pytest.raises(WrongUse):
            written(draft(subject=bad))
        with pytest.raises(WrongUse):
            compose(Draft(f"ann@unige.ch{bad}", ("ed@b.c",)), rng=Random(1))


def test_an_encoding_that_cannot_carry_it_is_refused() -> None:
    with pytest.raises(WrongUse, match="8bit cannot carry"):
        written(draft(text="é" * 999, encoding="8bit"))


def test_the_standard_library_reads_the_same() -> None:
    octets = written(draft(subject="Grüße", text="Ä\n", attachments=(Attachment("naïve.bin", bytes(range(256))),)))
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    body, file = mail.iter_parts()  # type: ignore[attr-defined]
    assert mail["Subject"] == "Grüße"
    assert body.get_content() == "Ä\r\n"
    assert (file.get_filename(), file.get_content()) == ("naïve.bin", bytes(range(256)))


def test_a_text_that_can_stand_so_stands_so() -> None:
    assert text_words("hello there") == ["hello", "there"]


def test_what_looks_like_an_encoded_word_is_not_taken_for_one() -> None:
    octets = written(draft(subject="=?utf-8?q?a?=", attachments=(Attachment("=?utf-8?q?b?=", b"x"),)))
    root = index(octets).root
    assert (subject(octets, root), file_name(root.children[1])) == ("=?utf-8?q?a?=", "=?utf-8?q?b?=")
