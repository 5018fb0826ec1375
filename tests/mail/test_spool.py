"""The spool on a disk that loses its power: what was committed is there, whole; what was not may be gone."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.fabric.disk import MemoryDisk
from lab.mail import spool as spool_module
from lab.mail.envelope import Envelope, Recipient
from lab.mail.spool import Spool, Stored, Transaction
from lab.names import EmailAddress


class PlainDisk:
    """Files in a dict, that a test can cut where it likes."""

    folder: Path | None = None

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.full = False

    def read(self, path: str, start: int = 0, size: int = -1) -> bytes:
        return bytes(self.files[path][start : None if size < 0 else start + size])

    def write(self, path: str, octets: bytes) -> None:
        self.files[path] = bytearray(octets)

    def append(self, path: str, octets: bytes) -> None:
        file = self.files.setdefault(path, bytearray())
        if self.full:
            file += octets[: len(octets) // 2]
            raise OSError(errno.ENOSPC, "No space left on device")
        file += octets

    def rename(self, old: str, new: str) -> None:
        self.files[new] = self.files.pop(old)

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def list(self, folder: str) -> list[str]:
        return sorted(name.rpartition("/")[2] for name in self.files if name.startswith(folder + "/"))

    def size(self, path: str) -> int:
        return len(self.files[path])

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        assert all(path in self.files for path in (*paths, *contents))

    def sync_now(self, *paths: str) -> None:
        """Nothing is ever lost here."""


def message(queue_id: str, recipients: int = 1, at: float = 0.0, size: int = 10) -> tuple[Stored, bytes]:
    to = tuple(Recipient(EmailAddress(f"u{n}@b.com")) for n in range(recipients))
    octets = (queue_id * size)[:size].encode()
    return Stored(queue_id, Envelope(EmailAddress("a@u.ch"), to), at, size, tuple(range(recipients))), octets


def again(disk: PlainDisk | MemoryDisk) -> Spool:
    spool = Spool(disk)
    spool.recover()
    return spool


class Slow(MemoryDisk):
    """Who syncs at the same time is done at the same time."""

    __slots__ = ()

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        there, grown = tuple(names), tuple(contents)
        await asyncio.sleep(0)
        await super().sync(*paths, names=there, contents=grown)


@pytest.mark.parametrize("seed", range(20))
async def test_what_ended_stays_ended_when_commits_that_came_together_tidy_up(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT", 1)  # a segment for each record
    disk = Slow()
    spool = Spool(disk)
    await spool.commit(Transaction([message("old"), message("older")]))
    await spool.commit(Transaction(ends=[("old", [0]), ("older", [0])]))
    await spool.commit(Transaction([message("last")]))
    pair = (Transaction([message("a")]), Transaction([message("b")]))
    await asyncio.gather(*(spool.commit(one) for one in pair))
    disk.power_cut(Random(seed))
    assert sorted(stored.id for stored in again(disk).living) == ["a", "b", "last"]


class Counted(Slow):
    """A disk that knows how often it was written to, and may be broken."""

    __slots__ = ("appends", "is_broken")

    def __init__(self) -> None:
        super().__init__()
        self.appends, self.is_broken = 0, False

    def append(self, path: str, octets: bytes) -> None:
        self.appends += 1
        super().append(path, octets)

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        await super().sync(*paths, names=names, contents=contents)
        if self.is_broken:
            raise OSError(errno.EIO, "Input/output error")


async def test_those_who_come_while_the_disk_is_at_work_share_a_record() -> None:
    disk = Counted()
    spool = Spool(disk)
    several = [Transaction([message(f"q{number}", size=number)]) for number in range(20)]
    await asyncio.gather(*(spool.commit(one) for one in several))
    assert disk.appends == 2
    after = again(disk)
    for number in range(20):
        assert spool.octets(f"q{number}") == after.octets(f"q{number}") == message(f"q{number}", size=number)[1]


async def test_record_that_fails_fails_all_who_share_it_and_nobody_else() -> None:
    disk = Counted()
    spool = Spool(disk)
    writing = asyncio.ensure_future(spool.commit(Transaction([message("first")])))
    await asyncio.sleep(0)
    sharing = [asyncio.ensure_future(spool.commit(Transaction([message(f"q{number}")]))) for number in range(3)]
    await writing
    disk.is_broken = True
    ends = await asyncio.gather(*sharing, return_exceptions=True)
    assert [type(end) for end in ends] == [OSError] * 3
    disk.is_broken = False
    await spool.commit(Transaction([message("last")]))
    assert [stored.id for stored in spool.living] == ["first", "last"]


async def test_a_host_that_goes_down_leaves_nobody_waiting_for_its_disk() -> None:
    spool = Spool(Counted())
    commits = [asyncio.ensure_future(spool.commit(Transaction([message(f"q{number}")]))) for number in range(4)]
    await asyncio.sleep(0)
    commits[1].cancel()  # who would have written for the others that wait
    await asyncio.wait(commits)
    assert [commit.cancelled() for commit in commits] == [False, True, True, True]


async def test_a_disk_that_is_full_for_the_housekeeping_fails_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT", 50)
    disk = PlainDisk()
    spool = Spool(disk)
    await spool.commit(Transaction([message("old", size=20)]))
    refused = 0

    def append(path: str, octets: bytes) -> None:
        nonlocal refused
        if b"oldold" in octets:
            refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        PlainDisk.append(disk, path, octets)

    monkeypatch.setattr(disk, "append", append)
    for number in range(40):
        await spool.commit(Transaction([message(f"q{number}", at=number)]))
        await spool.commit(Transaction(ends=[(f"q{number}", [0])]))
    assert refused
    assert [stored.id for stored in again(disk).living] == ["old"]


async def test_a_committed_message_is_there_after_a_restart() -> None:
    disk = PlainDisk()
    to = Recipient(EmailAddress("ed@b.com"), frozenset({"success"}), "rfc822;Ed@b.com")
    stored = Stored("q1", Envelope(None, (to,), "HDRS", "env", True, True), 7.5, 4, (0,), "q0", 1)
    await Spool(disk).commit(Transaction([(stored, b"body")]))
    spool = again(disk)
    assert spool.living == [stored]
    assert spool.octets("q1") == b"body"


async def test_a_bounce_and_the_end_of_its_original_are_one() -> None:
    disk = PlainDisk()
    spool = Spool(disk)
    await spool.commit(Transaction([message("q1", 2)]))
    before = len(disk.files["spool/00000001.log"])
    await spool.commit(Transaction([message("b1")], ends=[("q1", (0, 1))]))
    whole = bytes(disk.files["spool/00000001.log"])
    for cut in range(before, len(whole) + 1):
        disk.files["spool/00000001.log"] = bytearray(whole[:cut])
        assert [one.id for one in again(disk).living] == (["b1"] if cut == len(whole) else ["q1"])


async def test_a_recipient_ended_is_not_open_again() -> None:
    disk = PlainDisk()
    spool = Spool(disk)
    await spool.commit(Transaction([message("q1", 3)]))
    await spool.commit(Transaction(ends=[("q1", (1,))], warns=["q1"]))
    (stored,) = again(disk).living
    assert (stored.open, stored.warned) == ((0, 2), 1)


async def test_after_a_full_disk_the_torn_record_is_in_nobodys_way() -> None:
    disk = PlainDisk()
    spool = Spool(disk)
    await spool.commit(Transaction([message("q1")]))
    disk.full = True
    with pytest.raises(OSError, match="No space"):
        await spool.commit(Transaction([message("q2")]))
    disk.full = False
    await spool.commit(Transaction([message("q3")]))
    assert [one.id for one in again(disk).living] == ["q1", "q3"]


async def test_a_segment_goes_once_nothing_in_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT", 500)
    disk = PlainDisk()
    spool = Spool(disk)
    for number in range(100):
        await spool.commit(Transaction([message(f"q{number}")]))
        await spool.commit(Transaction(ends=[(f"q{number}", (0,))]))
    assert len(disk.files) <= 3


async def test_one_old_message_does_not_hold_every_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT", 500)
    disk = PlainDisk()
    spool = Spool(disk)
    await spool.commit(Transaction([message("old", 2)]))
    for number in range(200):
        await spool.commit(Transaction([message(f"q{number}")]))
        await spool.commit(Transaction(ends=[(f"q{number}", (0,))]))
    assert len(disk.files) < 20
    assert [one.id for one in again(disk).living] == ["old"]
    assert again(disk).octets("old") == message("old")[1]


async def test_bodies_are_read_back_when_memory_let_them_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "YOUNG", 25)
    spool = Spool(PlainDisk())
    for number in range(5):
        await spool.commit(Transaction([message(f"q{number}")]))
    assert [spool.octets(f"q{number}") for number in range(5)] == [message(f"q{n}")[1] for n in range(5)]


def test_a_file_that_is_no_segment_is_left_alone() -> None:
    disk = PlainDisk()
    disk.write("spool/README", b"hello")
    assert Spool(disk).recover() == []
    assert disk.read("spool/README") == b"hello"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 3)),
        st.tuples(st.just("end"), st.integers(0, 30)),
        st.tuples(st.just("restart"), st.floats(0, 1)),
        st.tuples(st.just("torn"), st.floats(0, 1)),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(steps)
def test_whatever_happens_what_was_accepted_is_there(script: list[tuple[str, float]]) -> None:
    asyncio.run(_live_through(script))


async def _live_through(script: list[tuple[str, float]]) -> None:
    disk = MemoryDisk()
    spool, alive = Spool(disk), {}
    for number, (what, amount) in enumerate(script):
        if what == "take":
            alive[f"q{number}"] = set(range(int(amount)))
            await spool.commit(Transaction([message(f"q{number}", int(amount), number)]))
        elif what == "end" and alive:
            queue_id = list(alive)[int(amount) % len(alive)]
            recipient = min(alive[queue_id])
            await spool.commit(Transaction([message(f"b{number}", 1, number)], ends=[(queue_id, [recipient])]))
            alive[f"b{number}"] = {0}
            alive[queue_id].remove(recipient)
            alive = {one: left for one, left in alive.items() if left}
        elif what in ("restart", "torn"):
            if what == "torn" and disk.list("spool"):
                disk.append("spool/" + disk.list("spool")[-1], b"\0\0\0\x40half a record")
            disk.power_cut(Random(amount))
            spool = again(disk)
    assert {one.id: set(one.open) for one in spool.living} == alive
    assert all(spool.octets(one) == message(one)[1] for one in alive)


async def test_what_an_envelope_says_is_read_as_it_was_written() -> None:
    """Names that JSON has to escape among it."""
    disk = MemoryDisk()
    odd = EmailAddress('"ed \\" \\\\ x"@b.com')
    envelope = Envelope(
        EmailAddress("grüße@b.com"),
        (Recipient(odd), Recipient(odd, frozenset({"never"}), "rfc822;é")),
        "HDRS",
        'an "id"',
        eight_bit=True,
        smtputf8=True,
    )
    stored = Stored('q"1', envelope, 1767600060.123, 3, (1,), "parent", 2)
    await Spool(disk).commit(Transaction([(stored, b"abc")], [("other", (0, 2))], ['w"1']))
    assert Spool(disk).recover() == [stored]


async def test_who_comes_back_together_goes_together() -> None:
    """A hundred sessions that each bring the next message when the last one is safe need a record a round."""
    disk, trips = MemoryDisk(), 0

    def trip() -> float:
        nonlocal trips
        trips += 1
        return 0.0

    disk.trip = trip
    spool = Spool(disk)

    async def session(number: int) -> None:
        for turn in range(10):
            await spool.commit(Transaction([message(f"{number}-{turn}")]))

    await asyncio.gather(*(session(number) for number in range(100)))
    assert trips <= 12


async def test_what_ended_before_a_crash_stays_ended_when_the_power_goes_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The segment of a message went, the next one held its end; after the restart that one went as well."""
    monkeypatch.setattr(spool_module, "SEGMENT", 100)
    for seed in range(20):
        disk, chance = MemoryDisk(), Random(seed)
        first = Spool(disk)
        await first.commit(Transaction([message("old", size=200)]))
        await first.commit(Transaction(ends=[("old", [0])]))
        disk = disk.abandoned()
        second = Spool(disk)
        assert second.recover() == []
        await second.commit(Transaction([message("new")]))
        disk.power_cut(chance)
        third = Spool(disk)
        assert [stored.id for stored in third.recover()] == ["new"]


async def test_what_a_crash_left_unsynced_is_safe_once_it_was_acted_upon() -> None:
    disk = MemoryDisk()
    await Spool(disk).commit(Transaction([message("one")]))
    path = f"spool/{disk.list('spool')[0]}"
    disk._files[path].synced = 0
    disk = disk.abandoned()
    assert [stored.id for stored in Spool(disk).recover()] == ["one"]
    disk.power_cut(Random(1))
    assert [stored.id for stored in Spool(disk).recover()] == ["one"]
