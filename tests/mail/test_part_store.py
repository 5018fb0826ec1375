from pathlib import Path

import pytest

from lab.mail.part_store import PartStore, as_text, from_text
from lab.wire import mime

OCTETS = (
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
    b"Content-Language: fr, de\r\n\r\nbonjour\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: in\r\n\r\nx\r\n--b--\r\n"
)
TREE = mime.index(OCTETS)


def test_tree_is_the_same_when_it_comes_back() -> None:
    assert from_text(as_text(TREE)) == TREE


def test_tree_is_found_by_another_process(tmp_path: Path) -> None:
    ours, theirs = PartStore(tmp_path / "index.sqlite"), PartStore(tmp_path / "index.sqlite")
    assert theirs.find(1, 2) is None
    ours.keep(1, 2, TREE)
    assert theirs.find(1, 2) == TREE
    assert theirs.find(2, 2) is None
    ours.close()
    theirs.close()


@pytest.mark.parametrize("octets", [b"", b"this is no database" * 100])
def test_damaged_file_is_begun_anew(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "index.sqlite"
    file.write_bytes(octets)
    first = PartStore(file)
    assert first.find(1, 2) is None
    first.keep(1, 2, TREE)
    first.close()
    again = PartStore(file)
    assert again.find(1, 2) == TREE
    again.close()


def test_file_that_cannot_be_is_done_without(tmp_path: Path) -> None:
    store = PartStore(tmp_path / "no" / "such" / "folder" / "index.sqlite")
    store.keep(1, 2, TREE)
    assert store.find(1, 2) == TREE
    assert store.find(1, 3) is None
    store.close()
