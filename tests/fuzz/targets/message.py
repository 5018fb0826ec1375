"""A message as it lies in a mailbox: it has a part tree with exact offsets, and every view of it can be taken."""

from __future__ import annotations

from lab.wire import mime
from lab.wire.imap.writer import envelope as written_envelope
from lab.wire.imap.writer import structure
from lab.wire.pop3 import stuffed, top
from lab.wire.received import read_heading
from tests.fuzz.letters import LETTERS
from tests.fuzz.target import Choices, Target
from tests.wire.mime.test_robust import assert_exact

_TYPES = (
    b"text/plain; charset=utf-8",
    b"multipart/mixed; boundary=b",
    b"message/rfc822",
    b"text/html; charset*0*=utf-8'en'x%C3; charset*1=y",
    b'multipart/digest; boundary="b b"',
    b"multipart/mixed",
    b"text / plain (comment (nested) \\) ; format = flowed",
    b"text/plain; charset=idna",
    b"text/plain; charset=utf-7",
    b"text/plain; charset=\0",
    b"text/plain; charset=iso-2022-jp",
    b"text/plain; charset=unicode_escape",
    b'application/octet-stream; name="a\\"b',
    b"message/external-body",
    b"message/delivery-status",
    b"/",
    b"",
    b"x" * 300 + b"/y",
)
_ENCODINGS = (
    b"7bit",
    b"base64",
    b"quoted-printable",
    b"8bit",
    b"x-uuencode",
    b"BINARY",
    b"base64 (c)",
    b"what",
    b"",
)
_WORDS = (
    b"=?utf-8?q?caf=C3=A9?=",
    b"=?utf-8?b?w7bDtg==?= =?utf-8?b?w7bDtg?=",
    b"=?iso-2022-jp?b?GyRCJCIbKEI=?=",
    b"=?idna?q?xn--?=",
    b"=?utf-16?b?/w==?=",
    b"=?utf-8*en?q?=?=",
    b"=??q??=",
    b"plain",
    b"caf\xe9",
    b"=?punycode?q?=FF-?=",
)
_PEOPLE = (
    b"Ann <ann@unige.ch>",
    b'a@b, "c \\" d" <e@f>, g: h@i, j@k;',
    b"<@r,@s:t@u>",
    b"(((",
    b"a@[1.2.3.4]",
    b"=?utf-8?q?=C3=A9?= <\xe9@x>",
    b"<>",
    b":;,;:",
    b'"',
    b"a" * 200,
    b"x@y (c (d) \\( e",
)
_DATES = (
    b"Mon, 5 Jan 2026 12:00:00 +0100",
    b"Mon, 31 Feb 2026 25:61:61 +9999",
    b"5 Jan 99999 00:00 GMT",
    b"\xd9\xa1 Jan 2026 1:2:3 -0000",
    b"",
    b"Thu, 1 Jan 1970 00:00:00 -" + b"9" * 400,
)
_BODIES = (
    b"one line\r\n",
    b"aGVsbG8=\r\n",
    b"a=C3=\r\n=ZZ= \t\r\n=",
    b"begin 644 x\n#0V%T\n`\nend\n",
    b"",
    b"begin 644 x\n" + b"\xff" * 70,
    b"=" * 60,
    b"\x1b$B\x1b(B\x1b\n",
    b"\0\n.\n..\r\n\r.\r",
)


def _field(choices: Choices) -> bytes:
    name = choices.one_of(
        (b"Subject", b"From", b"To", b"Cc", b"Date", b"Message-ID", b"In-Reply-To", b"Received", b"X")
    )
    value = b" ".join(
        choices.one_of(choices.one_of((_WORDS, _PEOPLE, _DATES))) for _ in range(1 + choices.below(3))
    )
    return (
        name + b": " + value + choices.one_of((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n \r\n", b"\r\n\t; x=1\r\n"))
    )


def _part(choices: Choices, depth: int = 0) -> bytes:
    kind = choices.one_of(_TYPES[: 3 if choices.below(2) else len(_TYPES)])
    head = b"Content-Type: " + kind + b"\r\n"
    head += b"Content-Transfer-Encoding: " + choices.one_of(_ENCODINGS) + b"\r\n" if choices.below(2) else b""
    if choices.below(3) == 2:
        name = choices.one_of(
            (b"=a.txt", b"*=utf-8''n%C3%AF", b'*0="a"; filename*1*=%FF', b'="../x\0"', b"*=", b"*9999=x")
        )
        head += b"Content-Disposition: attachment; filename" + name + b"\r\n"
    head += choices.one_of((b"\r\n", b"\r\n", b"\r\n", b"\n", b""))
    if depth < 4 and (b"multipart" in kind or b"rfc822" in kind):
        inner = [_part(choices, depth + 1) for _ in range(choices.below(4))]
        between = b"\r\n--b\r\n" if b"b b" not in kind else b"\r\n--b b\r\n"
        joined = between + between.join(inner) if b"multipart" in kind else b"".join(inner)
        return head + joined + choices.one_of((b"\r\n--b--\r\n", b"\r\n--b b--\n", b""))
    return head + choices.one_of(_BODIES)


def message(choices: Choices) -> bytes:
    return b"".join(choices.several(_field, 6)) + _part(choices)


def run(octets: bytes) -> None:
    found = mime.index(octets)
    assert_exact(octets, found)
    read_heading(octets)
    for part, name, _ in mime.by_name(found.root):
        wanted = mime.read_section(name)
        assert wanted is not None
        assert mime.section(found, octets, wanted) == mime.stored(octets, part)
        mime.text(octets, part)
        mime.file_name(part)
        mime.subject(octets, part)
        mime.report_fields(octets, part)
    for extended in (False, True):
        tree = structure(found.root, lambda part: written_envelope(mime.envelope(octets, part)), extended)
        assert tree.startswith(b"(")
        assert b"\0" not in tree
    assert top(octets, 3) == octets[: len(top(octets, 3))]
    assert (
        unstuffed(stuffed(octets)) == octets
        or b"\n" in octets.replace(b"\r\n", b"")
        or not octets.endswith(b"\r\n")
    )


def unstuffed(reply: bytes) -> bytes:
    """What a POP3 client makes of a multi-line reply."""
    assert reply.endswith(b"\r\n.\r\n") or reply == b".\r\n"
    return (b"\r\n" + reply[:-3]).replace(b"\r\n.", b"\r\n")[2:]


TARGET = Target(run, message, LETTERS)
