"""Disks: what a program may rely on."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.fabric import folder_disk
from lab.fabric.disk import Disk, MemoryDisk
from lab.fabric.folder_disk import FolderDisk


@pytest.fixture(params=["memory", "folder"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return MemoryDisk() if request.param == "memory" else FolderDisk(tmp_path)


def test_what_was_written_is_read(disk: Disk) -> None:
    disk.write("spool/1", b"one")
    disk.append("spool/1", b" and two")
    assert disk.read("spool/1") == b"one and two"
    assert disk.size("spool/1") == 11
    disk.write("spool/1", b"anew")
    assert disk.read("spool/1") == b"anew"


def test_a_piece_of_a_file_is_read(disk: Disk) -> None:
    disk.write("spool/1", b"one and two")
    assert (disk.read("spool/1", 4, 3), disk.read("spool/1", 8), disk.read("spool/1", 8, 99)) == (
        b"and",
        b"two",
        b"two",
    )


def test_append_makes_the_file(disk: Disk) -> None:
    disk.append("journal", b"first")
    assert disk.read("journal") == b"first"


def test_a_folder_lists_its_names_in_order(disk: Disk) -> None:
    for path in ("mail/ed/new/2", "mail/ed/new/10", "mail/ed/new/1", "mail/ann/new/1", "spool"):
        disk.write(path, b"")
    assert disk.list("mail/ed/new") == ["1", "10", "2"]
    assert disk.list("mail") == ["ann", "ed"]
    assert disk.list("") == ["mail", "spool"]
    assert disk.list("no/such/folder") == []


def test_rename_takes_the_place_of_what_was_there(disk: Disk) -> None:
    disk.write("tmp/1", b"new")
    disk.write("new/1", b"old")
    disk.rename("tmp/1", "new/1")
    assert disk.read("new/1") == b"new"
    assert disk.list("tmp") == []


def test_removing_what_is_not_there_is_no_error(disk: Disk) -> None:
    disk.write("a/b", b"")
    disk.remove("a/b")
    disk.remove("a/b")
    assert disk.list("a") == []


def test_no_such_file_is_said_so(disk: Disk) -> None:
    for attempt in (lambda: disk.read("none"), lambda: disk.size("none"), lambda: disk.rename("none", "other")):
        with pytest.raises(FileNotFoundError):
            attempt()


def test_a_full_disk_takes_nothing_more_and_keeps_what_it_has(disk: Disk) -> None:
    disk.write("kept", b"kept")
    disk.full = True
    for attempt in (disk.write, disk.append):
        with pytest.raises(OSError, match=r"No space left") as failure:
            attempt("more", b"more")
        assert failure.value.errno == errno.ENOSPC
    assert disk.read("kept") == b"kept"
    disk.full = False
    disk.write("more", b"more")


async def test_sync_returns(disk: Disk) -> None:
    disk.write("spool/1", b"one")
    await asyncio.gather(*(disk.sync("spool/1", "spool/gone") for _ in range(10)))


async def test_those_who_wait_share_one_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FolderDisk(tmp_path)
    trips: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (trips.append(number), real(number)))
    for number in range(50):
        disk.write("journal", b"%d" % number)
    await asyncio.gather(*(disk.sync("journal") for _ in range(50)))
    assert 2 <= len(trips) <= 4


async def test_of_contents_the_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    disk = FolderDisk(tmp_path)
    disk.append("spool/1", b"kept")
    await disk.sync("spool/1")
    monkeypatch.setattr(folder_disk, "_fsync", synced.extend)
    disk.append("spool/1", b" and more")
    await disk.sync(contents=["spool/1"])
    assert synced == [f"{tmp_path}/spool/1"]


@given(st.integers())
def test_content_that_was_synced_before_it_got_its_name_is_whole_under_it(seed: int) -> None:
    disk = MemoryDisk()
    disk.write("tmp/1", b"whole")
    asyncio.run(disk.sync(contents=["tmp/1"]))
    disk.rename("tmp/1", "new/1")
    disk.power_cut(Random(seed))
    assert [disk.read(f"new/{name}") for name in disk.list("new")] in ([], [b"whole"])


async def test_those_who_wait_are_told_when_the_disk_fails_and_who_left_hinders_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(places: Sequence[str]) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    disk = FolderDisk(tmp_path)
    disk.write("journal", b"")
    with monkeypatch.context() as broken:
        broken.setattr(folder_disk, "_fsync", fail)
        syncs = [asyncio.ensure_future(disk.sync("journal")) for _ in range(3)]
        await asyncio.sleep(0)
        syncs[0].cancel()
        ends = await asyncio.gather(*syncs, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError, OSError, OSError]
    await disk.sync("journal")


@given(st.integers())
def test_what_was_synced_survives_a_power_cut(seed: int) -> None:
    disk = MemoryDisk()
    disk.write("spool/1", b"safe")
    disk.write("tmp/2", b"safe too")
    disk.rename("tmp/2", "new/2")
    asyncio.run(disk.sync("spool/1", "new/2"))
    disk.append("spool/1", b", and torn")
    disk.power_cut(Random(seed))
    assert disk.read("spool/1").startswith(b"safe")
    assert b"safe, and torn".startswith(disk.read("spool/1"))
    assert disk.read("new/2") == b"safe too"
    assert disk.list("tmp") == []


@given(st.integers())
def test_a_rename_not_synced_happened_or_not(seed: int) -> None:
    disk = MemoryDisk()
    disk.write("tmp/1", b"letter")
    asyncio.run(disk.sync("tmp/1"))
    disk.rename("tmp/1", "new/1")
    disk.power_cut(Random(seed))
    assert [disk.list("tmp"), disk.list("new")] in ([["1"], []], [[], ["1"]])


def test_a_power_cut_can_lose_and_can_tear() -> None:
    remains = set()
    for seed in range(100):
        disk = MemoryDisk()
        disk.write("1", b"abc")
        disk.power_cut(Random(seed))
        remains.add(disk.read("1") if disk.list("") else None)
    assert remains == {None, b"", b"a", b"ab", b"abc"}


async def test_new_folders_are_durable_with_the_first_file_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(folder_disk, "_fsync", lambda places: synced.extend(map(Path, places)))
    disk = FolderDisk(tmp_path / "hosts" / "mail.a.be")
    disk.write("spool/new/1.log", b"kept")
    await disk.sync("spool/new/1.log")
    host = tmp_path / "hosts" / "mail.a.be"
    assert {tmp_path, host.parent, host, host / "spool", host / "spool/new"} <= set(synced)
    synced.clear()
    disk.rename("spool/new/1.log", "spool/cur/1.log")
    await disk.sync(names=["spool/new/1.log", "spool/cur/1.log"])
    assert set(synced) == {host / "spool", host / "spool/new", host / "spool/cur"}


def test_stamp_changes_with_the_names_of_a_folder_and_with_nothing_else() -> None:
    disk = MemoryDisk()
    disk.write("new/1", b"one")
    before = disk.stamp("new")
    disk.append("new/1", b"more")
    disk.write("elsewhere/2", b"two")
    assert disk.stamp("new") == before != disk.stamp("elsewhere")
    disk.rename("new/1", "new/1:2,S")
    disk.rename("new/1:2,S", "new/1")
    assert disk.stamp("new") not in (before, None)
    disk.remove("new/1")
    assert disk.stamp("new") == disk.stamp("nowhere") == 0


def test_stamp_of_a_folder_that_has_just_changed_is_not_to_be_trusted(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    disk.write("new/1", b"one")
    assert disk.stamp("new") is None
    os.utime(tmp_path / "new", (1e9, 1e9))
    assert disk.stamp("new") == 10**18
    assert disk.stamp("nowhere") == 0


def test_file_is_read_from_an_offset(disk: Disk) -> None:
    disk.write("journal", b"one two")
    assert disk.read("journal", 4) == b"two"
    assert disk.read("journal", 40) == b""


def test_folder_moves_and_goes_with_all_in_it(disk: Disk) -> None:
    disk.write("old/cur/1", b"one")
    disk.write("older/2", b"two")
    disk.move_folder("old", "new")
    assert (disk.list("old"), disk.read("new/cur/1"), disk.list("older")) == ([], b"one", ["2"])
    disk.remove_folder("new")
    assert disk.list("new") == []


def test_lock_lets_one_in_at_a_time(disk: Disk) -> None:
    with disk.lock("mail/lock"):
        pass
    disk.full = True
    with disk.lock("other/lock"):
        pass


def test_removed_file_is_gone_at_once_and_off_the_disk_soon(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        disk = FolderDisk(tmp_path, pool)
        disk.write("new/1", b"one")
        disk.remove("new/1")
        disk.remove("new/1")
        assert disk.list("new") == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_after_a_crash_the_disk_is_as_it_was_at_that_moment(disk: Disk) -> None:
    disk.write("1", b"written")
    disk.append("2", b"writ")
    left = disk.abandoned()
    disk.append("2", b"ten")
    disk.write("3", b"a last word")
    disk.remove("1")
    assert (left.list(""), left.read("1"), left.read("2")) == (["1", "2"], b"written", b"writ")
    left.append("2", b"ten")
    left.rename("2", "4")
    assert (left.list(""), left.read("4")) == (["1", "4"], b"written")


@given(st.integers())
def test_after_a_power_cut_what_was_synced_is_there_and_the_next_power_cut_knows_it(seed: int) -> None:
    disk = MemoryDisk()
    disk.write("spool/1", b"safe")
    asyncio.run(disk.sync("spool/1"))
    disk.append("spool/1", b", and torn")
    left = disk.abandoned(Random(seed)).abandoned(Random(seed + 1))
    assert b"safe, and torn".startswith(left.read("spool/1"))
    assert left.read("spool/1").startswith(b"safe")
