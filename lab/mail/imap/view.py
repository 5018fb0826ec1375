"""A mailbox as one IMAP session sees it: which message has which sequence number, and what it has yet to be told.

The rule: sequence numbers change only when the client hears of it (RFC 9051 §7.5.1): a message that others
removed keeps its number until EXPUNGE may be said, and new ones get theirs with EXISTS. A view costs four octets
a message.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from lab.mail.folders import Change, Entry, Folder
from lab.values import dataclass
from lab.wire.imap.sets import NumberSet
from lab.wire.imap.writer import flag_list

RECENT = "\\Recent"
_uid = attrgetter("uid")


@dataclass(frozen=True, slots=True)
class Telling:
    """How news are told: `expunges`, whether EXPUNGE may be said now; which data go with changed flags."""

    expunges: bool = True
    uid: bool = False
    modseq: bool = False
    rev2: bool = False


class View:
    """`changed` is called when there are news; `recent_from`: UIDs from here on are recent in this session."""

    __slots__ = (
        "_changed",
        "_dirty",
        "_gone",
        "_grown",
        "_leave",
        "folder",
        "read_only",
        "recent_from",
        "uids",
    )

    def __init__(self, folder: Folder, read_only: bool, recent_from: int, changed: Callable[[], None]) -> None:
        self.folder = folder
        self.read_only = read_only
        self.recent_from = recent_from
        self.uids = array("I", map(_uid, folder.entries()))
        """Sequence number n is at n - 1."""
        self._dirty: dict[int, None] = {}
        self._gone: dict[int, None] = {}
        self._grown = False
        self._changed = changed
        self._leave = folder.watch(self._saw)

    def close(self) -> None:
        self._leave()

    # -- which messages --------------------------------------------------------------------------------------

    def number(self, uid: int) -> int:
        """The sequence number of a UID in the view."""
        return bisect_left(self.uids, uid) + 1

    def knows(self, uid: int) -> bool:
        at = bisect_left(self.uids, uid)
        return at < len(self.uids) and self.uids[at] == uid

    def picked(self, numbers: NumberSet, by_uid: bool, saved: Sequence[int]) -> list[int]:
        """UIDs, ascending. A UID that there is none of is passed over (RFC 9051 §6.4.9); IndexError for a sequence
        number that there is none of."""
        if numbers.saved:
            return [uid for uid in saved if self.knows(uid)]
        if by_uid:
            return numbers.among(self.uids)
        count = len(self.uids)
        if numbers.highest(count) > count or not count:
            raise IndexError(count)
        return [self.uids[number - 1] for number in numbers.among(range(1, count + 1))]

    def entry(self, uid: int) -> Entry | None:
        """None: it is gone, though this session may not know yet."""
        return entry_of(self.folder.entries(), uid)

    def entries(self, uids: Sequence[int]) -> list[Entry]:
        """Those of the messages that are still there."""
        there = self.folder.entries()
        if len(uids) * 16 < len(there):
            return [entry for uid in uids if (entry := entry_of(there, uid)) is not None]
        known: Mapping[int, Entry] = {entry.uid: entry for entry in there}
        return [known[uid] for uid in uids if uid in known]

    def flags(self, entry: Entry) -> bytes:
        recent = {RECENT} if entry.uid >= self.recent_from else frozenset()
        return flag_list(entry.flags | recent)

    # -- news ------------------------------------------------------------------------------------------------

    def _saw(self, change: Change, uid: int) -> None:
        if change is Change.ADDED:
            self._grown = True
        elif change is Change.FLAGGED:
            self._dirty[uid] = None
        else:
            self._gone[uid] = None
        self._changed()

    def tell_flags(self, uids: Iterable[int]) -> None:
        """The client is to hear of these messages' flags."""
        self._dirty.update(dict.fromkeys(uids))

    def hush(self, uids: Iterable[int]) -> None:
        """The client knows these flags already."""
        for uid in uids:
            self._dirty.pop(uid, None)

    def news(self, telling: Telling) -> Iterator[bytes]:
        """What has changed since the client last heard, as untagged responses."""
        if telling.expunges and self._gone:
            yield from self._expunged()
        if self._grown:
            yield from self._grew(telling.rev2)
        if self._dirty:
            yield from self._flagged(telling)

    def _expunged(self) -> Iterator[bytes]:
        gone, self._gone = self._gone, {}
        for uid in sorted(gone, reverse=True):  # from the end, so that the numbers before it stay
            self._dirty.pop(uid, None)
            if self.knows(uid):
                number = self.number(uid)
                del self.uids[number - 1]
                yield b"* %d EXPUNGE\r\n" % number

    def _grew(self, rev2: bool) -> Iterator[bytes]:
        self._grown = False
        before, last = len(self.uids), self.uids[-1] if self.uids else 0
        entries = self.folder.entries()
        self.uids.extend(entry.uid for entry in entries[bisect_left(entries, last + 1, key=_uid) :])
        if len(self.uids) > before:
            yield b"* %d EXISTS\r\n" % len(self.uids)
            if not rev2:
                yield b"* %d RECENT\r\n" % self.recent

    @property
    def recent(self) -> int:
        return len(self.uids) - bisect_left(self.uids, self.recent_from)

    def _flagged(self, telling: Telling) -> Iterator[bytes]:
        dirty, self._dirty = sorted(self._dirty), {}
        for entry in self.entries(dirty):
            if self.knows(entry.uid):
                uid = b"UID %d " % entry.uid if telling.uid else b""
                modseq = b" MODSEQ (%d)" % entry.modseq if telling.modseq else b""
                yield b"* %d FETCH (%bFLAGS %b%b)\r\n" % (
                    self.number(entry.uid),
                    uid,
                    self.flags(entry),
                    modseq,
                )


def entry_of(entries: Sequence[Entry], uid: int) -> Entry | None:
    """The entry of a UID among ascending ones."""
    at = bisect_left(entries, uid, key=_uid)
    return entries[at] if at < len(entries) and entries[at].uid == uid else None
