"""`lab send`: a message goes out, and the way it took comes back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lab.cli.journey import show_journey
from lab.cli.reading import Json
from lab.cli.screen import emit
from lab.control.client import ask
from lab.errors import WrongUse

_FAILED = ("bounced", "refused")


def send(
    *,
    sender: Annotated[str, Parameter(name="--from")],
    to: list[str],
    subject: str = "",
    body: str = "",
    file: str = "",
    via: str = "",
    json: Json = False,
) -> int:
    """Hand a message in at its sender's mail host, and show the way it took.

    Exit status 1 when it came back or was not taken.

    Parameters
    ----------
    sender
        Who sends it; "<>" is the null sender of bounces (name the host too:  --via).
    to
        Who gets it; several are possible.
    subject
        Its subject.
    body
        Its text.
    file
        A whole message, headers and all, instead; "-" reads it from standard input.
    via
        The host where it is handed in, instead of the sender's own.
    """
    message = _read(file) if file else ""
    return hand_in(sender, to, message, subject=subject, body=body, via=via, json=json)


def hand_in(sender: str, to: list[str], message: str, *, json: bool, **about: str) -> int:
    """Send it, and show the way it took."""
    form = ask("send", **{"from": sender}, to=to, message=message, **about)
    if json:
        emit(form)
    else:
        show_journey(form)
    return 1 if form["state"] in _FAILED else 0


def _read(file: str) -> str:
    """A message's octets, each as the character of its number. Its lines end in CRLF, as SMTP has them."""
    try:
        octets = sys.stdin.buffer.read() if file == "-" else Path(file).expanduser().read_bytes()
    except OSError as error:
        why = (error.strerror or "").lower()
        raise WrongUse(f"the message in {file} cannot be read: {why}", code="W014") from None
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").decode("latin-1")
