"""Nothing of anybody's is overwritten, and nothing is left half."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import WrongUse
from lab.export.folder import write


def test_a_folder_is_made_with_all_that_is_in_it(tmp_path: Path) -> None:
    write(tmp_path / "new" / "lab", {"README.md": "hello\n", "hosts/a.be/host.json": "{}\n"})
    assert (tmp_path / "new/lab/hosts/a.be/host.json").read_text() == "{}\n"


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "hello\n"})
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(WrongUse) as caught:
        write(tmp_path, {"mine": "not any more", "README.md": "hello\n"})
    assert caught.value.code == "W044"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("mine", "mine")]


def test_a_file_in_the_folders_place_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "lab").write_text("mine")
    with pytest.raises(WrongUse) as caught:
        write(tmp_path / "lab", {"README.md": "hello\n"})
    assert caught.value.code == "W014"
    assert (tmp_path / "lab").read_text() == "mine"


def test_what_could_not_be_written_whole_is_taken_away(tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as caught:
        write(tmp_path / "lab", {"README.md": "hello\n", "a" * 300: "a name that no file system has"})
    assert caught.value.code == "W014"
    assert list(tmp_path.iterdir()) == []
