"""A folder of mail on disk, as a Maildir: what POP3, IMAP and the delivery agent see of it (`folders.Folder`).

The rule: a message is in `new` or `cur` only when it is whole and durable (tmp → sync → rename → sync), under a
name that its queue_id and recipient determine where it was delivered: a delivery that a crash made the queue
repeat finds the first one there. A message is shown, and its UID told, once both are durable; so no UID that
anybody has heard of ever means another message (RFC 3501 §2.3.1.1).

Calls that wait for the disk at the same time share one trip to it. A move within an account is one rename a
message: whenever the power goes, the message is in one of the two folders.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from zlib import crc32

from lab.events import Event, MailExpunged, MailMoved
from lab.fabric.disk import Disk
from lab.mail.filing import Filing
from lab.mail.folders import Entry, Folder, FolderError, Mode, Watcher
from lab.mail.journal import Filed
from lab.names import DomainName, EmailAddress
from lab.values import dataclass
from lab.wire import mime
from lab.wire.mime import MessageIndex


class Shelf(Protocol):
    """What the folders of one account share: where they lock, what they may hold, where part trees are kept."""

    lock: str
    address: EmailAddress

    def tell(self, event: Event) -> None:
        """What the owner did, to the log."""

    def room_for(self, octets: int) -> None:
        """FolderError OVERQUOTA when so much more is too much."""

    def validity(self) -> int:
        """A UIDVALIDITY that no folder of the account ever had."""

    def known_index(self, uidvalidity: int, uid: int) -> MessageIndex | None: ...

    def keep_index(self, uidvalidity: int, uid: int, index: MessageIndex) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account's folders are: the disk, the host that names the files, its clock and its log."""

    disk: Disk
    host: DomainName
    now: Callable[[], datetime]
    log: Callable[[Event], None]


def delivery_key(queue_id: str, recipient: EmailAddress) -> str:
    """What makes a delivery the same delivery when it is repeated."""
    return f"Q{queue_id.replace('.', '-').replace('/', '-')}R{crc32(recipient.folded.encode()):08x}"


class Maildir:
    """The folder `name` of an account, whose files are below `path`. `gone`: it has been deleted."""

    __slots__ = ("_arriving", "_filing", "_parts", "_place", "_shelf", "_shown", "_watchers", "gone", "name")

    def __init__(self, place: Place, path: str, name: str, shelf: Shelf) -> None:
        self._place = place
        self._shelf = shelf
        self._filing = Filing(place.disk, path, shelf.lock, place.now, shelf.validity)
        self._arriving: dict[int, None] = {}
        """UIDs that are given but not durable yet, ascending."""
        self._shown: tuple[Entry, ...] | None = None
        self._watchers: dict[object, Watcher] = {}
        self._parts = 0
        self.name = name
        self.gone = False

    @property
    def uidvalidity(self) -> int:
        return self._filing.state.uidvalidity

    @property
    def uidnext(self) -> int:
        return min(self._arriving, default=self._filing.state.uidnext)

    @property
    def highest_modseq(self) -> int:
        return self._filing.state.modseq

    @property
    def usage(self) -> int:
        """Octets of all its messages."""
        return self._filing.octets

    @property
    def path(self) -> str:
        return self._filing.folder

    def entries(self) -> Sequence[Entry]:
        self._tell()
        if self._shown is None:
            known, end = self._filing.entries, self.uidnext
            self._shown = tuple(entry for uid, entry in known.items() if uid < end)
        return self._shown

    def entry(self, uid: int) -> Entry | None:
        return self._filing.entries.get(uid)

    def look(self) -> None:
        if not self.gone:
            self._filing.look()
            self.gone = self._filing.is_lost
            self._tell()

    def octets(self, uid: int) -> bytes:
        try:
            return self._place.disk.read(self.file_of(uid))
        except FileNotFoundError:
            self._filing.glance_again()
            self._tell()
            return self._place.disk.read(self.file_of(uid))

    def index(self, uid: int) -> MessageIndex:
        if uid not in self._filing.entries:
            raise KeyError(uid)
        found = self._shelf.known_index(self.uidvalidity, uid)
        if found is None:
            found = mime.index(self.octets(uid))
            self._shelf.keep_index(self.uidvalidity, uid, found)
        return found

    def file_of(self, uid: int) -> str:
        """The message's file on the disk; KeyError: it is gone."""
        return self._filing.path(uid)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        key = object()
        self._watchers[key] = watcher
        return lambda: self._watchers.pop(key, None) and None

    # -- messages come ---------------------------------------------------------------------------------------

    async def deliver(self, octets: bytes, key: str) -> int:
        """Put a message into `new`, once for a key however often it is asked; its UID."""
        uid = self._filing.find(key)
        if uid is not None:
            await self._place.disk.sync(self._filing.uids, names=[self.file_of(uid)])
            return uid
        self._shelf.room_for(len(octets))
        part = f"{self.path}/tmp/{key}.{self._place.host}"
        await self._write({part: octets})
        at = int(self._place.now().timestamp())
        [uid] = await self._arrive([(part, Filed(0, 0, at, len(octets), f"{at}.{key}.{self._place.host}"))])
        return uid

    async def append(self, octets: bytes, flags: Iterable[str] = (), received: datetime | None = None) -> int:
        self._require()
        self._shelf.room_for(len(octets))
        letters, keywords = self._filing.split(flags)
        at = int((received or self._place.now()).timestamp())
        part = self._part()
        await self._write({part: octets})
        [uid] = await self._arrive([(part, Filed(0, 0, at, len(octets), "", letters, keywords))])
        return uid

    async def copy(self, uids: Sequence[int], to: Folder) -> Mapping[int, int]:
        there = _maildir(to)
        there._require()
        sources = self._sources(uids)
        self._shelf.room_for(sum(filed.size for filed in sources.values()))
        parts = {there._part(): uid for uid in sources}
        await there._write({part: self.octets(uid) for part, uid in parts.items()})
        copies = [(part, _unnamed(sources[uid])) for part, uid in parts.items()]
        return await self._told(dict(zip(sources, await there._arrive(copies), strict=True)), there, copied=True)

    async def move(self, uids: Sequence[int], to: Folder) -> Mapping[int, int]:
        there = _maildir(to)
        there._require()
        with self._filing.locked():
            there._filing.catch_up()
            self._filing.make_sure(uids)
            sources = self._sources(uids)
            left = [self.file_of(uid) for uid in sources]
            pairs = [(self.file_of(uid), _renumbered(filed)) for uid, filed in sources.items()]
            arrived = there._take_in(pairs)
            self._filing.let_go(sources)
        await there._settle(arrived, self._filing.uids, left)
        self._tell()
        return await self._told(dict(zip(sources, arrived, strict=True)), there)

    async def _told(self, pairs: dict[int, int], there: Maildir, copied: bool = False) -> dict[int, int]:
        if pairs:
            uids, arrived = tuple(pairs), tuple(pairs.values())
            self._shelf.tell(MailMoved(self._shelf.address, uids, self.name, there.name, arrived, copied))
            await self._tidy()
        return pairs

    # -- messages change and go ------------------------------------------------------------------------------

    async def store(self, uids: Iterable[int], mode: Mode, flags: Iterable[str]) -> None:
        given = frozenset(flags)
        with self._filing.locked():
            uids = list(uids)
            self._filing.make_sure(uids)
            entries = self._filing.entries
            left = {uid: self.file_of(uid) for uid in uids if uid in entries}
            changed = self._filing.flag([(uid, _after(entries[uid].flags, mode, given)) for uid in left])
            names = [path for uid in changed for path in (left[uid], self.file_of(uid))]
        if changed:
            await self._place.disk.sync(self._filing.uids, names=names)
            self._tell()
            await self._tidy()

    async def expunge(self, uids: Iterable[int]) -> None:
        with self._filing.locked():
            removed = self._filing.remove(uids)
        if removed:
            await self._place.disk.sync(self._filing.uids, names=removed.values())
            self._tell()
            self._shelf.tell(MailExpunged(self._shelf.address, tuple(removed), self.name))
            await self._tidy()

    def moved_to(self, path: str, name: str) -> None:
        """Its files lie elsewhere from now on."""
        self._filing.folder, self.name = path, name

    def vanish(self) -> None:
        """It has been deleted: whoever has it open sees every message go."""
        self.gone = True
        self._filing.forget_all()
        self._tell()

    # -- within ----------------------------------------------------------------------------------------------

    def _require(self) -> None:
        if self.gone:
            raise FolderError("NONEXISTENT", f"there is no folder {self.name} any more")

    def _sources(self, uids: Sequence[int]) -> dict[int, Filed]:
        filed = self._filing.state.filed
        return {uid: filed[uid] for uid in uids if uid in filed}

    def _part(self) -> str:
        """A name in tmp that no other program uses now."""
        self._parts += 1
        return f"{self.path}/tmp/{os.getpid()}.{self._parts}.{self._place.host}"

    async def _write(self, parts: Mapping[str, bytes]) -> None:
        """Complete files in tmp, durable; none of them when the disk has not room for all."""
        disk = self._place.disk
        try:
            for part, octets in parts.items():
                disk.write(part, octets)
            await disk.sync(contents=parts)  # their names in tmp are nobody's
        except OSError:
            for part in parts:
                disk.remove(part)
            raise

    async def _arrive(self, pairs: Iterable[tuple[str, Filed]]) -> list[int]:
        self._require()
        with self._filing.locked():
            uids = self._take_in(pairs)
        await self._settle(uids)
        return uids

    def _take_in(self, pairs: Iterable[tuple[str, Filed]]) -> list[int]:
        """Number files and put them into their places, within `locked`."""
        uids = [self._filing.arrive(part, self._numbered(filed)) for part, filed in pairs]
        self._arriving |= dict.fromkeys(uids)
        return uids

    def _numbered(self, filed: Filed) -> Filed:
        """A name made of UIDVALIDITY and UID is no other message's, wherever in the account it moves."""
        state = self._filing.state
        filed.uid, filed.modseq = state.uidnext, state.modseq + 1
        if not filed.name or self._filing.find(filed.name) is not None:
            filed.name = f"{filed.received}.V{state.uidvalidity}U{filed.uid}.{self._place.host}"
        return filed

    async def _settle(self, uids: Iterable[int], journal: str = "", left: Iterable[str] = ()) -> None:
        """Show messages once their files and numbers are durable, and so is what they left elsewhere."""
        names = [*left, *(self.file_of(uid) for uid in uids if uid in self._filing.paths)]
        try:
            await self._place.disk.sync(*filter(None, (self._filing.uids, journal)), names=names)
        finally:
            for uid in uids:
                self._arriving.pop(uid, None)
        self._tell()

    def _tell(self) -> None:
        """Hand what has happened to those who watch; arrivals once they can be shown, in the order of UIDs."""
        changes, end = self._filing.changes, self.uidnext
        if not changes:
            return
        self._shown = None
        now = [one for one in changes if one[1] < end]
        self._filing.changes[:] = [one for one in changes if one[1] >= end]
        for watcher in tuple(self._watchers.values()):
            for change, uid in now:
                watcher(change, uid)

    async def _tidy(self) -> None:
        """Write a journal anew that has grown far beyond what it says."""
        filing, disk = self._filing, self._place.disk
        if not filing.overgrown or self.gone:
            return
        with filing.locked():
            up_to = filing.draft()
        await disk.sync(f"{filing.uids}.new")
        with filing.locked():
            filing.adopt(up_to)
        await disk.sync(filing.uids)


def _maildir(folder: Folder) -> Maildir:
    assert isinstance(folder, Maildir), "folders of one account are of one kind"
    return folder


def _unnamed(filed: Filed) -> Filed:
    return Filed(0, 0, filed.received, filed.size, "", filed.letters, filed.keywords)


def _renumbered(filed: Filed) -> Filed:
    return Filed(0, 0, filed.received, filed.size, filed.name, filed.letters, filed.keywords)


def _after(flags: frozenset[str], mode: Mode, given: frozenset[str]) -> Iterator[str]:
    """The flags after a STORE. Flags are the same in any case; the spelling that came first stays."""
    spelled = {flag.lower(): flag for flag in flags}
    asked = {flag.lower(): flag for flag in sorted(given)}
    kept = {
        Mode.REPLACE: asked.keys(),
        Mode.ADD: spelled.keys() | asked.keys(),
        Mode.REMOVE: spelled.keys() - asked.keys(),
    }[mode]
    return (spelled.get(word, asked.get(word, word)) for word in sorted(kept))
