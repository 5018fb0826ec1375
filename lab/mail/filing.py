"""The files of one folder and their numbers: a Maildir (tmp, new, cur) and its journal `uids`, kept in step.

The rule: everything is a line first. A change is written into the journal, then applied from there, by the same
code that applies what another process wrote; between `locked()` and its end nobody else changes a thing, and
nothing waits. No change is durable yet: that is for who knows when to answer (`maildir`).

What programs and people do with the files by hand is found at the next `look`: a new name is a message that gets
its number, a name that went away takes its number with it, and the letters behind ":2," are flags.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from lab.fabric.disk import Disk
from lab.mail import journal
from lab.mail.folders import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Change, Entry
from lab.mail.journal import Filed, State

_LETTERS = {"D": DRAFT, "F": FLAGGED, "P": "$Forwarded", "R": ANSWERED, "S": SEEN, "T": DELETED}
_LETTER_OF = {flag.lower(): letter for letter, flag in _LETTERS.items()}
_CHANGES = {"+": Change.ADDED, "=": Change.FLAGGED, "-": Change.EXPUNGED, "x": Change.EXPUNGED}
_OURS = re.compile(r"\d+\.(Q[^.]+R[0-9a-f]{8})\.")


class Filing:
    """`folder` on `disk`; `validity` gives a new folder its UIDVALIDITY; processes lock the file `lock`."""

    __slots__ = (
        "_disk",
        "_flag_sets",
        "_index",
        "_is_stale",
        "_lines",
        "_lock",
        "_now",
        "_read_to",
        "_stamps",
        "changes",
        "entries",
        "folder",
        "is_lost",
        "octets",
        "paths",
        "state",
    )

    def __init__(
        self, disk: Disk, folder: str, lock: str, now: Callable[[], datetime], validity: Callable[[], int]
    ) -> None:
        self._disk = disk
        self.folder = folder
        self._lock = lock
        self._now = now
        self.state = State()
        self.entries: dict[int, Entry] = {}
        self.paths: dict[int, str] = {}
        """uid → where its file is in the Maildir: "cur/1767600060.…:2,S"."""
        self.changes: list[tuple[Change, int]] = []
        self._is_stale = False
        """Other processes have done more than the paths tell."""
        self.is_lost = False
        """Somebody else removed the whole folder."""
        self.octets = 0
        """What its messages take together."""
        self._index: dict[str, int] = {}
        self._flag_sets: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}
        self._lines = self._read_to = 0
        self._stamps: tuple[int | None, int | None] = (None, None)
        with disk.lock(lock):
            self._load(validity)
            self._look()
        self.changes.clear()

    @property
    def uids(self) -> str:
        return f"{self.folder}/uids"

    @property
    def overgrown(self) -> bool:
        """Whether the journal says much that counts no more."""
        return self._lines > 1_000 + 4 * len(self.state.filed)

    def find(self, name: str) -> int | None:
        """The UID of a delivery key, or of a name without flags."""
        uid = self._index.get(name)
        return uid if uid in self.state.filed else None

    def path(self, uid: int) -> str:
        """The message's file on the disk; KeyError: it is gone."""
        return f"{self.folder}/{self.paths[uid]}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the folder, and knowing what others did to it. Nothing may wait inside."""
        with self._disk.lock(self._lock):
            self.catch_up()
            if self._is_stale:
                self._look()
            yield

    def make_sure(self, uids: Iterable[int]) -> None:
        """Look, if one of these files is not where it should be: a hand may have been at work a moment ago."""
        if not all(self._is_at(self.path(uid)) for uid in uids if uid in self.state.filed):
            self._look()

    # -- changes, each within `locked` -----------------------------------------------------------------------

    def arrive(self, part: str, filed: Filed) -> int:
        """Number a complete file that lies at `part`, and put it into its place."""
        self._commit(_arrival_lines(filed))
        self._place(filed)
        self._disk.rename(part, self.path(filed.uid))
        return filed.uid

    def flag(self, wanted: Iterable[tuple[int, Iterable[str]]]) -> list[int]:
        """Give messages these flags; the UIDs of those that had others. What lay in `new` moves to `cur`. A full
        disk is no hindrance to flags that stand in a file's name: they are found there, and mail can be read and
        deleted to make room. Keywords stand in the journal alone."""
        news = [filed for uid, flags in wanted if (filed := self._reflagged(uid, flags)) is not None]
        in_names = all(filed.keywords == self.state.filed[filed.uid].keywords for filed in news)
        self._commit([journal.flagged(filed) for filed in news], although_full=in_names)
        for filed in news:
            self._rename(filed)
        return [filed.uid for filed in news]

    def remove(self, uids: Iterable[int]) -> dict[int, str]:
        """Remove messages; those that were there, with their paths. A full disk is no hindrance."""
        uids = list(uids)
        self.make_sure(uids)
        there = {uid: self.path(uid) for uid in uids if uid in self.state.filed}
        for path in there.values():
            self._disk.remove(path)
        modseq = self.state.modseq + 1
        self._commit([journal.removed(uid, modseq) for uid in there], although_full=True)
        return there

    def let_go(self, uids: Iterable[int]) -> None:
        """Forget messages whose files have gone elsewhere."""
        modseq = self.state.modseq + 1
        self._commit([journal.vanished(uid, modseq) for uid in uids], although_full=True)

    def forget_all(self) -> None:
        """The folder is gone, and everything in it."""
        for uid, entry in list(self.entries.items()):
            self._forget(uid, entry)
        self.state.filed.clear()

    def look(self) -> None:
        """Take notice of what others did; next to nothing when they did nothing."""
        if self._is_current():
            return
        with self.locked():
            self._look()

    def glance_again(self) -> None:
        """A file was not where it should be: look, whatever the folder's times say."""
        self._stamps = (None, None)
        self.look()

    def catch_up(self) -> None:
        """Read what other processes wrote into the journal since we last did."""
        if not self._has_grown():
            return
        self._is_stale = True
        try:
            octets = self._disk.read(self.uids)
        except FileNotFoundError:
            self._restore()
            return
        head = journal.head_of(octets)
        if head is not None and head.generation == self.state.generation and len(octets) > self._read_to:
            self._take_in(octets[self._read_to :])
        else:
            self._reload()

    # -- writing the journal anew ----------------------------------------------------------------------------

    def draft(self) -> int:
        """Write what the journal amounts to beside it; up to where this holds."""
        self._disk.write(f"{self.uids}.new", journal.written_anew(self.state))
        return self._read_to

    def adopt(self, up_to: int) -> bool:
        """Put the draft in the journal's place, unless more has been written meanwhile."""
        if self._read_to != up_to:
            return False
        self._disk.rename(f"{self.uids}.new", self.uids)
        self.state.generation += 1
        self._read_to = self._disk.size(self.uids)
        self._lines = len(self.state.filed)
        return True

    # -- within ----------------------------------------------------------------------------------------------

    def _load(self, validity: Callable[[], int]) -> None:
        known = self._read_all()
        if known is None:
            self.state = State(validity())
            self._disk.write(self.uids, self.state.head.encode())
            _begin(self._disk, self.folder)
        self._settle()

    def _read_all(self) -> State | None:
        try:
            octets = self._disk.read(self.uids)
        except FileNotFoundError:
            return None
        if not octets.endswith(b"\n"):
            self._disk.append(self.uids, journal.TORN)
            octets += journal.TORN
        known = journal.read_journal(octets)
        if known is not None:
            self.state = known
            self._lines, self._read_to = octets.count(b"\n"), len(octets)
        return known

    def _settle(self) -> None:
        """From the state as read, all that follows from it."""
        self._read_to = self._disk.size(self.uids)
        gone = self.state.removed
        for name, path in self._files():
            if name in gone:
                self._disk.remove(f"{self.folder}/{path}")
        gone.clear()
        self.entries = {uid: self._entry(filed) for uid, filed in self.state.filed.items()}
        self._index = {_index_of(filed.name): uid for uid, filed in self.state.filed.items()}
        self.octets = sum(entry.size for entry in self.entries.values())
        self._stamps = (None, None)

    def _reload(self) -> None:
        """Another process wrote the journal anew."""
        before = self.entries
        if self._read_all() is None:
            return
        self._settle()
        self.changes += [(Change.EXPUNGED, uid) for uid in before if uid not in self.entries]
        self.changes += [(Change.ADDED, uid) for uid in self.entries if uid not in before]
        self.changes += [
            (Change.FLAGGED, uid) for uid, was in before.items() if self.entries.get(uid, was).flags != was.flags
        ]

    def _restore(self) -> None:
        """A hand removed the journal. What it said is known here, unless the whole folder went."""
        if self._disk.list(self.folder):
            self._disk.write(self.uids, journal.written_anew(self.state))
            self.state.generation += 1
            self._read_to = self._disk.size(self.uids)
        else:
            self.is_lost = True
            self.forget_all()

    def _commit(self, lines: list[str], *, although_full: bool = False) -> None:
        octets = "".join(lines).encode("utf-8", "surrogateescape")
        try:
            if lines:
                self._disk.append(self.uids, octets)
                self._read_to += len(octets)
        except OSError as error:
            if not although_full or error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        for line in lines:
            self._take(line[:-1])

    def _take_in(self, octets: bytes) -> None:
        lines = list(journal.whole_lines(octets))
        self._read_to += octets.rfind(b"\n") + 1
        for line in lines:
            self._take(line)

    def _take(self, line: str) -> None:
        self._lines += 1
        uid = self.state.take(line)
        before, filed = self.entries.get(uid), self.state.filed.get(uid)
        if filed is not None:
            self.entries[uid] = entry = self._entry(filed)
            self._index[_index_of(filed.name)] = uid
            self.octets += entry.size - (before.size if before else 0)
            if self.changes[-1:] != [(Change.ADDED, uid)]:
                self.changes.append((_CHANGES[line[0]], uid))
        elif before is not None:
            self._forget(uid, before)
        self.state.removed.clear()

    def _forget(self, uid: int, entry: Entry) -> None:
        del self.entries[uid]
        self.paths.pop(uid, None)
        self.octets -= entry.size
        self.changes.append((Change.EXPUNGED, uid))

    def _entry(self, filed: Filed) -> Entry:
        kinds = (filed.letters, filed.keywords)
        flags = self._flag_sets.get(kinds)
        if flags is None:
            words = (*(_LETTERS[sign] for sign in filed.letters if sign in _LETTERS), *filed.keywords)
            flags = self._flag_sets[kinds] = frozenset(words)
        return Entry(filed.uid, filed.size, flags, datetime.fromtimestamp(filed.received, UTC), filed.modseq)

    def _reflagged(self, uid: int, flags: Iterable[str]) -> Filed | None:
        """The message with these flags; None when it is gone, or has them."""
        filed = self.state.filed.get(uid)
        if filed is None:
            return None
        letters, keywords = self.split(flags)
        letters = "".join(sorted({*letters, *(sign for sign in filed.letters if sign not in _LETTERS)}))
        if (letters, keywords) == (filed.letters, filed.keywords):
            return None
        modseq = self.state.modseq + 1
        return Filed(uid, modseq, filed.received, filed.size, filed.name, letters, keywords)

    def split(self, flags: Iterable[str]) -> tuple[str, tuple[str, ...]]:
        """(letters for the file's name, keywords), each in order; \\Recent is nobody's to set."""
        words = {flag.lower(): flag for flag in flags if flag.lower() != "\\recent"}
        letters = "".join(sorted(_LETTER_OF[word] for word in words if word in _LETTER_OF))
        return letters, tuple(words[word] for word in sorted(words) if word not in _LETTER_OF)

    def _rename(self, filed: Filed) -> None:
        old = self.path(filed.uid)
        self._place(filed)
        with suppress(FileNotFoundError):  # a hand was quicker; the next look finds what it did
            self._disk.rename(old, self.path(filed.uid))

    def _place(self, filed: Filed) -> None:
        """Where its file belongs: `new` holds what was never flagged."""
        is_new = self.paths.get(filed.uid, "new/").startswith("new/") and not (filed.letters or filed.keywords)
        self.paths[filed.uid] = f"new/{filed.name}" if is_new else f"cur/{filed.name}:2,{filed.letters}"

    # -- what the files say ----------------------------------------------------------------------------------

    def _is_current(self) -> bool:
        stamps = self._stamp()
        return None not in stamps and stamps == self._stamps and not self._has_grown() and not self._is_stale

    def _is_at(self, path: str) -> bool:
        try:
            return self._disk.size(path) >= 0
        except FileNotFoundError:
            return False

    def _has_grown(self) -> bool:
        if self._disk.folder is None:
            return False
        try:
            return self._disk.size(self.uids) != self._read_to
        except FileNotFoundError:
            return True

    def _stamp(self) -> tuple[int | None, int | None]:
        return self._disk.stamp(f"{self.folder}/new"), self._disk.stamp(f"{self.folder}/cur")

    def _look(self) -> None:
        if self.is_lost:
            return
        self._is_stale = False
        stamps = self._stamp()
        found = dict(self._files())
        missing = [uid for uid, filed in self.state.filed.items() if filed.name not in found]
        if missing:
            found |= dict(self._files())  # one that was renamed meanwhile may have been passed over
            missing = [uid for uid in missing if self.state.filed[uid].name not in found]
        try:
            self._take_notice(found, missing)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return  # what cannot be written down is not noticed yet
        self._stamps = stamps

    def _take_notice(self, found: dict[str, str], missing: list[int]) -> None:
        before = self._read_to
        modseq = self.state.modseq + 1
        self._commit([journal.vanished(uid, modseq) for uid in missing])
        changed = [
            Filed(filed.uid, modseq, filed.received, filed.size, filed.name, letters, filed.keywords)
            for filed in self.state.filed.values()
            if (letters := _letters(found[filed.name])) != filed.letters
        ]
        self._commit([journal.flagged(filed) for filed in changed])
        for name in sorted(name for name in found if self.find(_index_of(name)) is None):
            self._commit(_arrival_lines(self._found(name, found[name])))
        self.paths = {uid: found[filed.name] for uid, filed in self.state.filed.items()}
        if self._read_to != before:
            self._disk.sync_now(self.uids)  # it is told as soon as this returns

    def _found(self, name: str, path: str) -> Filed:
        size = self._disk.size(f"{self.folder}/{path}")
        received = _arrival(name) or int(self._now().timestamp())
        return Filed(self.state.uidnext, self.state.modseq + 1, received, size, name, _letters(path))

    def _files(self) -> Iterator[tuple[str, str]]:
        """(name without flags, path in the Maildir)."""
        for place in ("cur", "new"):
            for file in self._disk.list(f"{self.folder}/{place}"):
                if not file.startswith("."):
                    yield file.partition(":")[0], f"{place}/{file}"


def _arrival_lines(filed: Filed) -> list[str]:
    lines = [journal.arrived(filed)]
    return [*lines, journal.flagged(filed)] if filed.letters or filed.keywords else lines


def _begin(disk: Disk, folder: str) -> None:
    """Programs know a Maildir by its folder `cur`."""
    disk.write(f"{folder}/cur/.begin", b"")
    disk.remove(f"{folder}/cur/.begin")


def _letters(path: str) -> str:
    return "".join(sorted(set(path.partition(":2,")[2]))) if ":2," in path else ""


def _index_of(name: str) -> str:
    """Our files are known by their delivery, which a repeated one shares; others by their whole name."""
    found = _OURS.match(name)
    return found[1] if found else name


def _arrival(name: str) -> int:
    """Maildir names begin with the second of arrival; 0 when this one does not."""
    seconds = name.partition(".")[0]
    return int(seconds) if seconds.isascii() and seconds.isdigit() and 9 <= len(seconds) <= 10 else 0
