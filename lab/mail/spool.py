"""The spool: the queue's memory on the disk, an append-only journal in segments.

The rule: what `commit` has returned from survives a power cut, all of it or nothing of it. A transaction takes
messages in (a bounce) and ends recipients (of the message that bounced) in one record, so that no crash can
keep the one and lose the other.

    segment   spool/00000001.log …     records, then perhaps a torn tail, which recovery drops
    record    length, CRC-32, then     length of the head, head (JSON), the octets of the messages taken in

A segment goes when all before it are gone and nothing in it is alive: an end may not vanish before the message
that it ends. When the dead outweigh the living, those of the oldest segment are carried forward.

SQLite was measured too (50,700 messages a second where 100 sessions share a commit); it cannot lose its power in
a simulation, so the journal stands on the host's own disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from struct import Struct
from typing import Any
from zlib import crc32

from lab.fabric.disk import Disk
from lab.mail.envelope import Envelope, Recipient
from lab.names import EmailAddress

SEGMENT = 1 << 20
"""Octets after which the next segment begins. A body is read back a segment at a time."""
YOUNG = 4 << 20
"""Octets of bodies kept in memory: most messages are delivered long before they need to be read back."""
_FRAME = Struct(">II")
_HEAD = Struct(">I")
_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in the spool. `arrived`: POSIX time; `open`: which recipients wait; `warned`: warnings sent."""

    id: str
    envelope: Envelope
    arrived: float
    size: int
    open: tuple[int, ...]
    parent: str = ""
    warned: int = 0


@dataclass(frozen=True, slots=True)
class Transaction:
    """`takes`: messages with their octets; `ends`: (queue_id, recipients); `warns`: whose sender was warned."""

    takes: Sequence[tuple[Stored, bytes]] = ()
    ends: Sequence[tuple[str, Sequence[int]]] = ()
    warns: Sequence[str] = ()


@dataclass(slots=True)
class _Segment:
    path: str
    size: int = 0
    living: dict[str, None] = field(default_factory=dict)
    pending: int = 0
    """Transactions in it that are not on stable storage yet."""


@dataclass(slots=True)
class _Entry:
    """Where a living message is: its segment, and the offset of its octets in it."""

    stored: Stored
    open: set[int]
    warned: int
    segment: int
    offset: int


class Spool:
    """The journal of one host."""

    __slots__ = (
        "_carrying",
        "_current",
        "_entries",
        "_removed",
        "_segments",
        "_young",
        "_young_octets",
        "disk",
        "folder",
    )

    def __init__(self, disk: Disk, folder: str = "spool") -> None:
        self.disk = disk
        self.folder = folder
        self._segments: dict[int, _Segment] = {}
        self._entries: dict[str, _Entry] = {}
        self._young: dict[str, bytes] = {}
        self._young_octets = 0
        self._current = 0
        self._carrying = False
        self._removed = ""
        """The segment that was removed last, until that is durable."""

    # -- writing --------------------------------------------------------------------------------------------

    async def commit(self, transaction: Transaction) -> None:
        """Returns once the transaction is on stable storage. OSError: it is not, and nothing of it counts."""
        record, offsets = _record(transaction)
        number, start = self._append(record)
        await self._settle(number)
        self._apply(transaction, number, [start + offset for offset in offsets])
        for stored, octets in transaction.takes:
            self._keep_young(stored.id, octets)
        await self._tidy()

    def _append(self, record: bytes) -> tuple[int, int]:
        """Which segment took it, and where. After a failure the segment is left alone: its tail may be torn."""
        segment = self._segment()
        number, start = self._current, segment.size
        try:
            self.disk.append(segment.path, record)
        except OSError:
            self._current = 0
            raise
        segment.size += len(record)
        return number, start

    async def _settle(self, number: int) -> None:
        segment, removed = self._segments[number], self._removed
        segment.pending += 1
        try:
            await self.disk.sync(segment.path, names=[removed] if removed else ())
        except OSError:
            self._current = 0
            raise
        finally:
            segment.pending -= 1
        if removed == self._removed:
            self._removed = ""

    def _segment(self) -> _Segment:
        segment = self._segments.get(self._current)
        if segment is None or segment.size >= SEGMENT:
            self._current = max(self._segments, default=0) + 1
            segment = self._segments[self._current] = _Segment(f"{self.folder}/{self._current:08}.log")
        return segment

    def _apply(self, transaction: Transaction, number: int, offsets: Sequence[int]) -> None:
        for (stored, _), offset in zip(transaction.takes, offsets, strict=True):
            self._forget(stored.id)
            self._entries[stored.id] = _Entry(stored, set(stored.open), stored.warned, number, offset)
            self._segments[number].living[stored.id] = None
        for queue_id in transaction.warns:
            if queue_id in self._entries:
                self._entries[queue_id].warned += 1
        for queue_id, recipients in transaction.ends:
            self._end(queue_id, recipients)

    def _end(self, queue_id: str, recipients: Sequence[int]) -> None:
        entry = self._entries.get(queue_id)
        if entry is not None:
            entry.open.difference_update(recipients)
            if not entry.open:
                self._forget(queue_id)
                self._young_octets -= len(self._young.pop(queue_id, b""))

    def _forget(self, queue_id: str) -> None:
        entry = self._entries.pop(queue_id, None)
        if entry is not None:
            self._segments[entry.segment].living.pop(queue_id, None)

    # -- reading --------------------------------------------------------------------------------------------

    def octets(self, queue_id: str) -> bytes:
        """A living message's octets. KeyError when it is not alive."""
        young = self._young.get(queue_id)
        if young is not None:
            return young
        entry = self._entries[queue_id]
        whole = self.disk.read(self._segments[entry.segment].path)
        return whole[entry.offset : entry.offset + entry.stored.size]

    def _keep_young(self, queue_id: str, octets: bytes) -> None:
        if queue_id not in self._entries:
            return
        self._young[queue_id] = octets
        self._young_octets += len(octets)
        while self._young_octets > YOUNG:
            oldest = next(iter(self._young))
            self._young_octets -= len(self._young.pop(oldest))

    @property
    def living(self) -> list[Stored]:
        """Every message that still has open recipients, oldest first."""
        stored = [_present(entry) for entry in self._entries.values()]
        return sorted(stored, key=lambda one: (one.arrived, one.id))

    def recover(self) -> list[Stored]:
        """Read what is there, once, before the first commit. What was accepted is back; torn tails are not."""
        for name in self.disk.list(self.folder):
            stem, _, kind = name.partition(".")
            if kind == "log" and stem.isdigit():
                self._replay(int(stem), f"{self.folder}/{name}")
        return self.living

    def _replay(self, number: int, path: str) -> None:
        octets = self.disk.read(path)
        self._segments[number] = _Segment(path, len(octets))
        for start, record in _records(octets):
            transaction, offsets = _read(record)
            self._apply(transaction, number, [start + offset for offset in offsets])

    # -- keeping it small -----------------------------------------------------------------------------------

    async def _tidy(self) -> None:
        """One segment at a time: a later commit's sync makes its end durable before another one goes. What the
        disk refuses here fails nobody: what was to be committed is."""
        oldest = min(self._segments)
        segment = self._segments[oldest]
        if oldest == self._current or segment.pending:
            return
        with suppress(OSError):
            if not segment.living:
                self._remove(oldest)
            elif not self._carrying and self._is_wasteful():
                await self._carry_forward(oldest)

    def _remove(self, number: int) -> None:
        if not self._removed:
            self.disk.remove(self._segments[number].path)
            self._removed = self._segments.pop(number).path

    def _is_wasteful(self) -> bool:
        """Mostly dead, and nothing under way: a copy must not stand behind an end that it does not know."""
        if len(self._segments) < 8 or any(segment.pending for segment in self._segments.values()):
            return False
        total = sum(segment.size for segment in self._segments.values())
        alive = sum(entry.stored.size for entry in self._entries.values())
        return total > 4 * alive + 4 * SEGMENT

    async def _carry_forward(self, number: int) -> None:
        living = list(self._segments[number].living)
        record, offsets = _record(
            Transaction([(_present(self._entries[one]), self.octets(one)) for one in living])
        )
        target, start = self._append(record)
        self._carrying = True
        try:
            await self._settle(target)
        finally:
            self._carrying = False
        for queue_id, offset in zip(living, offsets, strict=True):
            self._move(queue_id, number, target, start + offset)

    def _move(self, queue_id: str, source: int, target: int, offset: int) -> None:
        """What ended while the copy was written stays ended: its end stands behind the copy."""
        entry = self._entries.get(queue_id)
        if entry is not None and entry.segment == source:
            self._segments[source].living.pop(queue_id, None)
            entry.segment, entry.offset = target, offset
            self._segments[target].living[queue_id] = None


def _present(entry: _Entry) -> Stored:
    stored = entry.stored
    recipients = tuple(sorted(entry.open))
    return Stored(stored.id, stored.envelope, stored.arrived, stored.size, recipients, stored.parent, entry.warned)


# -- the record's form ------------------------------------------------------------------------------------


def _record(transaction: Transaction) -> tuple[bytes, list[int]]:
    """The octets of a record, and where in it the octets of each message taken begin."""
    form: dict[str, Any] = {}
    if transaction.takes:
        form["takes"] = [_form(stored) for stored, _ in transaction.takes]
    if transaction.ends:
        form["ends"] = [(queue_id, tuple(recipients)) for queue_id, recipients in transaction.ends]
    if transaction.warns:
        form["warns"] = transaction.warns
    head = _JSON.encode(form).encode()
    body = b"".join([_HEAD.pack(len(head)), head, *(octets for _, octets in transaction.takes)])
    offsets, offset = [], _FRAME.size + _HEAD.size + len(head)
    for stored, _ in transaction.takes:
        offsets.append(offset)
        offset += stored.size
    return _FRAME.pack(len(body), crc32(body)) + body, offsets


def _records(octets: bytes) -> Iterable[tuple[int, memoryview]]:
    """(offset of the record, its body) until the end or the first that is torn."""
    view, start = memoryview(octets), 0
    while start + _FRAME.size <= len(octets):
        length, check = _FRAME.unpack_from(octets, start)
        body = view[start + _FRAME.size : start + _FRAME.size + length]
        if len(body) < max(length, _HEAD.size) or crc32(body) != check:
            return
        yield start, body
        start += _FRAME.size + length


def _read(body: memoryview) -> tuple[Transaction, list[int]]:
    (size,) = _HEAD.unpack_from(body)
    form = json.loads(bytes(body[_HEAD.size : _HEAD.size + size]))
    takes = [_stored(one) for one in form.get("takes", ())]
    offsets, offset = [], _FRAME.size + _HEAD.size + size
    for stored in takes:
        offsets.append(offset)
        offset += stored.size
    ends = [(queue_id, tuple(recipients)) for queue_id, recipients in form.get("ends", ())]
    return Transaction([(stored, b"") for stored in takes], ends, form.get("warns", ())), offsets


def _form(stored: Stored) -> dict[str, Any]:
    envelope = stored.envelope
    form: dict[str, Any] = {
        "id": stored.id,
        "from": envelope.sender,
        "to": [_recipient_form(recipient) for recipient in envelope.recipients],
        "at": stored.arrived,
        "size": stored.size,
    }
    if len(stored.open) != len(envelope.recipients):
        form["open"] = stored.open
    rare = {
        "parent": stored.parent,
        "warned": stored.warned,
        "ret": envelope.ret,
        "envid": envelope.envid,
        "eight_bit": envelope.eight_bit,
        "smtputf8": envelope.smtputf8,
    }
    return form | {key: value for key, value in rare.items() if value}


def _recipient_form(recipient: Recipient) -> str | list[Any]:
    if recipient.notify or recipient.original:
        return [recipient.address, sorted(recipient.notify), recipient.original]
    return recipient.address


def _stored(form: dict[str, Any]) -> Stored:
    envelope = Envelope(
        EmailAddress(form["from"]) if form["from"] is not None else None,
        tuple(_recipient(one) for one in form["to"]),
        form.get("ret", ""),
        form.get("envid", ""),
        form.get("eight_bit", False),
        form.get("smtputf8", False),
    )
    recipients = tuple(form.get("open", range(len(envelope.recipients))))
    parent, warned = form.get("parent", ""), form.get("warned", 0)
    return Stored(form["id"], envelope, form["at"], form["size"], recipients, parent, warned)


def _recipient(form: str | list[Any]) -> Recipient:
    if isinstance(form, str):
        return Recipient(EmailAddress(form))
    address, notify, original = form
    return Recipient(EmailAddress(address), frozenset(notify), original)
