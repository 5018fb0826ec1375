r"""The mbox form of a mailbox: what a Unix user sees who types `cat /var/mail/ed` (RFC 4155, mboxrd quoting).

The rule: a view, never the store. Lines end in LF, a line that begins with any number of `>` and `From ` gets one
`>` more (so that it can be undone), each message ends in an empty line.

>>> text = to_mbox("ann@unige.ch", datetime(2026, 1, 5, 8, 0), b"Subject: hi\r\n\r\nFrom here on\r\n")
>>> print(text.decode(), end="")
From ann@unige.ch Mon Jan  5 08:00:00 2026
Subject: hi
<BLANKLINE>
>From here on
<BLANKLINE>
"""

from __future__ import annotations

import re
from datetime import datetime

_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RETURN_PATH = re.compile(rb"Return-Path:[ \t]*<([^>\r\n]*)>", re.IGNORECASE)


def to_mbox(sender: str, at: datetime, octets: bytes) -> bytes:
    """One message; `sender` '' is the null return path, written MAILER-DAEMON as everyone does."""
    text = _FROM.sub(rb">\1", octets.replace(b"\r\n", b"\n"))
    end = b"" if text.endswith(b"\n") else b"\n"
    return f"From {sender or 'MAILER-DAEMON'} {_ctime(at)}\n".encode() + text + end + b"\n"


def return_path_of(octets: bytes) -> str:
    """The sender that final delivery wrote on top."""
    found = _RETURN_PATH.match(octets)
    return found[1].decode("utf-8", "replace") if found else ""


def _ctime(at: datetime) -> str:
    """C's asctime, which follows no locale here."""
    return f"{_DAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:2} {at:%H:%M:%S} {at.year}"
