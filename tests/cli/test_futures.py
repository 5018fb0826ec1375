"""`lab futures`: a summary for people, a line for programs, and one future act by act."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

SCENARIO = "scenarios/mx_fallback.py"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a future that fails against expectation may be saved."""
    monkeypatch.chdir(tmp_path)


def test_the_last_line_adds_up(command: CommandLine) -> None:
    form = command.json("futures", "belgium", "--seeds", "3", "--mail", "4", "--days", "1")
    assert form["seeds"] == 3
    assert (form["passed"], form["failed"], form["lost"], form["twice"]) == (3, 0, 0, 0)
    assert form["wall_s"] > 0
    assert form["delivered"] == sum(form["delays"].values())


def test_several_processes_come_to_what_one_does(command: CommandLine) -> None:
    words = ("futures", "belgium", "--seeds", "8", "--mail", "3", "--days", "1")
    one, two = command.json(*words, "--jobs", "1"), command.json(*words, "--jobs", "2")
    assert {**one, "wall_s": 0} == {**two, "wall_s": 0}


def test_a_scenario_is_its_mail(command: CommandLine) -> None:
    said = command("futures", "belgium", SCENARIO, "--seeds", "2")
    assert said.status == 0
    assert f"Messages in each: 1 of {SCENARIO}" in said.out
    assert "✓ 2 passed" in said.out


def test_one_future_is_shown_act_by_act(command: CommandLine) -> None:
    said = command("futures", "belgium", "--seed", "4", "--mail", "2")
    assert "net.offer(" in said.out
    assert "clock.advance(" in said.out
    assert "✓ 1 passed" in said.out


@pytest.mark.parametrize("words", [("--seeds", "0"), ("--days", "0"), ("--mail", "-1"), ("--faults", "-1")])
def test_what_makes_no_future_is_wrong_use(command: CommandLine, words: tuple[str, str]) -> None:
    assert command("futures", "belgium", *words).status == 2


def test_one_that_fails_is_shown_and_saved(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab.mail.spool import Spool
    from tests.scenario.futures.test_planted import forgetful_append

    monkeypatch.setattr(Spool, "_append", forgetful_append)
    words = ("futures", "belgium", "--seeds", "6", "--jobs", "1", "--save", str(tmp_path))
    said = command(*words, "--json")
    *failed, last = map(json.loads, said.out.splitlines())
    assert said.status == 1
    assert last["failed"] == len(failed) > 0
    assert last["lost"] > 0
    first = failed[0]
    assert first["replay"] == f"lab futures belgium --seed {first['seed']}"
    assert Path(first["scenario"]).parent == tmp_path
    assert command("run", first["scenario"]).status == 1
    told = command(*words)
    assert f"Saved:  lab run {first['scenario']}" in told.out
    assert f"✗ seed {first['seed']}" in told.out
