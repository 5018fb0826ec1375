"""The spool: the queue's memory on the disk, an append-only journal in segments.

The rule: what `commit` has returned from survives a power cut, all of it or nothing of it. A transaction takes
messages in (a bounce) and ends recipients (of the message that bounced) in one record, so that no crash can
keep the one and lose the other. One record is written at a time; who comes meanwhile shares the next one.

    segment   spool/00000001.log …     records, then perhaps a torn tail, which recovery drops
    record    length, CRC-32, then     length of the head, head (JSON), the octets of the messages taken in

A segment goes when all before it are gone and nothing in it is alive: an end may not vanish before the message
that it ends. When the dead outweigh the living, those of the oldest segment are carried forward.

SQLite was measured too (50,700 messages a second where 100 sessions share a commit); it cannot lose its power in
a simulation, so the journal stands on the host's own disk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple, field
from json.encoder import encode_basestring_ascii as _quoted
from struct import Struct
from typing import Any
from zlib import crc32

from lab.fabric.disk import Disk
from lab.mail.envelope import Envelope, Recipient
from lab.names import EmailAddress
from lab.values import dataclass, made_often

SEGMENT = 1 << 20
"""Octets after which the next segment begins. A body is read back a segment at a time."""
YOUNG = 4 << 20
"""Octets of bodies kept in memory: most messages are delivered long before they need to be read back."""
_FRAME = Struct(">II")
_HEAD = Struct(">I")
_RARE = ("open", "parent", "warned", "ret", "envid", "eight_bit", "smtputf8")
_NOTHING_RARE = (None, "", 0, "", "", False, False)
"""What is not written of a message's rarer properties."""


@made_often
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
class Failed:
    """Why recipients of a message ended without having it; `letter`: the queue_id of the bounce, "" for none."""

    queue_id: str
    recipients: tuple[str, ...]
    status: str
    reason: str
    row: str = ""
    letter: str = ""


@made_often
@dataclass(frozen=True, slots=True)
class Transaction:
    """`takes`: messages with their octets; `ends`: (queue_id, recipients); `warns`: whose sender was warned;
    `fails`: why some of the recipients ended."""

    takes: Sequence[tuple[Stored, bytes]] = ()
    ends: Sequence[tuple[str, Sequence[int]]] = ()
    warns: Sequence[str] = ()
    fails: Sequence[Failed] = ()


@dataclass(slots=True)
class _Segment:
    path: str
    size: int = 0
    living: dict[str, None] = field(default_factory=dict)
    has_name: bool = False
    """The folder holds its name, on stable storage."""


@dataclass(slots=True)
class _Batch:
    """Transactions that came while another was written, and become one record; who brought the first writes it,
    the others wait."""

    takes: list[tuple[Stored, bytes]] = field(default_factory=list)
    ends: list[tuple[str, Sequence[int]]] = field(default_factory=list)
    warns: list[str] = field(default_factory=list)
    fails: list[Failed] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def add(self, transaction: Transaction) -> None:
        self.takes += transaction.takes
        self.ends += transaction.ends
        self.warns += transaction.warns
        self.fails += transaction.fails

    def tell(self, error: BaseException | None = None) -> None:
        for waiting in self.waiting:
            if waiting.done():
                continue
            if error is None:
                waiting.set_result(None)
            elif isinstance(error, asyncio.CancelledError):
                waiting.cancel()  # the host went down
            else:
                waiting.set_exception(error)


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
        "_alive",
        "_current",
        "_entries",
        "_gathering",
        "_has_company",
        "_octets",
        "_pen",
        "_removed",
        "_segments",
        "_young",
        "_young_octets",
        "disk",
        "failed",
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
        self._gathering: _Batch | None = None
        self._has_company = False
        """Others came along with the last record."""
        self._pen = asyncio.Lock()
        self._octets = self._alive = 0
        """What all segments hold, and what of it is the octets of living messages."""
        self._removed = ""
        """The segment that was removed last, until that is durable."""
        self.failed: tuple[Failed, ...] = ()
        """What `recover` found of failures that nobody may have heard of yet."""

    # -- writing --------------------------------------------------------------------------------------------

    async def commit(self, transaction: Transaction) -> None:
        """Returns once the transaction is on stable storage. OSError: it is not, and nothing of it counts."""
        batch = self._gathering
        if batch is not None:
            batch.add(transaction)
            batch.waiting.append(waiting := asyncio.get_running_loop().create_future())
            await waiting
        elif self._has_company or self._pen.locked():
            self._gathering = batch = _Batch()
            batch.add(transaction)
            await self._write(batch)
        else:
            async with self._pen:
                await self._store(transaction)
                await self._tidy()

    async def _write(self, batch: _Batch) -> None:
        try:
            async with self._pen:
                if self._has_company:
                    # Whom the last record woke comes along: else the first of them went alone, and every second
                    # trip to the disk was for one (measured, 100 sessions).
                    await asyncio.sleep(0)
                self._gathering = None
                await self._store(Transaction(batch.takes, batch.ends, batch.warns, batch.fails))
                self._has_company = bool(batch.waiting)
                batch.tell()
                await self._tidy()
        except BaseException as error:
            if self._gathering is batch:
                self._gathering = None
            batch.tell(error)
            raise

    async def _store(self, transaction: Transaction) -> None:
        record, offsets = _record(transaction)
        number, start = await self._append(record)
        self._apply(transaction, number, [start + offset for offset in offsets])
        for stored, octets in transaction.takes:
            self._keep_young(stored.id, octets)

    async def _append(self, record: bytes) -> tuple[int, int]:
        """Which segment has it, and where. After a failure the segment is left alone: its tail may be torn."""
        segment, removed = self._segment(), self._removed
        number, start = self._current, segment.size
        try:
            self.disk.append(segment.path, record)
            segment.size += len(record)
            self._octets += len(record)
            fresh = () if segment.has_name else (segment.path,)
            await self.disk.sync(*fresh, names=[removed] if removed else (), contents=[segment.path])
            segment.has_name = True
        except OSError:
            self._current = 0
            raise
        self._removed = ""
        return number, start

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
            self._alive += stored.size
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
            self._alive -= entry.stored.size

    # -- reading --------------------------------------------------------------------------------------------

    def octets(self, queue_id: str) -> bytes:
        """A living message's octets. KeyError when it is not alive."""
        young = self._young.get(queue_id)
        if young is not None:
            return young
        entry = self._entries[queue_id]
        return self.disk.read(self._segments[entry.segment].path, entry.offset, entry.stored.size)

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
        """Read what is there, once, before the first commit. What was accepted is back; torn tails are not.

        `failed` are the failures whose letter still waits, and those without one in the last record: if the host
        went down between writing and telling, these are the ones that it did not tell."""
        for name in self.disk.list(self.folder):
            stem, _, kind = name.partition(".")
            if kind == "log" and stem.isascii() and stem.isdigit():
                self._replay(int(stem), f"{self.folder}/{name}")
        self.failed = tuple(one for one in self.failed if not one.letter or one.letter in self._entries)
        self._make_sure()
        return self.living

    def _make_sure(self) -> None:
        """What was read is acted upon from now on, so it has to be on stable storage: who crashed had written more
        than was synced. The removal of the segment before the oldest, too: should it come back when the power
        goes, the ends of its messages may have gone with the next one (found by the futures)."""
        if self._segments:
            before = f"{self.folder}/{min(self._segments) - 1:08}.log"
            self.disk.sync_now(before, *(segment.path for segment in self._segments.values()))

    def _replay(self, number: int, path: str) -> None:
        octets = self.disk.read(path)
        self._segments[number] = _Segment(path, len(octets))
        self._octets += len(octets)
        for start, record in _records(octets):
            transaction, offsets = _read(record)
            self.failed = (*(one for one in self.failed if one.letter), *transaction.fails)
            self._apply(transaction, number, [start + offset for offset in offsets])

    # -- keeping it small -----------------------------------------------------------------------------------

    async def _tidy(self) -> None:
        """One segment at a time: a later record's sync makes its end durable before another one goes. What the
        disk refuses here fails nobody: what was to be committed is."""
        if len(self._segments) == 1:
            return
        oldest = min(self._segments)
        if oldest == self._current:
            return
        with suppress(OSError):
            if not self._segments[oldest].living:
                self._remove(oldest)
            elif self._is_wasteful:
                await self._carry_forward(oldest)

    def _remove(self, number: int) -> None:
        if not self._removed:
            self.disk.remove(self._segments[number].path)
            segment = self._segments.pop(number)
            self._removed = segment.path
            self._octets -= segment.size

    @property
    def _is_wasteful(self) -> bool:
        return len(self._segments) >= 8 and self._octets > 4 * self._alive + 4 * SEGMENT

    async def _carry_forward(self, number: int) -> None:
        living = list(self._segments[number].living)
        carried = [(_present(self._entries[one]), self.octets(one)) for one in living]
        record, offsets = _record(Transaction(carried))
        target, start = await self._append(record)
        self._apply(Transaction(carried), target, [start + offset for offset in offsets])


def _present(entry: _Entry) -> Stored:
    stored = entry.stored
    recipients = tuple(sorted(entry.open))
    return Stored(stored.id, stored.envelope, stored.arrived, stored.size, recipients, stored.parent, entry.warned)


# -- the record's form ------------------------------------------------------------------------------------


def _record(transaction: Transaction) -> tuple[bytes, list[int]]:
    """The octets of a record, and where in it the octets of each message taken begin."""
    head = _head(transaction).encode()
    body = b"".join([_HEAD.pack(len(head)), head, *[octets for _, octets in transaction.takes]])
    offsets, offset = [], _FRAME.size + _HEAD.size + len(head)
    for stored, _ in transaction.takes:
        offsets.append(offset)
        offset += stored.size
    return _FRAME.pack(len(body), crc32(body)) + body, offsets


def _head(transaction: Transaction) -> str:
    """The record's head. The JSON of what is in every one is written here: a message stands in four records, and
    asking the library for each of them took twice as long as all the rest of a commit."""
    parts = []
    if transaction.takes:
        parts.append(f'"takes":[{",".join([_form(stored) for stored, _ in transaction.takes])}]')
    if transaction.ends:
        ends = [f"[{_quoted(queue_id)},{[*recipients]}]" for queue_id, recipients in transaction.ends]
        parts.append(f'"ends":[{",".join(ends)}]')
    if transaction.warns:
        parts.append(f'"warns":{json.dumps(transaction.warns)}')
    if transaction.fails:
        parts.append(f'"fails":{json.dumps([astuple(one) for one in transaction.fails])}')
    return f"{{{','.join(parts)}}}"


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
    fails = [Failed(queue_id, tuple(to), *why) for queue_id, to, *why in form.get("fails", ())]
    return Transaction([(stored, b"") for stored in takes], ends, form.get("warns", ()), fails), offsets


def _form(stored: Stored) -> str:
    envelope = stored.envelope
    sender = "null" if envelope.sender is None else _quoted(envelope.sender)
    to = ",".join([_recipient_form(recipient) for recipient in envelope.recipients])
    words = f'"id":{_quoted(stored.id)},"from":{sender},"to":[{to}],"at":{stored.arrived!r},"size":{stored.size}'
    return f"{{{words}{_rarities(stored)}}}"


def _rarities(stored: Stored) -> str:
    """What most messages do not have."""
    envelope = stored.envelope
    still_open = stored.open if len(stored.open) != len(envelope.recipients) else None
    wishes = (envelope.ret, envelope.envid, envelope.eight_bit, envelope.smtputf8)
    values: tuple[object, ...] = (still_open, stored.parent, stored.warned, *wishes)
    if values == _NOTHING_RARE:
        return ""
    pairs = zip(_RARE, values, strict=True)
    return "".join([f',"{key}":{json.dumps(value)}' for key, value in pairs if value not in _NOTHING_RARE])


def _recipient_form(recipient: Recipient) -> str:
    if recipient.notify or recipient.original:
        return json.dumps([recipient.address, sorted(recipient.notify), recipient.original])
    return _quoted(recipient.address)


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
