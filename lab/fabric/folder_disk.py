"""A host's disk as a folder of the machine, where a person can look with `ls` and `cat`.

The rule: `sync` returns when fsync has, of the files and of the folders that name them. Who asks while a trip to
the disk is under way joins the next one, so that a hundred sessions cost what a few do (group commit).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from lab.fabric.stack import problem

_TICK = 50_000_000
"""Nanoseconds: a file system's times are as coarse as its kernel's ticks (10 ms at most), so two changes may bear
the same one."""


class FolderDisk:
    """The files of one host below `folder`. `pool`: the threads that wait for the disk; else the loop's."""

    THREADS: ClassVar[int] = 16
    """So many wait for the disk at once; with more nothing goes faster (measured)."""

    __slots__ = ("_asked", "_pool", "_removed", "_trip", "folder", "full")

    def __init__(self, folder: Path, pool: Executor | None = None) -> None:
        self.folder: Path | None = folder
        self._pool = pool
        self._removed = 0
        self.full = False
        self._asked: dict[Path, None] = {}
        self._trip: asyncio.Task[None] | None = None

    def read(self, path: str, start: int = 0) -> bytes:
        with self._at(path).open("rb") as file:
            file.seek(start)
            return file.read()

    def size(self, path: str) -> int:
        return self._at(path).stat().st_size

    def write(self, path: str, octets: bytes) -> None:
        self._room_for(path).write_bytes(octets)

    def append(self, path: str, octets: bytes) -> None:
        with self._room_for(path).open("ab") as file:
            file.write(octets)

    def rename(self, old: str, new: str) -> None:
        target = self._at(new)
        self._make(target.parent)
        self._at(old).rename(target)

    def remove(self, path: str) -> None:
        if self._pool is None:
            self._at(path).unlink(missing_ok=True)
        else:
            self._remove_behind(self._at(path), self._pool)

    def move_folder(self, old: str, new: str) -> Sequence[str]:
        self.rename(old, new)
        return [old, new]

    def remove_folder(self, folder: str) -> Sequence[str]:
        shutil.rmtree(self._at(folder), ignore_errors=True)
        return [folder]

    def list(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._at(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def stamp(self, folder: str) -> int | None:
        try:
            changed = self._at(folder).stat().st_mtime_ns
        except FileNotFoundError:
            return 0
        return changed if time.time_ns() - changed > _TICK else None

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        number = os.open(self._room_for(path, even_if_full=True), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)

    async def sync(self, *paths: str, names: Iterable[str] = ()) -> None:
        for path in paths:
            place = self._at(path)
            self._asked[place] = self._asked[place.parent] = None
        for path in names:
            self._asked[self._at(path).parent] = None
        if self._trip is not None and not self._trip.done():
            # Under way already: it may have passed our files by. (One that is over, perhaps because its host
            # was unplugged, is nobody's concern any more.)
            await asyncio.shield(self._trip)
        if self._asked and (self._trip is None or self._trip.done()):
            self._trip = asyncio.ensure_future(self._go())
        if self._trip is not None:
            await asyncio.shield(self._trip)

    def sync_now(self, *paths: str) -> None:
        places = [self._at(path) for path in paths]
        _fsync([*places, *dict.fromkeys(place.parent for place in places), *self._asked])

    async def _go(self) -> None:
        """In several threads: a file system commits what is asked of it together in one go, and fsync of fifty
        files one after the other takes ten times as long (measured, ext4)."""
        places, self._asked = list(self._asked), {}
        loop = asyncio.get_running_loop()
        shares = [places[at :: self.THREADS] for at in range(min(self.THREADS, len(places)))]
        await asyncio.gather(*(loop.run_in_executor(self._pool, _fsync, share) for share in shares))

    def _remove_behind(self, place: Path, pool: Executor) -> None:
        """Out of the way at once, off the disk in a thread: to unlink a file that was synced takes milliseconds
        where the file system tells the device what it may forget (measured, ext4 with `discard`)."""
        self._removed += 1
        gone = self._room_for(f".gone/{os.getpid()}.{self._removed}", even_if_full=True)
        with suppress(FileNotFoundError):
            place.rename(gone)
            pool.submit(gone.unlink, missing_ok=True)

    def _at(self, path: str) -> Path:
        assert self.folder is not None
        return self.folder / path

    def _room_for(self, path: str, *, even_if_full: bool = False) -> Path:
        if self.full and not even_if_full:
            raise problem(errno.ENOSPC)
        place = self._at(path)
        self._make(place.parent)
        return place

    def _make(self, folder: Path) -> None:
        """A new folder is as durable as its name in the one above: the next trip to the disk sees to that."""
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            self._asked[folder.parent] = None


def _fsync(places: list[Path]) -> None:
    for place in places:
        try:
            number = os.open(place, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            os.fsync(number)
        finally:
            os.close(number)
