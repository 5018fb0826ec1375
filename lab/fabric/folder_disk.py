"""A host's disk as a folder of the machine, where a person can look with `ls` and `cat`.

The rule: `sync` returns when fsync has, of the files and of the folders that name them. Who asks while a trip to
the disk is under way joins the next one, so that a hundred sessions cost what a few do (group commit).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from lab.fabric.stack import problem

_TICK = 50_000_000
"""Nanoseconds: a file system's times are as coarse as its kernel's ticks (10 ms at most), so two changes may bear
the same one."""


class FolderDisk:
    """The files of one host below `folder`. `pool`: the threads that wait for the disk; else the loop's."""

    THREADS: ClassVar[int] = 16
    """So many wait for the disk at once; with more nothing goes faster (measured)."""

    __slots__ = ("_asked", "_dead", "_pool", "_removed", "_root", "_travels", "_waiting", "folder", "full")

    def __init__(self, folder: Path, pool: Executor | None = None) -> None:
        self.folder: Path | None = folder
        self._root = str(folder)  # what a Path costs is a good part of what a file does
        self._pool = pool
        self._removed = 0
        self._dead = False
        self.full = False
        self._asked: dict[str, None] = {}
        self._waiting: list[asyncio.Future[None]] = []
        """Who has asked for it, and goes along with the next trip to the disk."""
        self._travels = False

    def read(self, path: str, start: int = 0, size: int = -1) -> bytes:
        with open(self._at(path), "rb", buffering=0) as file:
            file.seek(start)
            return file.read(size)

    def size(self, path: str) -> int:
        return os.stat(self._at(path)).st_size

    def write(self, path: str, octets: bytes) -> None:
        self._put(path, os.O_TRUNC, octets)

    def append(self, path: str, octets: bytes) -> None:
        self._put(path, os.O_APPEND, octets)

    def _put(self, path: str, mode: int, octets: bytes) -> None:
        if self._dead:
            return
        if self.full:
            raise problem(errno.ENOSPC)
        number = self._opened(path, os.O_WRONLY | mode)
        try:
            while octets:
                octets = octets[os.write(number, octets) :]
        finally:
            os.close(number)

    def _opened(self, path: str, mode: int, rights: int = 0o666) -> int:
        place, mode = self._at(path), mode | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(place, mode, rights)
        except FileNotFoundError:
            self._make(os.path.dirname(place))
            return os.open(place, mode, rights)

    def rename(self, old: str, new: str) -> None:
        before, after = self._at(old), self._at(new)
        if self._dead:
            return
        try:
            os.rename(before, after)
        except FileNotFoundError:
            self._make(os.path.dirname(after))
            os.rename(before, after)

    def remove(self, path: str) -> None:
        if self._dead:
            return
        with suppress(FileNotFoundError):
            if self._pool is None:
                os.unlink(self._at(path))
            else:
                self._remove_behind(path, self._pool)

    def move_folder(self, old: str, new: str) -> Sequence[str]:
        self.rename(old, new)
        return [old, new]

    def remove_folder(self, folder: str) -> Sequence[str]:
        from shutil import rmtree

        if not self._dead:
            rmtree(self._at(folder), ignore_errors=True)
        return [folder]

    def list(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._at(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def stamp(self, folder: str) -> int | None:
        try:
            changed = os.stat(self._at(folder)).st_mtime_ns
        except FileNotFoundError:
            return 0
        return changed if time.time_ns() - changed > _TICK else None

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        number = self._opened(path, os.O_RDWR, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        for path in paths:
            place = self._at(path)
            self._asked[place] = self._asked[os.path.dirname(place)] = None
        for path in contents:
            self._asked[self._at(path)] = None
        for path in names:
            self._asked[os.path.dirname(self._at(path))] = None
        loop = asyncio.get_running_loop()
        back = loop.create_future()
        self._waiting.append(back)
        if not self._travels:
            self._travels = True
            loop.call_soon(self._go)
        await back

    def sync_now(self, *paths: str) -> None:
        places = [self._at(path) for path in paths]
        _fsync([*places, *dict.fromkeys(os.path.dirname(place) for place in places), *self._asked])

    def abandoned(self, chance: Random | None = None) -> FolderDisk:
        """What was written is the machine's kernel's by now, and no crash of a lab's host takes it away."""
        assert chance is None, "the power of this machine stays on"
        self._dead = True
        disk = FolderDisk(Path(self._root), self._pool)
        disk.full, disk._removed = self.full, self._removed
        return disk

    def _go(self) -> None:
        """In several threads: a file system commits what is asked of it together in one go, and fsync of fifty
        files one after the other takes ten times as long (measured, ext4)."""
        places, self._asked = list(self._asked), {}
        waiting, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        shares = [places[at :: self.THREADS] for at in range(min(self.THREADS, len(places)))]
        trip = asyncio.gather(*(loop.run_in_executor(self._pool, _fsync, share) for share in shares))
        trip.add_done_callback(partial(self._come_back, waiting))

    def _come_back(self, waiting: Sequence[asyncio.Future[None]], trip: asyncio.Future[Any]) -> None:
        error = trip.exception()
        for back in waiting:
            if back.done():
                continue  # its host was unplugged
            if error is None:
                back.set_result(None)
            else:
                back.set_exception(error)
        self._travels = bool(self._waiting)
        if self._travels:
            self._go()

    def _remove_behind(self, path: str, pool: Executor) -> None:
        """Out of the way at once, off the disk in a thread: to unlink a file that was synced takes milliseconds
        where the file system tells the device what it may forget (measured, ext4 with `discard`)."""
        self._removed += 1
        gone = f".gone/{os.getpid()}.{self._removed}"
        self.rename(path, gone)
        pool.submit(os.unlink, self._at(gone))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _make(self, folder: str) -> None:
        """A new folder is as durable as its name in the one above: the next trip to the disk sees to that."""
        if not os.path.isdir(folder):
            above = os.path.dirname(folder)
            self._make(above)
            with suppress(FileExistsError):
                os.mkdir(folder)
            self._asked[above] = None


def _fsync(places: Sequence[str]) -> None:
    for place in places:
        try:
            number = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            os.fsync(number)
        finally:
            os.close(number)
