"""Which file a name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cli.topologies import find
from lab.errors import WrongUse


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_shipped_topology_is_found_from_anywhere(here: Path) -> None:
    assert find().name == "belgium.yaml"
    assert find("tiny").name == "tiny.yaml"


def test_a_file_in_topologies_here_is_preferred(here: Path) -> None:
    (here / "topologies").mkdir()
    (here / "topologies" / "belgium.yaml").write_text("name: mine\n")
    assert find("belgium") == here / "topologies" / "belgium.yaml"


def test_a_path_is_taken_as_it_is(here: Path) -> None:
    (here / "mine.yaml").write_text("name: mine\n")
    assert find("mine.yaml") == here / "mine.yaml"


def test_an_unknown_name_is_told_what_is_near(here: Path) -> None:
    with pytest.raises(WrongUse, match="no topology file 'belgum'") as caught:
        find("belgum")
    assert caught.value.remedy == "Did you mean 'belgium'?"
