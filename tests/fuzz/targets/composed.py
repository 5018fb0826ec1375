"""A draft of anybody's words: refused in a sentence, or a message from which `lab.wire.mime` reads them again.

The octets are a draft's fields, parted by the octet 1E: sender, recipient, subject, text, HTML, charset, encoding,
and a file's name, type and content.
"""

from __future__ import annotations

from random import Random

from lab.errors import LabError
from lab.wire import mime
from lab.wire.compose import Attachment, Draft, compose
from tests.fuzz.target import Choices, Target

_PEOPLE = (
    b"ann@unige.ch",
    "Änn <ann@unige.ch>".encode(),
    b'"a, \\"b" <x@y>',
    b"",
    b"a\r\nBcc: x@y",
    b"<",
    b"=?utf-8?q?x?= <a@b>",
)
_SUBJECTS = (
    b"hi",
    "Grüße €".encode(),
    b"=?utf-8?q?x?=",
    b"x" * 300,
    b"a\nb",
    b"  two  ",
    "é".encode() * 200,
    b"\xff",
    b"\0",
)
_TEXTS = (
    b"hello\n",
    b"",
    "déjà\r\nvu".encode(),
    b"x" * 2_000,
    b".\n..\n",
    b"From x\n",
    b"a \n\t\n=\n",
    b"\r",
    b"\0",
    "\u2028".encode(),
)
_HTML = (b"", b"<p>x</p>", b'<img src="cid:a.txt">', "<b>é</b>".encode())
_CHARSETS = (b"utf-8", b"iso-8859-1", b"utf-16", b"idna", b"hex", b"nope", b"utf-7", b"", b"\0", b"punycode")
_ENCODINGS = (b"", b"7bit", b"8bit", b"base64", b"quoted-printable", b"binary", b"x\r\ny")
_NAMES = (b"a.txt", "naïve €.bin".encode(), b"x" * 200, b'"', b"\r\n", b"%41", b"", b"\\")
_KINDS = (b"text/plain", b"message/rfc822", b"multipart/mixed", b"application/octet-stream", b"x/y\r\nz: 1", b"")
_FIELDS = (_PEOPLE, _PEOPLE, _SUBJECTS, _TEXTS, _HTML, _CHARSETS, _ENCODINGS, _NAMES, _KINDS, _TEXTS)


def draft(choices: Choices) -> bytes:
    return b"\x1e".join(choices.one_of(options[:3] if choices.below(2) else options) for options in _FIELDS)


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def run(octets: bytes) -> None:
    parts = [part.decode("utf-8", "replace") for part in octets.split(b"\x1e")]
    sender, to, subject, text, html, charset, encoding, name, kind, content = (parts + [""] * 10)[:10]
    files = (Attachment(name, content.encode(), kind),) if name else ()
    wanted = Draft(sender, (to,), subject, text, html, files, (), (), charset, encoding)
    try:
        written = compose(wanted, rng=Random(1), domain="unige.ch")
    except LabError as error:
        assert error.sentence
        return
    assert encoding == "binary" or b"\n" not in written.replace(b"\r\n", b"")
    found = mime.index(written)
    assert mime.subject(written, found.root).split() == subject.split()
    _check_parts(written, found, wanted)


def _check_parts(written: bytes, found: mime.MessageIndex, wanted: Draft) -> None:
    leaves = [part for part in found.root.walk() if not part.children]
    texts = [
        _normal(mime.text(written, part).text) for part in leaves if part.type == "text" and not part.disposition
    ]
    if wanted.text and wanted.charset == "utf-8":
        assert _normal(wanted.text) in texts, "the text is another one"
    for file in wanted.attachments:
        same = [part for part in found.root.walk() if part.disposition == "attachment"]
        assert [mime.file_name(part) for part in same] == [file.name]
        if same[0].encoding == "base64":
            assert mime.decoded(written, same[0]) == file.octets


TARGET = Target(run, draft)
