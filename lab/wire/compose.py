"""A message written: text, HTML beside it, images in the HTML, attachments (RFC 5322, RFC 2045–2046, RFC 2387).

The rule: the same draft, date and chance give the same octets, and `lab.wire.mime` reads from them what was put
in, octet by octet. Every part has the plainest transfer encoding that carries it; attachments are in base64, which
nobody on the way has ever spoilt.

    multipart/mixed           only as much of this as there is something to put in
      multipart/alternative
        text/plain
        multipart/related
          text/html           `cid:logo.png` names an image of the draft by its file name
          image/png
      application/pdf
"""

from __future__ import annotations

import base64
import binascii
import html as escaping
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from random import Random

from lab.errors import WrongUse
from lab.values import dataclass
from lab.wire.compose_fields import address_words, field, parameters, text_words

LINE = 998
"""Octets that a line of a message may have (RFC 5322 §2.1.1)."""

_LONE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part with a body. `octets` before the encoding; `encoding` "" for the plainest that carries them."""

    type: str
    octets: bytes
    params: tuple[tuple[str, str], ...] = ()
    encoding: str = ""
    disposition: str = ""
    name: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A multipart."""

    subtype: str
    parts: tuple[Leaf | Branch, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that comes along."""

    name: str
    octets: bytes
    type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person wants to send. Addresses may have names, `Änn <ann@unige.ch>`. `encoding` for the texts; ""
    lets the writer choose."""

    sender: str
    to: tuple[str, ...]
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    images: tuple[Attachment, ...] = ()
    cc: tuple[str, ...] = ()
    charset: str = "utf-8"
    encoding: str = ""


def compose(draft: Draft, *, rng: Random, domain: str = "", date: datetime | None = None) -> bytes:
    """The octets of a message. Without `domain` it has no Message-ID, without `date` no Date: the host where it is
    handed in adds them."""
    head = field("Date", [format_datetime(date.replace(microsecond=0))]) if date else b""
    head += field("From", address_words([draft.sender])) + field("To", address_words(draft.to))
    head += field("Cc", address_words(draft.cc)) if draft.cc else b""
    head += field("Subject", text_words(draft.subject))
    head += field("Message-ID", [f"<{_token(rng)}@{domain}>"]) if domain else b""
    return message(head, _tree(draft, rng), rng)


def message(head: bytes, body: Leaf | Branch, rng: Random) -> bytes:
    """A header's fields and a tree of parts, as a message."""
    octets = head + b"MIME-Version: 1.0\r\n" + _written(body, rng)
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


# -- what goes where ---------------------------------------------------------------------------------------------


def _tree(draft: Draft, rng: Random) -> Leaf | Branch:
    body: Leaf | Branch = _text("plain", draft.text, draft)
    if draft.html or draft.images:
        page = _page(draft, rng)
        body = Branch("alternative", (body, page)) if draft.text or not draft.html else page
    files = tuple(_attached(one) for one in draft.attachments)
    return Branch("mixed", (body, *files)) if files else body


def _text(subtype: str, text: str, draft: Draft) -> Leaf:
    lines = _LINE_END.sub("\r\n", text)
    lines += "" if lines.endswith("\r\n") or not lines else "\r\n"
    charset = "us-ascii" if lines.isascii() else draft.charset
    try:
        octets = lines.encode(charset)
    except (ValueError, LookupError):  # a codec of no charset (idna), or a name with NUL
        raise WrongUse(f"the text cannot be written in {charset}", code="W012") from None
    return Leaf(f"text/{subtype}", octets, (("charset", charset),), draft.encoding)


def _page(draft: Draft, rng: Random) -> Leaf | Branch:
    """The HTML, with the images that it shows beside it."""
    named = {image.name: f"{_token(rng)}@images" for image in draft.images}
    page = draft.html or _from_text(draft)
    for name, content_id in named.items():
        page = page.replace(f"cid:{name}", f"cid:{content_id}")
    html = _text("html", page, draft)
    images = tuple(replace(_attached(one, "inline"), content_id=named[one.name]) for one in draft.images)
    return Branch("related", (html, *images)) if images else html


def _from_text(draft: Draft) -> str:
    shown = "".join(f'<p><img src="cid:{escaping.escape(one.name)}"></p>\n' for one in draft.images)
    return f"<pre>{escaping.escape(draft.text)}</pre>\n{shown}"


def _attached(file: Attachment, disposition: str = "attachment") -> Leaf:
    """A message stays as it is, as it has to (RFC 2046 §5.2.1); what cannot be one is a file like others."""
    kind = file.type.strip().lower()  # RFC 2045 §5.1: the same in any case
    if kind == "message/rfc822" and carries("8bit", file.octets):
        return Leaf(kind, file.octets, (), "", disposition, file.name)
    if kind.startswith(("message", "multipart")):
        kind = "application/octet-stream"
    return Leaf(kind, file.octets, (), "base64", disposition, file.name)


# -- writing -----------------------------------------------------------------------------------------------------


def _written(part: Leaf | Branch, rng: Random) -> bytes:
    return _leaf(part) if isinstance(part, Leaf) else _branch(part, rng)


def _branch(branch: Branch, rng: Random) -> bytes:
    parts = [_written(part, rng) for part in branch.parts]
    boundary = _boundary(parts, rng)
    opened = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    head = field("Content-Type", [f"multipart/{branch.subtype};", f'boundary="{boundary.decode()}"'])
    widest = _widest(branch)
    head += field("Content-Transfer-Encoding", [widest]) if widest != "7bit" else b""
    return head + b"\r\n" + opened + b"--" + boundary + b"--\r\n"


def _boundary(parts: Sequence[bytes], rng: Random) -> bytes:
    """`=_` stands neither in base64 nor in quoted-printable; in anything else it may."""
    while True:
        boundary = f"=_{_token(rng)}".encode()
        if not any(boundary in part for part in parts):
            return boundary


def _widest(branch: Branch) -> str:
    """A multipart says the widest of what is in it, and nothing else (RFC 2045 §6.4)."""
    encodings = {_encoding(leaf) for leaf in _leaves(branch)}
    return next((wide for wide in ("binary", "8bit") if wide in encodings), "7bit")


def _leaves(branch: Branch) -> Iterator[Leaf]:
    for part in branch.parts:
        if isinstance(part, Leaf):
            yield part
        else:
            yield from _leaves(part)


def _leaf(leaf: Leaf) -> bytes:
    encoding = _encoding(leaf)
    head = field("Content-Type", _with_parameters(leaf.type, leaf.params))
    head += field("Content-Transfer-Encoding", [encoding])
    if leaf.disposition:
        named = (("filename", leaf.name),) if leaf.name else ()
        head += field("Content-Disposition", _with_parameters(leaf.disposition, named))
    head += field("Content-ID", [f"<{leaf.content_id}>"]) if leaf.content_id else b""
    return head + b"\r\n" + encoded(encoding, leaf.octets)


def _with_parameters(value: str, params: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"{value};", *parameters(params)] if params else [value]


# -- transfer encodings ------------------------------------------------------------------------------------------


def _encoding(leaf: Leaf) -> str:
    if leaf.encoding and not carries(leaf.encoding, leaf.octets):
        raise WrongUse(f"{leaf.encoding} cannot carry this {leaf.type}", code="W012")
    return leaf.encoding or plainest(leaf.octets, as_it_is=leaf.type == "message/rfc822")


def plainest(octets: bytes, *, as_it_is: bool = False) -> str:
    """7bit where it will do; then whichever is shorter. What must not be encoded is 8bit at most."""
    if carries("7bit", octets):
        return "7bit"
    if as_it_is and carries("8bit", octets):
        return "8bit"
    return min(("quoted-printable", "base64"), key=lambda encoding: len(encoded(encoding, octets)))


def carries(encoding: str, octets: bytes) -> bool:
    """Whether these octets come through so: 7bit and 8bit are lines of bounded length (RFC 2045 §2.7–2.8)."""
    if encoding not in ("7bit", "8bit"):
        return encoding in ("base64", "quoted-printable", "binary")
    in_lines = _LONE.search(octets) is None and all(len(line) <= LINE for line in octets.split(b"\r\n"))
    return in_lines and (encoding == "8bit" or octets.isascii())


def encoded(encoding: str, octets: bytes) -> bytes:
    """In a transfer encoding, its lines ended by CR LF."""
    if encoding == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        # Line ends are line ends only where all of them are CR LF; else they are octets like others.
        return _BARE_LINE_FEED.sub(b"\r\n", binascii.b2a_qp(octets, istext=_LONE.search(octets) is None))
    return octets


def _token(rng: Random) -> str:
    return "".join(rng.choice(_LETTERS) for _ in range(20))
