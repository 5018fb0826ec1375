"""An account on a disk, without a host: what the tests of folders begin with."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from lab.events import Event
from lab.fabric.disk import Disk, MemoryDisk
from lab.mail.account import MailAccount
from lab.mail.folders import Entry, Folder
from lab.mail.maildir import Place
from lab.names import DomainName, EmailAddress

ROOT = "home/ed/Maildir"
ED = EmailAddress("ed@belgiannews.com")
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
HI = b"Subject: hi\r\n\r\nhello\r\n"


def account(disk: Disk | None = None, quota: int = 0, log: list[Event] | None = None) -> MailAccount:
    """Ed's, as a process finds it that begins now."""
    log = [] if log is None else log
    place = Place(disk or MemoryDisk(), DomainName("mail.belgiannews.com"), lambda: NOON, log.append)
    return MailAccount(place, ROOT, ED, lambda: quota)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def flags(folder: Folder) -> dict[int, str]:
    """uid → its flags, shortened: "Seen Work"."""
    return {entry.uid: _flags(entry) for entry in folder.entries()}


def _flags(entry: Entry) -> str:
    return " ".join(sorted(flag.removeprefix("\\") for flag in entry.flags))


def told(folder: Folder) -> tuple[list[tuple[str, int]], Callable[[], None]]:
    """What a watcher hears from now on, and how to be left alone."""
    heard: list[tuple[str, int]] = []
    return heard, folder.watch(lambda change, uid: heard.append((change.value, uid)))
