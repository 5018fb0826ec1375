"""A host's disk: the little of a file system that mail needs, with a promise about what survives.

The rule: nothing is durable before `sync` has returned. What a program may rely on is what POSIX gives it:
`rename` is atomic, data written but not synced may be lost or torn when the power goes.

Paths are relative, with slashes: "spool/00000001.log", "mail/ed/new/1.2.mail". Folders appear by themselves.

Two kinds: `MemoryDisk` (sim), which knows what was synced and can lose the rest in a `power_cut`, and
`folder_disk.FolderDisk` (local), a folder of the machine.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from typing import Protocol

from lab.fabric.stack import problem


class Disk(Protocol):
    """OSError (ENOSPC for a full disk, ENOENT for no such file) is what a failure looks like, on every fabric."""

    folder: Path | None
    """Where a person finds it on the machine; None in memory."""
    full: bool
    """A fault: what adds octets fails with ENOSPC."""

    def read(self, path: str, start: int = 0, size: int = -1) -> bytes:
        """The file's octets from `start` on, at most `size` of them where it is given."""

    def write(self, path: str, octets: bytes) -> None:
        """Make the file, or put new content in the place of the old."""

    def append(self, path: str, octets: bytes) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def remove(self, path: str) -> None:
        """No complaint when it is not there."""

    def move_folder(self, old: str, new: str) -> Sequence[str]:
        """Give a folder and all in it another name; the names to `sync`."""

    def remove_folder(self, folder: str) -> Sequence[str]:
        """Remove a folder and all in it; the names to `sync`."""

    def list(self, folder: str) -> list[str]:
        """The names in a folder, sorted; empty when there is no such folder."""

    def size(self, path: str) -> int: ...

    def stamp(self, folder: str) -> int | None:
        """A number that another one follows when a name in the folder comes, goes or changes; None when it is too
        soon to tell."""

    def lock(self, path: str) -> AbstractContextManager[object]:
        """Keep other processes out meanwhile. Never wait for anything inside: one's own process would stop."""

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        """Return once these files, and their names in their folders, are on stable storage; of `names` only that
        they are there (after a rename), or are not (after a removal); of `contents` only the octets: their names
        are known to be there, or do not matter yet. Calls that wait at the same time share one trip to the disk
        (group commit)."""

    def sync_now(self, *paths: str) -> None:
        """The same, while everything waits: for what is rare and told at once."""

    def abandoned(self, chance: Random | None = None) -> Disk:
        """The disk that is there after a crash at this moment: whoever still holds this one changes nothing any
        more. `chance`: the power went, and what was not synced may have gone with it (where
        `Capability.POWER_CUT` is)."""


class _File:
    """Content in pieces, so that a journal grows without being copied; `synced` octets of it are safe."""

    __slots__ = ("durable_as", "pieces", "size", "synced")

    def __init__(self, octets: bytes, synced: int = 0) -> None:
        self.pieces = [octets]
        self.size = len(octets)
        self.synced = synced
        self.durable_as = ""
        """The name under which stable storage knows it."""

    def append(self, octets: bytes) -> None:
        self.pieces.append(octets)
        self.size += len(octets)

    def copy(self) -> _File:
        file = _File(b"", self.synced)
        file.pieces, file.size, file.durable_as = list(self.pieces), self.size, self.durable_as
        return file

    def content(self) -> bytes:
        if len(self.pieces) > 1:
            self.pieces = [b"".join(self.pieces)]
        return self.pieces[0]


class _Names(dict[str, None]):
    """The names in a folder, and at which of the disk's changes they last changed."""

    __slots__ = ("changed",)
    changed: int


class MemoryDisk:
    """A disk that never leaves the process, and still knows what a power cut would leave of it."""

    __slots__ = ("_changes", "_durable", "_files", "_folders", "folder", "full", "trip")

    def __init__(self) -> None:
        self.trip: Callable[[], float] | None = None
        """How many seconds the next trip to the platter takes, while others go on writing; None: it takes none."""
        self._files: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}
        """The names that are on stable storage, and which file each of them meant then."""
        self._folders: dict[str, _Names] = {}
        self._changes = 0
        self.folder: Path | None = None
        self.full = False

    def read(self, path: str, start: int = 0, size: int = -1) -> bytes:
        content = self._file(path).content()
        return content[start:] if size < 0 else content[start : start + size]

    def size(self, path: str) -> int:
        return self._file(path).size

    def write(self, path: str, octets: bytes) -> None:
        self._require_room()
        self._name(path, _File(octets))

    def append(self, path: str, octets: bytes) -> None:
        self._require_room()
        file = self._files.get(path)
        if file is None:
            self._name(path, _File(octets))
        else:
            file.append(octets)

    def rename(self, old: str, new: str) -> None:
        file = self._file(old)
        self.remove(old)
        self._name(new, file)

    def remove(self, path: str) -> None:
        if self._files.pop(path, None) is not None:
            self._leave(path)

    def _leave(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        names = self._folders[folder]
        del names[name]
        self._changes += 1
        names.changed = self._changes
        if not names:
            del self._folders[folder]
            if folder:
                self._leave(folder)

    def move_folder(self, old: str, new: str) -> Sequence[str]:
        there = [(path, new + path[len(old) :]) for path in self._below(old)]
        for before, after in there:
            self.rename(before, after)
        return [path for pair in there for path in pair]

    def remove_folder(self, folder: str) -> Sequence[str]:
        there = self._below(folder)
        for path in there:
            self.remove(path)
        return there

    def _below(self, folder: str) -> Sequence[str]:
        return [path for path in self._files if path.startswith(folder + "/")]

    def list(self, folder: str) -> list[str]:
        return sorted(self._folders.get(folder.strip("/"), ()))

    def stamp(self, folder: str) -> int | None:
        names = self._folders.get(folder.strip("/"))
        return 0 if names is None else names.changed

    def lock(self, path: str) -> AbstractContextManager[object]:
        return nullcontext()

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        if self.trip is not None:
            await self._travel(self.trip(), (*paths, *contents), (*paths, *names))
            return
        self.sync_now(*paths)
        for path in contents:
            self._settle_content(path)
        for name in names:
            self._settle_name(name)

    async def _travel(self, seconds: float, contents: Sequence[str], names: Sequence[str]) -> None:
        """What is safe behind it is what was written when it began; what the files were called at its end."""
        files = [(path, file, file.size) for path in contents if (file := self._files.get(path)) is not None]
        await asyncio.sleep(seconds)
        for path, file, size in files:
            if self._files.get(path) is file:
                file.synced = max(file.synced, size)
        for name in names:
            self._settle_name(name)

    def sync_now(self, *paths: str) -> None:
        for path in paths:
            self._settle_content(path)
            self._settle_name(path)

    def _settle_content(self, path: str) -> None:
        if (file := self._files.get(path)) is not None:
            file.synced = file.size

    def _settle_name(self, path: str) -> None:
        file = self._files.get(path)
        if file is None:
            # A name that went away is synced with its folder.
            self._durable.pop(path, None)
        else:
            self._settle(path, file)

    def abandoned(self, chance: Random | None = None) -> MemoryDisk:
        disk = MemoryDisk()
        copies = {id(file): file.copy() for file in (*self._files.values(), *self._durable.values())}
        for path, file in self._files.items():
            disk._name(path, copies[id(file)])
        disk._durable = {path: copies[id(file)] for path, file in self._durable.items()}
        disk.full, disk.trip = self.full, self.trip
        if chance is not None:
            disk.power_cut(chance)
        return disk

    def power_cut(self, rng: Random) -> None:
        """Fall back to what is on stable storage. Of the rest chance decides: a write, rename or removal that was
        never synced happened or not, and the end of a file may be missing."""
        names = dict(self._durable)
        living = {id(file) for file in self._files.values()}
        for path, file in self._durable.items():
            if id(file) not in living and path not in self._files and rng.random() < 0.5:
                del names[path]
        for path, file in self._files.items():
            if self._durable.get(path) is not file and rng.random() < 0.5:
                self._rename_in(names, path, file)
        self._files, self._folders, self._durable = {}, {}, {}
        for path, file in names.items():
            kept = file.content()[: rng.randint(file.synced, file.size)]
            self._name(path, _File(kept, synced=len(kept)))
            self._settle(path, self._files[path])

    @staticmethod
    def _rename_in(names: dict[str, _File], path: str, file: _File) -> None:
        if names.get(file.durable_as) is file:
            del names[file.durable_as]
        names[path] = file

    def _settle(self, path: str, file: _File) -> None:
        if file.durable_as != path:
            self._rename_in(self._durable, path, file)
            file.durable_as = path
        self._durable[path] = file

    def _file(self, path: str) -> _File:
        try:
            return self._files[path]
        except KeyError:
            raise problem(errno.ENOENT, path) from None

    def _name(self, path: str, file: _File) -> None:
        if path not in self._files:
            self._enter(path)
        self._files[path] = file

    def _enter(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        names = self._folders.get(folder)
        if names is None:
            names = self._folders[folder] = _Names()
            if folder:
                self._enter(folder)  # one that is there already has something in it: those above know it
        names[name] = None
        self._changes += 1
        names.changed = self._changes

    def _require_room(self) -> None:
        if self.full:
            raise problem(errno.ENOSPC)
