"""Scenario files are found, read and put on a topology."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import WrongUse
from lab.scenario.script import find, load, topology_of

ONE = '''"""The file's title."""
from lab.scenario import Net, scenario

@scenario("tiny", seed=7, fabrics=["sim"])
async def one(net: Net) -> None:
    pass

@scenario("tiny")
async def two(net: Net) -> None:
    """Its own title.

    And more.
    """
'''


def written(folder: Path, name: str, text: str = ONE) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_folder_is_searched_in_the_order_of_names(tmp_path: Path) -> None:
    names = ["b.py", "a.py", "sub/c.py", "_not.py", "notes.txt"]
    files = {name: written(tmp_path, name) for name in names}
    assert find([tmp_path]) == [files["a.py"], files["b.py"], files["sub/c.py"]]


def test_a_file_named_twice_is_played_once(tmp_path: Path) -> None:
    file = written(tmp_path, "a.py")
    assert find([file, tmp_path]) == [file]


def test_what_lies_in_hidden_folders_is_no_scenario(tmp_path: Path) -> None:
    file = written(tmp_path, "a.py")
    written(tmp_path, ".venv/lib/b.py")
    cache = written(tmp_path, "__pycache__/c.py").parent
    assert find([tmp_path, cache]) == [file]


def test_the_labs_own_topologies_are_found_from_anywhere(tmp_path: Path) -> None:
    one, _ = load(written(tmp_path, "a.py"))
    assert topology_of(one, tmp_path).name == "tiny.yaml"


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="there is no scenario"):
        find([tmp_path / "nothing.py"])


def test_a_folder_without_any_is_told(tmp_path: Path) -> None:
    written(tmp_path, "_only_helpers.py")
    with pytest.raises(WrongUse, match="no scenario in the folder"):
        find([tmp_path])


def test_the_title_is_the_first_line_of_the_function_or_of_the_file(tmp_path: Path) -> None:
    one, two = load(written(tmp_path, "a.py"))
    assert (one.name, one.title, one.seed, one.fabrics) == ("one", "The file's title.", "7", ("sim",))
    assert (two.name, two.title, two.seed) == ("two", "Its own title.", "")


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"a\.py:2: this is not Python"):
        load(written(tmp_path, "a.py", "x = 1\ndef broken(:\n"))


def test_a_file_that_breaks_while_it_is_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot be read: No module named"):
        load(written(tmp_path, "a.py", "import no_such_module_at_all\n"))


def test_a_topology_is_found_by_name_above_the_scenario_or_beside_it(tmp_path: Path) -> None:
    (script, _) = load(written(tmp_path, "scenarios/deep/a.py", ONE.replace('"tiny"', '"mine"')))
    with pytest.raises(WrongUse, match="there is no topology 'mine'"):
        topology_of(script, tmp_path / "elsewhere")
    shared = written(tmp_path, "topologies/mine.yaml", "name: mine\n")
    assert topology_of(script, tmp_path / "elsewhere") == shared
    by_path = ONE.replace('"tiny", seed=7', '"own.yaml"')
    beside = written(tmp_path, "scenarios/deep/own.yaml", "name: own\n")
    assert topology_of(load(written(tmp_path, "scenarios/deep/b.py", by_path))[0], tmp_path) == beside
