import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.mail.folder_names import LONGEST, folder_name, from_file_name, parents, to_file_name
from lab.mail.folders import FolderError


@pytest.mark.parametrize(
    ("said", "name", "file"),
    [
        ("inbox", "INBOX", ""),
        ("Inbox/Later", "INBOX/Later", ".INBOX.Later"),
        ("Archive/2026/", "Archive/2026", ".Archive.2026"),
        ("1.5 & more", "1.5 & more", ".1&AC4-5 &- more"),
        ("Été", "Été", ".&AMk-t&AOk-"),
        ("台北", "台北", ".&U,BTFw-"),
    ],
)
def test_name_has_its_file_name_and_back(said: str, name: str, file: str) -> None:
    assert folder_name(said) == name
    assert to_file_name(name) == file
    assert not file or from_file_name(file) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/etc", "a//b", "..", "../../etc/passwd", "a/..", "a/./b", "nul\0", "line\r\nbreak"),
        *("a*", "a%", 'a"b', " a", "a ", "\udce9", "x" * 10_000, "é" * 100, "/".join("ab" * 100)),
    ],
)
def test_name_that_no_file_system_should_see_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(FolderError) as told:
        folder_name(name)
    assert told.value.code == "CANNOT"
    assert told.value.sentence.isascii()
    assert len(told.value.sentence) < 100


@pytest.mark.parametrize("file", [".", "..", ".a..b", ".&AGE-", ".&ZZ-", ".a&b", "cur", ".&", ".begin*"])
def test_file_names_not_of_this_making_are_passed_over(file: str) -> None:
    assert from_file_name(file) is None


@given(st.text())
def test_no_two_names_have_one_file_name_and_none_leaves_the_mailbox(text: str) -> None:
    try:
        name = folder_name(text)
    except FolderError:
        return
    file = to_file_name(name)
    assert name == "INBOX" or (from_file_name(file) == name and file.startswith(".") and file not in (".", ".."))
    assert "/" not in file
    assert len(file.encode()) <= LONGEST


def test_parents_are_those_above_it_the_highest_first() -> None:
    assert parents("a/b/c") == ["a", "a/b"]
    assert parents("a") == []
