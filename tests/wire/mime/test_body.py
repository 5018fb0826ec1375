"""Bodies: transfer encodings undone, charsets read, reports taken apart."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.wire.mime import Text, decoded, in_charset, index, parameter, readable, report_fields, text
from lab.wire.mime.encodings import DECODERS, from_base64, from_quoted_printable, from_uuencode


@given(st.binary(max_size=300))
def test_base64_comes_back(octets: bytes) -> None:
    assert from_base64(base64.encodebytes(octets)) == octets


@given(st.binary(max_size=300))
def test_quoted_printable_comes_back(octets: bytes) -> None:
    octets = octets.replace(b"\r", b"")  # the standard library's encoder makes all line ends alike
    assert from_quoted_printable(quopri.encodestring(octets)) == octets


@given(st.lists(st.binary(min_size=1, max_size=45), max_size=5))
def test_uuencode_comes_back(rows: list[bytes]) -> None:
    coded = b"".join(binascii.b2a_uu(row) for row in rows)
    assert from_uuencode(b"hello\nbegin 644 a file\n" + coded + b"`\nend\n") == b"".join(rows)


def test_signs_behind_a_row_of_uuencode_are_nobodys() -> None:
    assert from_uuencode(b"begin 644 x\n!84ZZ\n`\nend\n") == b"a"


@given(st.binary(max_size=200), st.sampled_from(sorted(DECODERS)))
def test_no_octets_are_beyond_decoding(octets: bytes, encoding: str) -> None:
    assert isinstance(DECODERS[encoding](octets), bytes)


@pytest.mark.parametrize(
    ("coded", "octets"),
    [
        (b"aGk", b"hi"),
        (b"a G\tk=\r\n", b"hi"),
        (b"aGk=aGk=", b"hihi"),
        (b"aGk=!", b"hi"),
        (b"a", b""),
        (b"=", b""),
    ],
)
def test_base64_is_read_as_it_comes(coded: bytes, octets: bytes) -> None:
    assert from_base64(coded) == octets


@pytest.mark.parametrize(
    ("coded", "octets"),
    [
        (b"caf=c3=A9", b"caf\xc3\xa9"),
        (b"soft=\r\n line", b"soft line"),
        (b"soft=  \r\n line", b"soft line"),
        (b"added on the way \t\r\n", b"added on the way\r\n"),
        (b"=ZZ stays", b"=ZZ stays"),
        (b"cut=", b"cut"),
    ],
)
def test_quoted_printable_is_read_as_it_comes(coded: bytes, octets: bytes) -> None:
    assert from_quoted_printable(coded) == octets


def test_an_unknown_encoding_leaves_the_octets() -> None:
    octets = b"Content-Transfer-Encoding: x-secret\r\n\r\nabc"
    assert decoded(octets, index(octets).root) == b"abc"


def test_a_text_is_read_in_its_charset() -> None:
    octets = b'Content-Type: text/plain; charset="ISO-8859-15"\r\n\r\n\xa4'
    assert text(octets, index(octets).root) == Text("€")


def test_a_lying_charset_is_told() -> None:
    octets = b"Content-Type: text/plain; charset=utf-8\r\n\r\ncaf\xe9"
    assert text(octets, index(octets).root) == Text("caf\ufffd", "octet 3 (0xe9) is not utf-8")
    assert in_charset(b"caf\xc3\xa9", "us-ascii").text == "café"
    assert in_charset(b"abc\xe9", "klingon") == Text("abcé", "there is no charset 'klingon'")


@pytest.mark.parametrize("name", ["rot13", "base64", "idna", "unicode_escape", "\x00", "../x", "undefined"])
def test_a_codec_is_no_charset(name: str) -> None:
    assert "no charset" in in_charset(b"\xff", name).note


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
        ("=?UTF-8?B?w6k=?= =?UTF-8?B?w6k=?=", "éé"),
        ("=?utf-8?q?=C3?=\r\n =?utf-8?q?=A9?=", "é"),
        ("=?utf-8*fr?q?=C3=A9?= x", "é x"),
        ("a =?utf-8?q?b?= c", "a b c"),
        ("=?utf-8?x?b?=", "=?utf-8?x?b?="),
        ("=?nowhere?q?=41?=", "A"),
        ("caf\xc3\xa9", "café"),
        ("caf\xe9", "café"),
    ],
)
def test_encoded_words_are_read(value: str, shown: str) -> None:
    assert readable(value) == shown


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"attachment; filename=a.txt", "a.txt"),
        (b'attachment; filename="a \\"b\\".txt"; x', 'a "b".txt'),
        (b"attachment; filename=my file.txt ; size=3", "my file.txt"),
        (b"attachment; filename*=utf-8''%e2%82%ac.txt; filename=EUR.txt", "€.txt"),
        (b"attachment; filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=\" %.txt\"", "€ %.txt"),
        (b"attachment; filename*1=b; filename*0=a; filename*3=lost", "ab"),
        (b"attachment; filename=\"=?utf-8?q?=E2=82=AC?=.txt\"", "€.txt"),
        (b"attachment; filename=\"\xe2\x82\xac.txt\"", "€.txt"),
        (b"attachment; filename=\"not closed", "not closed"),
        (b"attachment; FILENAME=a; filename=b", "a"),
        (b"attachment", ""),
    ],
)  # fmt: skip
def test_names_are_read_in_every_form(header: bytes, name: str) -> None:
    root = index(b"Content-Disposition: " + header + b"\r\n\r\n").root
    assert parameter(root.disposition_params, "filename") == name


def test_a_report_has_the_fields_of_the_message_and_of_each_recipient() -> None:
    octets = (
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.b\r\n\r\n"
        b"Final-Recipient: rfc822; x@y.z\r\nDiagnostic-Code: smtp; 550\r\n  no\r\n\r\n\r\nAction: failed\r\n"
    )
    assert report_fields(octets, index(octets).root) == (
        (("Reporting-MTA", "dns; a.b"),),
        (("Final-Recipient", "rfc822; x@y.z"), ("Diagnostic-Code", "smtp; 550  no")),
        (("Action", "failed"),),
    )
