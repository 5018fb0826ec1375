"""Ten times `kill -9` under load, on a real disk, and what the reckoning after it makes of what it finds."""

import tempfile
from pathlib import Path

from tests.fabric.forked import in_namespace
from tests.kills.hosts import HOME
from tests.kills.ordeal import judged, ordeal

DIRECT = "Received: from student\r\n\tby mail.a.be with ESMTP id {0};\r\n\tnow\r\n"
RELAYED = "Received: from mail.b.com\r\n\tby mail.a.be with ESMTP id {0};\r\n\tnow\r\n"
AT_BACKUP = "Received: from student\r\n\tby mail.b.com with ESMTP id {0};\r\n\tnow\r\n"


def test_ten_kills_under_load_lose_nothing() -> None:
    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            found = ordeal(Path(folder), 1, lambda kills, accepted: kills < 10 or accepted < 20)
        assert found.is_well, str(found)
        assert found.kills >= 10
        assert found.accepted >= 20

    in_namespace(work)


def put(folder: Path, *texts: str) -> None:
    box = folder / "hosts" / HOME / "home" / "p" / "Maildir" / "new"
    box.mkdir(parents=True)
    for number, text in enumerate(texts):
        box.joinpath(str(number)).write_bytes(text.encode())


def message(*trail: str, end: str = "the end\r\n") -> str:
    return f"{''.join(trail)}Message-ID: <1@kills>\r\n\r\n{end}"


ACCEPTED = {"<1@kills>": ("p@a.be",)}


def test_what_is_in_no_mailbox_is_lost(tmp_path: Path) -> None:
    assert judged(tmp_path, 1, ACCEPTED, 0).lost == ("<1@kills>",)


def test_what_has_not_arrived_whole_is_lost(tmp_path: Path) -> None:
    put(tmp_path, message(DIRECT.format("q1"), end="the e"))
    assert judged(tmp_path, 1, ACCEPTED, 0).lost == ("<1@kills>",)


def test_two_copies_out_of_one_entry_of_the_backup_s_queue_are_rfc_1047(tmp_path: Path) -> None:
    put(tmp_path, *(message(RELAYED.format(own), AT_BACKUP.format("b1")) for own in ("q1", "q2")))
    found = judged(tmp_path, 1, ACCEPTED, 0)
    assert (found.twice, found.excused, found.is_well) == ((), 1, True)


def test_two_copies_of_one_entry_here_are_a_broken_promise(tmp_path: Path) -> None:
    put(tmp_path, *(message(DIRECT.format("q1")) for _ in range(2)))
    assert judged(tmp_path, 1, ACCEPTED, 0).twice == ("<1@kills>",)


def test_two_copies_that_were_taken_from_the_client_twice_are_one_too(tmp_path: Path) -> None:
    put(tmp_path, *(message(RELAYED.format(own), AT_BACKUP.format(own)) for own in ("q1", "q2")))
    assert judged(tmp_path, 1, ACCEPTED, 0).twice == ("<1@kills>",)


def test_what_no_queue_gets_rid_of_is_not_well(tmp_path: Path) -> None:
    put(tmp_path, message(DIRECT.format("q1")))
    found = judged(tmp_path, 1, ACCEPTED, 3)
    assert not found.is_well
    assert "3 never delivered" in str(found)
