"""One mailbox on disk, as a Maildir: tmp, new, cur, and beside them the file `uids`.

The rule: a message is in `new` only when it is whole and durable (tmp → sync → rename → sync), under a name that
its queue_id and recipient determine: a delivery that a crash made the queue repeat finds the first one there.

What programs and people put into new/ or cur/ by hand is found at the next look. `uids` gives every message a
number that is never used again, and the mailbox its UIDVALIDITY (RFC 3501 §2.3.1.1); a line it lost in a crash
had been told to nobody, so the message simply gets its number again.

    uids:   uidvalidity 1767600000
            1 1767600060 1767600060.Q90bcR1f0e2d3c.mail.belgiannews.com
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zlib import crc32

from lab.fabric.disk import Disk
from lab.names import DomainName, EmailAddress
from lab.wire.received import read_heading

_OURS = re.compile(r"\d+\.(Q[^.]+R[0-9a-f]{8})\.")
_FLAGS = {"D": "draft", "F": "flagged", "P": "passed", "R": "answered", "S": "seen", "T": "deleted"}


@dataclass(slots=True)
class Filed:
    """A message's entry: its number, its arrival in seconds since 1970, its name without flags."""

    uid: int
    received: int
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a list of mail shows it. `size` in octets, line ends as CR LF; `flags` in words."""

    uid: int
    file: str
    size: int
    flags: tuple[str, ...]
    received: datetime
    author: str
    subject: str


def delivery_key(queue_id: str, recipient: EmailAddress) -> str:
    """What makes a delivery the same delivery when it is repeated."""
    return f"Q{queue_id.replace('.', '-').replace('/', '-')}R{crc32(recipient.folded.encode()):08x}"


class Maildir:
    """`folder` on `disk`; `now` is the host's clock."""

    __slots__ = ("_disk", "_filed", "_folder", "_host", "_next", "_now", "_summaries", "uidvalidity")

    def __init__(self, disk: Disk, folder: str, host: DomainName, now: Callable[[], datetime]) -> None:
        self._disk = disk
        self._folder = folder
        self._host = host
        self._now = now
        self._filed: dict[str, Filed] = {}
        self._summaries: dict[int, tuple[int, str, str]] = {}
        self._next = 1
        self.uidvalidity = 0
        self._load()

    async def deliver(self, octets: bytes, key: str) -> int:
        """Put a message into `new`, once for a key however often it is asked; its UID."""
        filed = self._filed.get(key) or await self._put(octets, key)
        await self._disk.sync(f"{self._folder}/new/{filed.name}", self._uids)
        return filed.uid

    async def _put(self, octets: bytes, key: str) -> Filed:
        at = self._seconds()
        name, part = f"{at}.{key}.{self._host}", f"{self._folder}/tmp/{key}.{self._host}"
        self._disk.write(part, octets)
        await self._disk.sync(part)
        self._disk.rename(part, f"{self._folder}/new/{name}")
        return self._file(name, at)

    def messages(self) -> list[Message]:
        """Every message, by UID."""
        self.look()
        files = dict(self._files())
        return [self._message(filed, files[filed.name]) for filed in self._filed.values()]

    def read(self, uid: int) -> bytes:
        """A message's octets; KeyError when it is not there."""
        self.look()
        files = dict(self._files())
        for filed in self._filed.values():
            if filed.uid == uid:
                return self._disk.read(f"{self._folder}/{files[filed.name]}")
        raise KeyError(uid)

    def look(self) -> None:
        """Number what has appeared, forget what is gone."""
        names = sorted(name for name, _ in self._files())
        for name in names:
            if _index(name) not in self._filed:
                self._file(name, _arrival(name) or self._seconds())
        if len(names) < len(self._filed):
            there = {_index(name) for name in names}
            self._filed = {index: filed for index, filed in self._filed.items() if index in there}

    # -- what the disk holds ---------------------------------------------------------------------------------

    @property
    def _uids(self) -> str:
        return f"{self._folder}/uids"

    def _seconds(self) -> int:
        return int(self._now().timestamp())

    def _files(self) -> Iterator[tuple[str, str]]:
        """(name without flags, path in the Maildir), oldest name first."""
        for place in ("cur", "new"):
            for file in self._disk.list(f"{self._folder}/{place}"):
                if not file.startswith("."):
                    yield file.partition(":")[0], f"{place}/{file}"

    def _file(self, name: str, received: int) -> Filed:
        filed = Filed(self._next, received, name)
        self._next += 1
        self._filed[_index(name)] = filed
        self._disk.append(self._uids, _line(filed).encode())
        return filed

    def _load(self) -> None:
        lines = self._known_lines()
        self.uidvalidity = _number(lines[0], "uidvalidity") if lines else 0
        if not self.uidvalidity:
            self._begin()
        there = {name for name, _ in self._files()}
        for line in lines[1:]:
            filed = _read_line(line)
            if filed is None:
                continue
            self._next = max(self._next, filed.uid + 1)
            if filed.name in there:
                self._filed[_index(filed.name)] = filed
        self.look()

    def _known_lines(self) -> list[str]:
        """The lines of `uids`. A torn last line is ended, so that the next one begins afresh."""
        try:
            text = self._disk.read(self._uids).decode("utf-8", "replace")
        except FileNotFoundError:
            return []
        if not text.endswith("\n"):
            self._disk.append(self._uids, b"\n")
        return text.splitlines()

    def _begin(self) -> None:
        """A new mailbox. Programs know a Maildir by its folder `cur`."""
        self.uidvalidity = max(1, self._seconds())
        self._disk.write(self._uids, f"uidvalidity {self.uidvalidity}\n".encode())
        self._disk.write(f"{self._folder}/cur/.begin", b"")
        self._disk.remove(f"{self._folder}/cur/.begin")

    def _message(self, filed: Filed, path: str) -> Message:
        file = f"{self._folder}/{path}"
        size, author, subject = self._summaries.get(filed.uid) or self._summary(filed.uid, file)
        flags = tuple(_FLAGS[sign] for sign in path.partition(":2,")[2] if sign in _FLAGS)
        received = datetime.fromtimestamp(filed.received, UTC)
        return Message(filed.uid, file, size, flags, received, author, subject)

    def _summary(self, uid: int, file: str) -> tuple[int, str, str]:
        octets = self._disk.read(file)
        heading = read_heading(octets)
        self._summaries[uid] = summary = (len(octets), heading.author, heading.subject)
        return summary


def _index(name: str) -> str:
    """Our files are known by their delivery, which a repeated one shares; others by their whole name."""
    found = _OURS.match(name)
    return found[1] if found else name


def _arrival(name: str) -> int:
    """Maildir names begin with the second of arrival; 0 when this one does not."""
    seconds = name.partition(".")[0]
    return int(seconds) if seconds.isascii() and seconds.isdigit() and 9 <= len(seconds) <= 10 else 0


def _line(filed: Filed) -> str:
    return f"{filed.uid} {filed.received} {filed.name}\n"


def _read_line(line: str) -> Filed | None:
    uid, _, rest = line.partition(" ")
    received, _, name = rest.partition(" ")
    return Filed(int(uid), int(received), name) if uid.isdecimal() and received.isdecimal() and name else None


def _number(line: str, word: str) -> int:
    key, _, value = line.partition(" ")
    return int(value) if key == word and value.isdecimal() else 0
