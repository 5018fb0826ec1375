"""What is not from the seed is found, and shown where it first came out: planted leaks, and how they are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli.screen import paint
from lab.cli.twice import screen
from lab.errors import WrongUse
from lab.scenario.play import Asked
from lab.scenario.twice import Divergence, Told, compare, runs_with, suspicion, twice, version_of
from tests.scenario.pythons import other_pythons

ROOT = Path(__file__).parents[2]
HEAD = """
import time
from lab.scenario import Net, scenario
HASHED = [f"p{n}" for n in range(40)]

@scenario("belgium")
async def leaks(net: Net) -> None:
"""
SEND = '    await net.send("ann@unige.ch", "ed@belgiannews.com", subject={})\n'
LEAKS = {
    "set": ('"-".join(set(HASHED))', "the same words in another order, as a set has them"),
    "id": ("str(id(object()))", "a place in memory, as id() and repr() have it"),
    "clock": ("str(int(time.time_ns() // 10**3))", "a place in memory"),
    "hash": ('str(hash("ed"))', ""),
}


def told(folder: Path, subject: str) -> Told:
    file = folder / "leaks.py"
    file.write_text(HEAD + SEND.format('"no leak here"') + SEND.format(subject))
    (found,) = twice([file], Asked(), runs_with())
    return found


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_at_the_entry_where_it_came_out(leak: str, tmp_path: Path) -> None:
    subject, why = LEAKS[leak]
    found = told(tmp_path, subject)
    assert found.divergence is not None
    first, second = json.loads(found.divergence.first), json.loads(found.divergence.second)
    assert first["event"] == second["event"] == "MailSubmitted"
    assert {key for key in first if first[key] != second[key]} <= {"subject", "size"}
    assert "subject" in first
    assert first["subject"] != second["subject"]
    assert why in suspicion(found.divergence.first, found.divergence.second)


def test_without_a_leak_there_is_nothing_to_find(tmp_path: Path) -> None:
    found = told(tmp_path, '"none here either"')
    assert found.divergence is None
    assert found.entries > 10


def test_wall_time_in_seconds_is_recognised() -> None:
    one, other = ({"event": "X", "at": f"{1795877639 + n}.25"} for n in (0, 1))
    assert suspicion(json.dumps(one), json.dumps(other)) == "at: the machine's clock"


def test_another_event_is_an_order_that_nobody_decided() -> None:
    assert suspicion('{"event": "A"}', '{"event": "B"}').startswith("another thing happened first")
    assert suspicion('{"event": "A"}', "") == ""


@pytest.mark.parametrize("columns", [80, 120])
def test_the_two_lines_stand_below_each_other_with_a_mark_where_they_part(columns: int) -> None:
    first = json.dumps({"n": 3, "event": "ExchangersFound", "destination": "be" * 60, "exchangers": ["a", "b"]})
    second = first.replace('["a", "b"]', '["b", "a"]')
    parted = compare("leaks", ["{}", "{}", first], ["{}", "{}", second], ("Python A", "Python B"))
    assert parted is not None
    drawn = [paint(line, colour=False) for line in screen(Told("leaks", 3, parted), columns)]
    assert max(map(len, drawn)) <= columns
    one, other = drawn[drawn.index("     Python A") + 1], drawn[drawn.index("     Python B") + 1]
    mark = next(line for line in drawn if line.strip() == "^").index("^")
    assert one[:mark] == other[:mark]
    assert (one[mark], other[mark]) == ("a", "b")
    assert drawn[-1].strip() == "exchangers: the same members in another order, as a set has them"


def test_a_story_that_ends_early_is_told_so() -> None:
    parted = compare("leaks", ["{}"], ["{}", "{}"])
    assert parted == Divergence("leaks", 2, "", "{}", before=("{}",))
    drawn = [paint(line, colour=False) for line in screen(Told("leaks", 1, parted), 80)]
    assert any("(the story has ended here)" in line for line in drawn)


def test_a_scenario_that_cannot_be_played_is_no_success(tmp_path: Path) -> None:
    file = tmp_path / "lost.py"
    file.write_text(HEAD.replace("belgium", "nowhere-at-all") + SEND.format('"x"'))
    (found,) = twice([file], Asked(), runs_with())
    assert "there is no topology 'nowhere-at-all'" in found.error


def test_the_verb_tells_of_a_leak_with_exit_status_1(tmp_path: Path) -> None:
    file = tmp_path / "leaks.py"
    file.write_text(HEAD + SEND.format(LEAKS["set"][0]))
    words = [sys.executable, "-m", "lab.cli.app", "run", str(file), "--twice"]
    said = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert said.returncode == 1
    assert "✗ leaks" in said.stdout
    assert "hash seed 4321, Asia/Kathmandu" in said.stdout
    assert "1 scenario in 2 processes, 1 of them not alike." in said.stdout


@pytest.mark.parametrize("option", ["--fabric=local", "--junit=x.xml", "--capture=x.pcapng", "--pack"])
def test_what_cannot_be_done_twice_is_said(option: str) -> None:
    words = [sys.executable, "-m", "lab.cli.app", "run", "scenarios/null_mx.py", "--twice", option]
    said = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert said.returncode == 2
    assert f"--twice does not go with {option.split('=')[0]}" in said.stderr


def test_another_topology_is_played_twice_too(tmp_path: Path) -> None:
    file, other = tmp_path / "leaks.py", tmp_path / "other.yaml"
    file.write_text(HEAD + SEND.format('"x"'))
    other.write_text((ROOT / "topologies" / "belgium.yaml").read_text().replace("relay.eunet.be", "post.eunet.be"))
    (found,) = twice([file], Asked(topology=str(other)), runs_with())
    assert (found.error, found.divergence) == ("", None)


@pytest.mark.parametrize(
    ("python", "sentence"), [("/nowhere/python", "there is no Python"), ("false", "cannot run")]
)
def test_a_python_that_cannot_is_told(python: str, sentence: str) -> None:
    with pytest.raises(WrongUse, match=sentence):
        version_of(python)


def test_another_python_is_at_hand() -> None:
    if not other_pythons():
        pytest.skip("NO OTHER PYTHON: stories were compared on this one alone")
    for python in other_pythons():
        assert [int(part) for part in version_of(python).split(".")[:2]] >= [3, 11]
