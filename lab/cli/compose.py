"""`lab compose`: a message with parts, written into a file or sent.

The rule: the same words give the same octets. Date and Message-ID are left to the host where it is handed in,
which has the lab's time; so a file that is sent twice is two messages.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from mimetypes import MimeTypes
from pathlib import Path
from random import Random
from typing import Annotated

from cyclopts import Parameter

from lab.cli.files import unwritable
from lab.cli.reading import Json
from lab.cli.screen import emit, plain, show
from lab.cli.send import hand_in
from lab.errors import WrongUse
from lab.wire.compose import Attachment, Draft
from lab.wire.compose import compose as written


def compose(
    *,
    sender: Annotated[str, Parameter(name="--from")],
    to: list[str],
    subject: str = "",
    text: str = "",
    html: str = "",
    attach: list[str] | None = None,
    inline: list[str] | None = None,
    out: str = "",
    send: bool = False,
    json: Json = False,
) -> int:
    """Write a message with text, HTML, images and files; send it, or print it.

    Parameters
    ----------
    sender
        Who writes it: ann@unige.ch, or "Ann Vogel <ann@unige.ch>".
    to
        Who gets it; several are possible.
    subject
        Its subject, in any script.
    text
        A file with its text; "-" reads it from standard input.
    html
        A file with the same in HTML; cid:logo.png in it shows the --inline image logo.png.
    attach
        A file that comes along; several are possible.
    inline
        An image that the HTML shows; several are possible.
    out
        Write the message into this file.
    send
        Hand it in at its sender's mail host, and show the way it took.
    """
    draft = Draft(
        sender,
        tuple(to),
        subject,
        _text(text) if text else "",
        _text(html) if html else "",
        tuple(_file(name) for name in attach or ()),
        tuple(_file(name) for name in inline or ()),
    )
    octets = written(draft, rng=Random(sha256(repr(draft).encode()).hexdigest()))
    if out:
        _save(out, octets)
    if send:
        return hand_in(_bare(sender), [_bare(one) for one in to], octets.decode("latin-1"), json=json)
    _tell(octets, out, json)
    return 0


def _bare(address: str) -> str:
    """The address alone: `Ann <ann@unige.ch>` is ann@unige.ch to SMTP."""
    return address.rpartition("<")[2].rstrip("> ")


def _text(name: str) -> str:
    octets = _read(name)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise WrongUse(f"{name} is no text in UTF-8", remedy=f"As a file:  --attach {name}", code="W012") from None


def _file(name: str) -> Attachment:
    # A table of its own: the machine's would make the octets depend on where they are written.
    kind, packing = MimeTypes().guess_type(name)
    return Attachment(Path(name).name, _read(name), kind if kind and not packing else "application/octet-stream")


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).expanduser().read_bytes()
    except OSError as error:
        raise WrongUse(f"{name} cannot be read: {(error.strerror or '').lower()}", code="W014") from None


def _save(out: str, octets: bytes) -> None:
    try:
        Path(out).expanduser().write_bytes(octets)
    except OSError as error:
        raise unwritable(out, error) from None


def _tell(octets: bytes, out: str, json: bool) -> None:
    """Where the message is; the message itself where it is nowhere else."""
    if json:
        emit({"out": out, "size": len(octets), "message": octets.decode("latin-1")})
    elif out:
        show(
            [plain(f" {out} has the message, {len(octets):,} octets.      lab send --from A --to B --file {out}")]
        )
    else:
        print(octets.decode("utf-8", "replace").replace("\r\n", "\n"), end="")
