import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.fabric.disk import Disk, MemoryDisk
from lab.fabric.folder_disk import FolderDisk
from lab.mail.folders import DELETED, FLAGGED, SEEN, FolderError, Mode
from lab.mail.maildir import Maildir
from tests.mail.cabinet import HI, ROOT, account, flags, told


@pytest.fixture(params=["memory", "folder"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return MemoryDisk() if request.param == "memory" else FolderDisk(tmp_path)


async def filled(disk: Disk, count: int = 3) -> Maildir:
    inbox = account(disk).inbox
    for _ in range(count):
        await inbox.append(HI)
    return inbox


async def test_appended_message_has_its_flags_date_and_octets(disk: Disk) -> None:
    inbox = account(disk).inbox
    then = datetime(1994, 6, 1, 9, 30, tzinfo=UTC)
    uid = await inbox.append(HI, [SEEN, "$Work"], then)
    [entry] = inbox.entries()
    assert (entry.uid, entry.size, entry.flags, entry.received) == (uid, len(HI), {SEEN, "$Work"}, then)
    assert inbox.octets(uid) == HI
    assert account(disk).inbox.entries() == inbox.entries()


async def test_flags_are_in_the_file_name_as_every_mail_program_reads_them(disk: Disk) -> None:
    inbox = await filled(disk, 1)
    assert inbox.file_of(1).startswith(f"{ROOT}/new/")
    await inbox.store([1], Mode.ADD, [FLAGGED, SEEN])
    assert inbox.file_of(1).endswith(":2,FS")
    assert disk.list(f"{ROOT}/cur") == [inbox.file_of(1).rpartition("/")[2]]


async def test_store_replaces_adds_and_removes(disk: Disk) -> None:
    inbox = await filled(disk)
    await inbox.store([1, 2, 3, 9], Mode.REPLACE, [SEEN, "Work"])
    await inbox.store([2], Mode.ADD, ["\\sEEN", "work", DELETED])
    await inbox.store([3], Mode.REMOVE, ["WORK"])
    assert flags(inbox) == {1: "Seen Work", 2: "Deleted Seen Work", 3: "Seen"}
    assert flags(account(disk).inbox) == flags(inbox)


async def test_modseq_rises_with_every_change_and_stays_without(disk: Disk) -> None:
    inbox = await filled(disk, 2)
    before = inbox.highest_modseq
    await inbox.store([1], Mode.ADD, [SEEN])
    assert inbox.highest_modseq == inbox.entries()[0].modseq == before + 1
    await inbox.store([1], Mode.ADD, [SEEN])
    assert inbox.highest_modseq == before + 1
    await inbox.expunge([2])
    assert account(disk).inbox.highest_modseq == inbox.highest_modseq == before + 2


async def test_expunged_message_is_gone_and_its_uid_is_never_used_again(disk: Disk) -> None:
    inbox = await filled(disk)
    await inbox.expunge([3, 2, 2, 77])
    assert list(flags(inbox)) == [1]
    with pytest.raises(KeyError):
        inbox.octets(3)
    with pytest.raises(KeyError):
        inbox.index(3)
    assert await account(disk).inbox.append(HI) == 4


async def test_copies_keep_flags_and_date(disk: Disk) -> None:
    box = account(disk)
    then = datetime(1994, 6, 1, 9, 30, tzinfo=UTC)
    await box.inbox.append(HI, [SEEN, "Work"], then)
    await box.create("Archive")
    archive = box.open("Archive")
    assert await box.inbox.copy([1, 9], archive) == {1: 1}
    assert await box.inbox.copy([1], archive) == {1: 2}
    assert [(entry.flags, entry.received) for entry in archive.entries()] == [({SEEN, "Work"}, then)] * 2
    assert archive.octets(2) == box.inbox.octets(1) == HI


async def test_move_is_seen_on_both_sides(disk: Disk) -> None:
    box = account(disk)
    for _ in range(3):
        await box.inbox.append(HI, [FLAGGED])
    await box.create("Archive")
    archive = box.open("Archive")
    left, _ = told(box.inbox)
    came, _ = told(archive)
    assert await box.inbox.move([3, 1], archive) == {3: 1, 1: 2}
    assert (left, came) == ([("expunged", 3), ("expunged", 1)], [("added", 1), ("added", 2)])
    assert (flags(box.inbox), flags(archive)) == ({2: "Flagged"}, {1: "Flagged", 2: "Flagged"})
    again = account(disk)
    assert (flags(again.inbox), flags(again.open("Archive"))) == (flags(box.inbox), flags(archive))


async def test_moved_back_it_is_a_new_message(disk: Disk) -> None:
    box = account(disk)
    await box.inbox.append(HI)
    await box.create("Archive")
    await box.inbox.move([1], box.open("Archive"))
    assert await box.open("Archive").move([1], box.inbox) == {1: 2}
    assert await box.inbox.move([2], box.inbox) == {2: 3}
    assert box.inbox.octets(3) == HI


async def test_every_session_is_told_and_left_alone_when_it_asks(disk: Disk) -> None:
    inbox = await filled(disk, 1)
    one, leave = told(inbox)
    two, _ = told(inbox)
    await inbox.store([1], Mode.ADD, [SEEN])
    leave()
    leave()
    await inbox.expunge([1])
    assert (one, two) == ([("flags changed", 1)], [("flags changed", 1), ("expunged", 1)])


async def test_entries_are_the_same_sequence_until_something_changes(disk: Disk) -> None:
    inbox = await filled(disk)
    before = inbox.entries()
    inbox.look()
    assert inbox.entries() is before
    await inbox.store([1], Mode.ADD, [SEEN])
    assert inbox.entries() is not before


async def test_full_disk_takes_nothing_and_still_lets_go(disk: Disk) -> None:
    box = account(disk)
    await box.inbox.append(HI)
    await box.create("Archive")
    disk.full = True
    with pytest.raises(OSError, match="No space left"):
        await box.inbox.append(HI)
    with pytest.raises(OSError, match="No space left"):
        await box.inbox.copy([1], box.open("Archive"))
    await box.inbox.expunge([1])
    disk.full = False
    again = account(disk)
    assert (flags(again.inbox), flags(again.open("Archive")), disk.list(f"{ROOT}/tmp")) == ({}, {}, [])
    assert await again.inbox.append(HI) == 2


async def test_full_disk_keeps_the_flags_that_stand_in_a_files_name(disk: Disk) -> None:
    inbox = await filled(disk, 2)
    await inbox.store([2], Mode.ADD, ["Work"])
    disk.full = True
    await inbox.store([1, 2], Mode.ADD, [SEEN])
    with pytest.raises(OSError, match="No space left"):
        await inbox.store([1], Mode.ADD, ["Work"])
    assert flags(inbox) == {1: "Seen", 2: "Seen Work"}
    assert flags(account(disk).inbox) == {1: "", 2: "Work"}, "what cannot be written down is not noticed yet"
    disk.full = False
    assert flags(account(disk).inbox) == flags(inbox) == {1: "Seen", 2: "Seen Work"}


# -- what hands do ----------------------------------------------------------------------------------------


async def test_flag_set_by_a_hand_is_seen_at_the_next_look(disk: Disk) -> None:
    inbox = await filled(disk, 2)
    await inbox.store([1], Mode.ADD, ["Work"])
    heard, _ = told(inbox)
    file = inbox.file_of(1)
    disk.rename(file, f"{file}FS")
    inbox.look()
    assert (flags(inbox)[1], heard) == ("Flagged Seen Work", [("flags changed", 1)])
    assert inbox.octets(1) == HI


async def test_message_taken_away_by_a_hand_is_gone_and_brought_back_is_new(disk: Disk) -> None:
    inbox = await filled(disk, 2)
    heard, _ = told(inbox)
    file = inbox.file_of(1)
    disk.rename(file, "home/ed/elsewhere")
    inbox.look()
    disk.rename("home/ed/elsewhere", file)
    inbox.look()
    assert (list(flags(inbox)), heard) == ([2, 3], [("expunged", 1), ("added", 3)])


async def test_message_read_while_a_hand_renames_it_is_found(disk: Disk) -> None:
    inbox = await filled(disk, 1)
    disk.rename(inbox.file_of(1), inbox.file_of(1).replace("/new/", "/cur/") + ":2,S")
    assert inbox.octets(1) == HI
    assert flags(inbox) == {1: "Seen"}


@pytest.mark.parametrize("does", ["store", "expunge", "move"])
async def test_message_that_a_hand_has_just_flagged_is_changed_all_the_same(disk: Disk, does: str) -> None:
    box = account(disk)
    await box.create("Archive")
    inbox, archive = box.inbox, box.open("Archive")
    await inbox.append(HI)
    disk.rename(inbox.file_of(1), f"{ROOT}/cur/{inbox.file_of(1).rpartition('/')[2]}:2,S")
    if does == "store":
        await inbox.store([1], Mode.ADD, [FLAGGED])
    elif does == "expunge":
        await inbox.expunge([1])
    else:
        await inbox.move([1], archive)
    inbox.look()
    archive.look()
    here, there = {"store": ({1: "Flagged Seen"}, {}), "expunge": ({}, {}), "move": ({}, {1: "Seen"})}[does]
    assert (flags(inbox), flags(archive)) == (here, there)


async def test_file_names_of_other_programs_are_kept_as_they_are(disk: Disk) -> None:
    inbox = await filled(disk, 0)
    for name in ("odd name %41.mail:2,S", "1767600000.M1P2.host,S=23", "x\ny"):
        disk.write(f"{ROOT}/cur/{name}", HI)
    inbox.look()
    assert flags(account(disk).inbox) == flags(inbox)
    assert [inbox.octets(entry.uid) for entry in inbox.entries()] == [HI] * 3


async def test_journal_removed_by_a_hand_is_written_again(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    inbox = await filled(disk)
    await inbox.expunge([3])
    (tmp_path / ROOT / "uids").unlink()
    inbox.look()
    await inbox.append(HI)
    again = account(disk).inbox
    assert (list(flags(again)), again.uidvalidity) == ([1, 2, 4], inbox.uidvalidity)


# -- several processes ------------------------------------------------------------------------------------


async def test_processes_share_a_folder(tmp_path: Path) -> None:
    """Two stores on one disk, as two processes have them: neither gives a UID that the other has given."""
    ours, theirs = account(FolderDisk(tmp_path)), account(FolderDisk(tmp_path))
    heard, _ = told(ours.inbox)
    uids = [await box.inbox.append(HI) for box in (ours, theirs, theirs, ours)]
    await theirs.inbox.store([1], Mode.ADD, [SEEN, "Work"])
    await theirs.inbox.expunge([2])
    ours.inbox.look()
    assert (uids, flags(ours.inbox)) == ([1, 2, 3, 4], {1: "Seen Work", 3: "", 4: ""})
    assert ("expunged", 2) in heard
    assert ours.inbox.octets(3) == HI


async def test_message_that_another_process_brought_or_flagged_is_changed_unseen(tmp_path: Path) -> None:
    ours, theirs = account(FolderDisk(tmp_path)).inbox, account(FolderDisk(tmp_path)).inbox
    await theirs.append(HI)
    await theirs.append(HI)
    await ours.store([1, 2], Mode.ADD, [FLAGGED])
    await theirs.store([2], Mode.ADD, [SEEN])
    await ours.store([2], Mode.ADD, ["Work"])
    await ours.expunge([1])
    theirs.look()
    assert flags(theirs) == flags(ours) == {2: "Flagged Seen Work"}


async def test_folder_deleted_by_another_process_is_gone_here_too(tmp_path: Path) -> None:
    ours, theirs = account(FolderDisk(tmp_path)), account(FolderDisk(tmp_path))
    await ours.create("Work")
    folder = ours.open("Work")
    await folder.append(HI)
    heard, _ = told(folder)
    await theirs.delete("Work")
    folder.look()
    assert (folder.entries(), heard, len(ours.list())) == ((), [("expunged", 1)], 1)
    with pytest.raises(FolderError, match="there is no folder Work"):
        ours.open("Work")
    await theirs.create("Work")
    assert ours.open("Work").uidvalidity > folder.uidvalidity


async def test_journal_written_anew_by_another_process_is_read_anew(tmp_path: Path) -> None:
    ours, theirs = account(FolderDisk(tmp_path)).inbox, account(FolderDisk(tmp_path)).inbox
    for _ in range(3):
        await ours.append(HI)
    theirs.look()
    with (tmp_path / ROOT / "uids").open("ab") as journal:
        journal.write(b"torn\0\n" * 2_000)
    await ours.store([1], Mode.ADD, [SEEN])
    assert len((tmp_path / ROOT / "uids").read_bytes()) < 1_000
    await ours.expunge([2])
    theirs.look()
    assert flags(theirs) == flags(ours) == {1: "Seen", 3: ""}
    assert (await theirs.append(HI), theirs.uidvalidity) == (4, ours.uidvalidity)


# -- folders ----------------------------------------------------------------------------------------------


async def test_folders_are_listed_with_what_they_are_for(disk: Disk) -> None:
    box = account(disk)
    await box.create("Sent", "\\Sent")
    await box.create("Archive/2026/Été")
    await box.subscribe("Sent", True)
    assert [(one.name, one.special, one.subscribed, one.has_children) for one in account(disk).list()] == [
        ("INBOX", "", False, False),
        ("Archive", "", False, True),
        ("Archive/2026", "", False, True),
        ("Archive/2026/Été", "", False, False),
        ("Sent", "\\Sent", True, False),
    ]
    assert ".Archive.2026.&AMk-t&AOk-" in disk.list(ROOT)


async def test_folder_of_a_deleted_name_is_another_folder(disk: Disk) -> None:
    box = account(disk)
    await box.create("Work")
    first = box.open("Work")
    await first.append(HI)
    heard, _ = told(first)
    await box.delete("Work")
    assert heard == [("expunged", 1)]
    with pytest.raises(FolderError, match="no folder Work any more"):
        await first.append(HI)
    await account(disk).create("Work")
    again = account(disk).open("Work")
    assert not again.entries()
    assert again.uidvalidity > first.uidvalidity


async def test_deleted_folder_leaves_what_is_below_it(disk: Disk) -> None:
    box = account(disk)
    await box.create("a/b")
    await box.delete("a")
    assert [(one.name, one.selectable) for one in box.list()] == [("INBOX", True), ("a", False), ("a/b", True)]
    with pytest.raises(FolderError) as told:
        await box.delete("a")
    assert told.value.code == "HASCHILDREN"


async def test_renamed_folder_takes_along_its_mail_its_use_and_what_is_below(disk: Disk) -> None:
    box = account(disk)
    await box.create("Old/in", "\\Archive")
    folder = box.open("Old/in")
    await folder.append(HI, [SEEN])
    await box.rename("Old", "New/place")
    assert [(one.name, one.special) for one in account(disk).list()] == [
        ("INBOX", ""),
        ("New", ""),
        ("New/place", ""),
        ("New/place/in", "\\Archive"),
    ]
    assert folder.name == "New/place/in"
    assert await folder.append(HI) == 2
    assert flags(account(disk).open("New/place/in")) == {1: "Seen", 2: ""}


async def test_renamed_inbox_is_empty_and_stays(disk: Disk) -> None:
    box = account(disk)
    await box.inbox.append(HI)
    await box.rename("inbox", "Before")
    assert (flags(box.inbox), flags(box.open("Before"))) == ({}, {1: ""})


async def test_folder_made_by_a_hand_is_a_folder(tmp_path: Path) -> None:
    for part in ("cur", "new", "tmp"):
        (tmp_path / ROOT / ".By.hand" / part).mkdir(parents=True)
    (tmp_path / ROOT / ".By.hand/new/one").write_bytes(HI)
    box = account(FolderDisk(tmp_path))
    assert [one.name for one in box.list()] == ["INBOX", "By", "By/hand"]
    assert flags(box.open("By/hand")) == {1: ""}


@pytest.mark.parametrize(
    ("does", "code"),
    [
        (lambda box: box.create("inbox"), "ALREADYEXISTS"),
        (lambda box: box.create("a"), "ALREADYEXISTS"),
        (lambda box: box.create("new", "\\Nonsense"), "USEATTR"),
        (lambda box: box.delete("INBOX"), "CANNOT"),
        (lambda box: box.delete("nowhere"), "NONEXISTENT"),
        (lambda box: box.rename("nowhere", "b"), "NONEXISTENT"),
        (lambda box: box.rename("a", "a/b"), "CANNOT"),
        (lambda box: box.rename("a", "INBOX"), "ALREADYEXISTS"),
    ],
)
async def test_what_cannot_be_done_has_its_code(disk: Disk, does: object, code: str) -> None:
    box = account(disk)
    await box.create("a")
    with pytest.raises(FolderError) as told:
        await does(box)  # type: ignore[operator]
    assert told.value.code == code
    assert [one.name for one in box.list()] == ["INBOX", "a"]


async def test_mailbox_has_no_more_than_its_quota(disk: Disk) -> None:
    box = account(disk, quota=2 * len(HI))
    await box.create("Archive")
    await box.inbox.append(HI)
    await box.inbox.copy([1], box.open("Archive"))
    assert box.usage() == (2 * len(HI), 2)
    for attempt in (box.inbox.append(HI), box.inbox.copy([1], box.open("Archive"))):
        with pytest.raises(FolderError) as told:
            await attempt
        assert told.value.code == "OVERQUOTA"
    await box.inbox.move([1], box.open("Archive"))
    await box.open("Archive").expunge([1])
    assert await box.inbox.append(HI) == 2


async def test_many_at_once_have_uids_in_their_order(disk: Disk) -> None:
    inbox = account(disk).inbox
    heard, _ = told(inbox)
    uids = await asyncio.gather(*(inbox.append(b"%d\r\n" % number) for number in range(40)))
    assert sorted(uids) == list(range(1, 41))
    assert heard == [("added", uid) for uid in range(1, 41)]
    assert [inbox.octets(uid) for uid in uids] == [b"%d\r\n" % number for number in range(40)]
