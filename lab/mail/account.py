"""Everything that one person keeps on a mail host: INBOX and the folders beside it, as Maildir++
(`folders.Account`).

The rule: a folder is there when its files are; a folder `.Archive.2026` that a hand made is as good as one that a
client created. INBOX is the Maildir itself. What files cannot say stands in three small ones: `subscriptions`, a
name a line; `special-use`, `\\Sent Sent` a line; `uidvalidities`, every one that was ever given, so that none is
given twice, not even to a folder of a name that was used before (RFC 3501 §2.3.1.1).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

from lab.events import Event, FolderRenamed, MailExpunged
from lab.mail.folder_names import INBOX, folder_name, from_file_name, parents, to_file_name
from lab.mail.folders import FolderError, Listed
from lab.mail.maildir import Maildir, Place
from lab.mail.part_store import PartStore
from lab.names import EmailAddress
from lab.wire.mime import MessageIndex

_VALIDITY = re.compile("[0-9]{1,9}|[123][0-9]{9}")
SPECIAL = ("\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
"""What a folder can be for (RFC 6154 §2); \\All is no folder here."""


class MailAccount:
    """`root` is its Maildir on the disk; `quota` tells how many octets it may hold now, 0: any number."""

    __slots__ = ("_changing", "_is_closed", "_open", "_parts", "_place", "_quota", "_root", "address", "lock")

    def __init__(self, place: Place, root: str, address: EmailAddress, quota: Callable[[], int]) -> None:
        self._place = place
        self._root = root
        self._quota = quota
        self._open: dict[str, Maildir] = {}
        self._changing: asyncio.Lock | None = None
        self._is_closed = False
        self._parts: PartStore | None = None
        self.address = address
        self.lock = f"{root}/uids.lock"

    @property
    def quota(self) -> int:
        return self._quota()

    @property
    def inbox(self) -> Maildir:
        return self.open(INBOX)

    def list(self) -> Sequence[Listed]:
        there = self._names()
        names = sorted({*there, *(above for name in there for above in parents(name))} - {INBOX})
        subscribed, special = self._subscribed(), self._special()
        return [
            Listed(
                name,
                name in subscribed,
                any(other.startswith(f"{name}/") for other in there),
                special.get(name, ""),
                name in there,
            )
            for name in (INBOX, *names)
        ]

    def subscriptions(self) -> Sequence[str]:
        """Every name subscribed to, whether there is such a folder (any more) or not (RFC 3501 §6.3.9)."""
        return sorted(self._subscribed())

    def open(self, name: str) -> Maildir:
        name = folder_name(name)
        folder = self._open.get(name)
        if folder is None or folder.gone:
            self._require()
            if not self._is_there(name):
                raise _nonexistent(name)
            folder = self._open[name] = self._maildir(name)
        return folder

    async def create(self, name: str, special: str = "") -> None:
        name = folder_name(name)
        if special and special not in SPECIAL:
            raise FolderError("USEATTR", f"no folder here is for {special}")
        async with self._alone:
            if self._is_there(name):
                raise FolderError("ALREADYEXISTS", f"there is a folder {name} already")
            for one in (*parents(name), name):
                await self._make(one)
            if special:
                await self._note("special-use", {**self._special(), name: special})

    async def delete(self, name: str) -> None:
        name = folder_name(name)
        if name == INBOX:
            raise FolderError("CANNOT", "INBOX cannot be deleted")
        async with self._alone:
            if not self._is_there(name):
                if self._below(name):
                    raise FolderError("HASCHILDREN", f"{name} is no folder itself, only the place of others")
                raise _nonexistent(name)
            folder = self.open(name)
            uids = tuple(entry.uid for entry in folder.entries())
            gone = self._place.disk.remove_folder(self._path(name))
            self._open.pop(name).vanish()
            await self._place.disk.sync(names=gone)
            if uids:
                self.tell(MailExpunged(self.address, uids, name))
            await self._note("special-use", {one: use for one, use in self._special().items() if one != name})

    async def rename(self, old: str, new: str) -> None:
        old, new = folder_name(old), folder_name(new)
        if old == INBOX:
            return await self._empty_inbox(new)
        if new == old or new.startswith(f"{old}/"):
            raise FolderError("CANNOT", f"{old} cannot be moved into itself")
        async with self._alone:
            moves = [
                (one, new + one[len(old) :]) for one in self._names() if one == old or one.startswith(f"{old}/")
            ]
            if not moves:
                raise _nonexistent(old)
            for _, after in moves:
                if self._is_there(folder_name(after)):
                    raise FolderError("ALREADYEXISTS", f"there is a folder {after} already")
            for above in parents(new):
                await self._make(above)
            await self._move(moves)
        return None

    async def subscribe(self, name: str, wanted: bool) -> None:
        name = folder_name(name)
        async with self._alone:
            names = self._subscribed()
            if wanted:
                names[name] = ""
            else:
                names.pop(name, None)
            await self._note("subscriptions", names)

    def close(self) -> None:
        """Its owner leaves. Whoever has a folder open sees it empty, and opens no other; the files stay."""
        self._is_closed = True
        for folder in self._open.values():
            folder.vanish()
        self._open.clear()
        if self._parts is not None:
            self._parts.close()
            self._parts = None

    async def destroy(self) -> None:
        """The files go, of an account that is closed."""
        await self._place.disk.sync(names=self._place.disk.remove_folder(self._root))

    def usage(self) -> tuple[int, int]:
        folders = [self.open(name) for name in self._names()]
        return sum(folder.usage for folder in folders), sum(len(folder.entries()) for folder in folders)

    # -- what its folders share (`maildir.Shelf`) ------------------------------------------------------------

    def tell(self, event: Event) -> None:
        self._place.log(event)

    def room_for(self, octets: int) -> None:
        quota = self.quota
        if quota and (used := self.usage()[0]) + octets > quota:
            raise FolderError(
                "OVERQUOTA", f"the mailbox of {self.address} is full: {used} of {quota} octets are taken"
            )

    def validity(self) -> int:
        disk, file = self._place.disk, f"{self._root}/uidvalidities"
        given = [int(word) for word in self._lines("uidvalidities") if _VALIDITY.fullmatch(word)]
        value = max(int(self._place.now().timestamp()), *(one + 1 for one in given), 1)
        disk.append(file, f"{self._line_end(file)}{value}\n".encode())
        return value

    def _line_end(self, file: str) -> str:
        """What a line needs in front of it where a crash tore the one before."""
        try:
            return "" if self._place.disk.read(file).endswith(b"\n") else "\n"
        except FileNotFoundError:
            return ""

    def known_index(self, uidvalidity: int, uid: int) -> MessageIndex | None:
        return self._part_store.find(uidvalidity, uid)

    def keep_index(self, uidvalidity: int, uid: int, index: MessageIndex) -> None:
        self._part_store.keep(uidvalidity, uid, index)

    @property
    def _part_store(self) -> PartStore:
        if self._parts is None:
            folder = self._place.disk.folder
            self._parts = PartStore(folder / self._root / "index.sqlite" if folder is not None else None)
        return self._parts

    # -- within ----------------------------------------------------------------------------------------------

    @property
    def _alone(self) -> asyncio.Lock:
        """Folders come and go one change at a time."""
        self._require()
        if self._changing is None:
            self._changing = asyncio.Lock()
        return self._changing

    def _require(self) -> None:
        if self._is_closed:
            raise FolderError("UNAVAILABLE", f"{self.address} has no mailbox here any more")

    def _path(self, name: str) -> str:
        return self._root if name == INBOX else f"{self._root}/{to_file_name(name)}"

    def _maildir(self, name: str) -> Maildir:
        return Maildir(self._place, self._path(name), name, self)

    def _names(self) -> Sequence[str]:
        """The folders there are, INBOX first."""
        files = self._place.disk.list(self._root)
        names = [name for file in files if file.startswith(".") and (name := from_file_name(file)) is not None]
        return [INBOX, *(name for name in names if self._is_there(name))]

    def _is_there(self, name: str) -> bool:
        files = () if name == INBOX else self._place.disk.list(self._path(name))
        return name == INBOX or "uids" in files or "cur" in files or "maildirfolder" in files

    def _below(self, name: str) -> bool:
        return any(other.startswith(f"{name}/") for other in self._names())

    async def _make(self, name: str) -> None:
        if self._is_there(name):
            return
        mark = f"{self._path(name)}/maildirfolder"
        self._place.disk.write(mark, b"")  # Maildir++: by this file an agent knows that it is no account's own
        self._open[name] = folder = self._maildir(name)
        await self._place.disk.sync(
            mark, f"{folder.path}/uids", f"{self._root}/uidvalidities", names=[folder.path]
        )

    async def _move(self, moves: Sequence[tuple[str, str]]) -> None:
        names = [name for old, new in moves for name in self._move_one(old, new)]
        await self._place.disk.sync(names=names)
        after = dict(moves)
        for old, new in moves:
            self.tell(FolderRenamed(self.address, old, new))
        await self._note("special-use", {after.get(one, one): use for one, use in self._special().items()})

    def _move_one(self, old: str, new: str) -> Sequence[str]:
        names = self._place.disk.move_folder(self._path(old), self._path(new))
        if folder := self._open.pop(old, None):
            folder.moved_to(self._path(new), new)
            self._open[new] = folder
        return names

    async def _empty_inbox(self, new: str) -> None:
        """RFC 9051 §6.3.6: what is in INBOX moves to the new folder."""
        await self.create(new)
        inbox = self.inbox
        await inbox.move([entry.uid for entry in inbox.entries()], self.open(new))

    # -- the small files -------------------------------------------------------------------------------------

    def _subscribed(self) -> dict[str, str]:
        return dict.fromkeys(self._lines("subscriptions"), "")

    def _special(self) -> dict[str, str]:
        pairs = (line.partition(" ") for line in self._lines("special-use"))
        return {name: use for use, _, name in pairs if use in SPECIAL}

    def _lines(self, file: str) -> Sequence[str]:
        try:
            text = self._place.disk.read(f"{self._root}/{file}").decode("utf-8", "replace")
        except FileNotFoundError:
            return []
        return [line for line in text[: text.rfind("\n") + 1].splitlines() if line]

    async def _note(self, file: str, names: dict[str, str]) -> None:
        """Put a small file in the place of the old one, whole whenever the power goes."""
        disk, path = self._place.disk, f"{self._root}/{file}"
        lines = [f"{use} {name}\n" if use else f"{name}\n" for name, use in names.items()]
        if [line[:-1] for line in lines] != self._lines(file):
            disk.write(f"{path}.new", "".join(lines).encode())
            await disk.sync(f"{path}.new")
            disk.rename(f"{path}.new", path)
            await disk.sync(path)


def _nonexistent(name: str) -> FolderError:
    return FolderError("NONEXISTENT", f"there is no folder {name}")
