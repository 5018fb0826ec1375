"""A folder as a list of mail shows it: who wrote, what about, when, how large.

The rule: for people who look, not for protocols; headers are read as leniently as a server reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lab.mail.folders import Entry
from lab.mail.maildir import Maildir
from lab.values import dataclass
from lab.wire.received import read_author, read_heading

_WORDS = {
    "\\Draft": "draft",
    "\\Flagged": "flagged",
    "$Forwarded": "passed",
    "\\Answered": "answered",
    "\\Seen": "seen",
    "\\Deleted": "deleted",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A line of the list. `size` in octets as stored; `flags` in words."""

    uid: int
    file: str
    size: int
    flags: tuple[str, ...]
    received: datetime
    author: str
    subject: str


def messages(folder: Maildir) -> list[Message]:
    """Every message, by UID, once it has been looked at who else was there."""
    folder.look()
    return list(_messages(folder))


def _messages(folder: Maildir) -> Iterator[Message]:
    for entry in folder.entries():
        octets = folder.octets(entry.uid)
        yield Message(
            entry.uid,
            folder.file_of(entry.uid),
            entry.size,
            tuple(_worded(entry)),
            entry.received,
            read_author(octets),
            read_heading(octets).subject,
        )


def _worded(entry: Entry) -> Iterator[str]:
    """The system's flags first, as the letters of the file's name stand, then the client's own."""
    yield from (word for flag, word in _WORDS.items() if flag in entry.flags)
    yield from sorted(flag for flag in entry.flags if flag not in _WORDS)
