"""`/var/mail/ed`: INBOX as one text, kept in step with the Maildir while somebody can look at it.

The rule: the Maildir counts, this follows. A message that comes is added at the end at once; when one goes, or a
hand has been at work, the whole text is written anew a moment later, once for all that went meanwhile.
"""

from __future__ import annotations

import asyncio

from lab.fabric.disk import Disk
from lab.mail.folders import Change, Entry
from lab.mail.maildir import Maildir
from lab.wire.mbox import return_path_of, to_mbox

_MOMENT = 0.1
"""Seconds: a client that empties its mailbox makes the text be written once."""


class MboxView:
    """The text of `inbox` in `file`, from the first change on."""

    __slots__ = ("_disk", "_file", "_inbox", "_leave", "_timer", "_upto")

    def __init__(self, disk: Disk, file: str, inbox: Maildir) -> None:
        self._disk = disk
        self._file = file
        self._inbox = inbox
        self._upto = -1
        """The last UID the text has; -1: nobody knows what it has."""
        self._timer: asyncio.TimerHandle | None = None
        self._leave = inbox.watch(self._notice)

    def close(self) -> None:
        """The text stays as it is."""
        self._leave()
        if self._timer is not None:
            self._timer.cancel()

    def _notice(self, change: Change, uid: int) -> None:
        if change is Change.ADDED and self._upto >= 0 and uid > self._upto:
            self._add(uid)
        elif change is not Change.FLAGGED:
            self._write_soon()

    def _add(self, uid: int) -> None:
        entry = self._inbox.entry(uid)
        if entry is not None:
            self._disk.append(self._file, _as_mbox(self._inbox, entry))
            self._upto = uid

    def _write_soon(self) -> None:
        if self._upto < 0:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_MOMENT, self._write)

    def _write(self) -> None:
        self._timer = None
        self._disk.write(self._file, as_mbox(self._inbox))
        self._upto = self._inbox.uidnext - 1


def as_mbox(folder: Maildir) -> bytes:
    return b"".join(_as_mbox(folder, entry) for entry in folder.entries())


def _as_mbox(folder: Maildir, entry: Entry) -> bytes:
    octets = folder.octets(entry.uid)
    return to_mbox(return_path_of(octets), entry.received, octets)
