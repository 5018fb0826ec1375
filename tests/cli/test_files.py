"""Topology files and scenarios from the command line, without a lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

Command = Any
"""`lab` where none is up; see conftest.py."""

WRONG = """\
name: wrong
domains:
  belgiannews.com:
    mx:
      - {preferance: 5, exchange: mail.belgiannews.com}
      - 10 198.18.4.25
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    return file


def test_a_good_file_is_good(command: Command) -> None:
    said = command("check", "belgium")
    assert said.status == 0
    assert said.out.splitlines()[-1].startswith("✓ topologies/belgium.yaml: no errors")


def test_every_error_of_a_file_is_shown_at_its_place(command: Command, wrong: Path) -> None:
    said = command("check", str(wrong))
    assert said.status == 2
    assert f"{wrong}:5:10: " in said.out
    assert "did you mean 'preference'?" in said.out
    assert f"{wrong}:6:" in said.out
    assert said.out.splitlines()[-1].startswith("✕ ")


def test_problems_have_a_json_twin(command: Command, wrong: Path) -> None:
    said = command("check", str(wrong), "--json")
    form = json.loads(said.out)
    assert said.status == 2
    assert form["errors"] == len([problem for problem in form["problems"] if not problem["warning"]]) >= 2
    assert {"code", "sentence", "file", "line", "column"} <= set(form["problems"][0])


def test_the_schema_is_one_that_editors_take(command: Command) -> None:
    form = json.loads(command("schema").out)
    assert form["$schema"].startswith("https://json-schema.org/")
    assert "domains" in form["properties"]


def test_a_topology_is_drawn_as_text_and_as_a_picture(command: Command, tmp_path: Path) -> None:
    assert "flowchart" in command("graph", "belgium").out
    picture = tmp_path / "belgium.svg"
    assert command("graph", "belgium", "--svg", str(picture)).status == 0
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_a_picture_that_cannot_be_written_is_wrong_use(command: Command, tmp_path: Path) -> None:
    said = command("graph", "tiny", "--svg", str(tmp_path / "none" / "tiny.svg"))
    assert said.status == 2
    assert "cannot be written: no such file or directory" in said.err


SCENARIO = '''
from lab.scenario import scenario

@scenario("tiny")
async def a_name_is_found(net):
    """A name is found."""
    assert await net.dig("mail.example.be", "A")

@scenario("tiny")
async def a_wish(net):
    """This never comes true."""
    assert False, "it did not come true"
'''


@pytest.fixture
def wishes(tmp_path: Path) -> Path:
    file = tmp_path / "wishes.py"
    file.write_text(SCENARIO)
    return file


def test_scenarios_are_played_and_told(command: Command, wishes: Path, tmp_path: Path) -> None:
    said = command("run", str(wishes), "--junit", str(tmp_path / "report.xml"))
    assert said.status == 1
    assert "✓ a_name_is_found" in said.out
    assert "1 passed, 1 " in said.out
    assert ElementTree.parse(tmp_path / "report.xml").getroot().find("testsuite") is not None


def test_a_result_has_the_keys_that_graders_lean_on(command: Command, wishes: Path) -> None:
    said = command("run", str(wishes), "--json", "--seed", "7")
    forms = [json.loads(line) for line in said.out.splitlines()]
    assert [form["scenario"] for form in forms] == ["a_name_is_found", "a_wish"]
    for form in forms:
        assert set(form) >= {"scenario", "fabric", "seed", "verdict", "trace_hash", "lab_s", "wall_s"}


def test_a_path_without_scenarios_is_wrong_use(command: Command, tmp_path: Path) -> None:
    assert command("run", str(tmp_path / "none.py")).status == 2


def test_the_labs_own_scenarios_are_found_from_anywhere(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = command("run", "scenarios/exercise/01_a_zone.py", "--topology", "tiny")
    assert "1 passed" in said.out


def test_an_empty_word_is_no_path(command: Command) -> None:
    assert command("run", "").status == 2


def test_a_log_that_is_none_is_named_with_its_line(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text('{"n": 1, "t": 0, "host": "", "event": "LabStopped"}\nrubbish\n\n')
    said = command("replay", str(file))
    assert said.status == 2
    assert f"{file}:2:1: this line is no entry of an event log" in said.err
    assert command("replay", str(tmp_path / "none.jsonl")).status == 2
