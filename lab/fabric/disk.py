"""A host's disk: the little of a file system that mail needs, with a promise about what survives.

The rule: nothing is durable before `sync` has returned. What a program may rely on is what POSIX gives it:
`rename` is atomic, data written but not synced may be lost or torn when the power goes.

Paths are relative, with slashes: "spool/00000001.log", "mail/ed/new/1.2.mail". Folders appear by themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """OSError (ENOSPC for a full disk, ENOENT for no such file) is what a failure looks like, on every fabric."""

    folder: Path | None
    """Where a person finds it on the machine; None in memory."""

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, octets: bytes) -> None:
        """Make the file, or put new content in the place of the old."""

    def append(self, path: str, octets: bytes) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def remove(self, path: str) -> None:
        """No complaint when it is not there."""

    def list(self, folder: str) -> list[str]:
        """The names in a folder, sorted; empty when there is no such folder."""

    def size(self, path: str) -> int: ...

    async def sync(self, *paths: str) -> None:
        """Return once these files, and their names in their folders, are on stable storage. Calls that wait at
        the same time share one trip to the disk (group commit)."""
