"""Every scenario that is shipped passes on sim, and tells the same story twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab import topology
from lab.fabric.namespace import probe
from lab.scenario import Mail, Net
from lab.scenario.play import Asked, play_file
from lab.scenario.result import Verdict
from lab.scenario.runner import run
from lab.scenario.script import find
from lab.scenario.twice import runs_with, twice
from tests.scenario.pythons import other_pythons

ROOT = Path(__file__).parents[2]
FILES = find([ROOT / "scenarios"])
PROMISED = {
    "first_mail",
    "mx_fallback",
    "backup_holds_and_drains",
    "three_exchangers_two_equal",
    "try_again_after_4xx",
    "never_next_after_5xx",
    "null_mx",
    "implicit_mx",
    "mx_to_cname",
    "mx_loop",
    "unknown_user_bounces",
    "five_days_and_give_up",
    "delay_warning",
    "partition",
    "open_relay_refused",
    "stale_cache_after_mx_change",
}


def test_all_that_was_promised_is_there() -> None:
    assert {file.stem for file in FILES} >= PROMISED


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_passes_on_sim(file: Path) -> None:
    for result in play_file(file, Asked()):
        assert result.verdict is Verdict.PASS, result.message
        assert result.trace_hash


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_short_enough_to_be_read_aloud(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 60


@pytest.mark.parametrize("seed", ["2", "a seed of words"])
def test_another_seed_gives_the_same_verdicts(seed: str) -> None:
    files = [file for file in FILES if file.parent.name == "scenarios"]
    results = [result for file in files for result in play_file(file, Asked(seed=seed))]
    assert [result.message for result in results if result.verdict is not Verdict.PASS] == []


def test_other_processes_hash_seeds_time_zones_and_pythons_tell_the_same_story() -> None:
    told = list(twice(FILES, Asked(), runs_with(other_pythons())))
    assert len(told) >= len(FILES)
    assert [one for one in told if one.divergence is not None or one.error] == []


def test_they_run_over_several_processes_in_the_order_of_their_files() -> None:
    results = list(run(FILES[:4], jobs=2))
    assert list(dict.fromkeys(Path(result.file) for result in results)) == FILES[:4]
    assert {result.verdict for result in results} == {Verdict.PASS}


@pytest.mark.namespace
def test_they_pass_on_local_too() -> None:
    refusal = probe()
    if refusal is not None:
        pytest.skip(refusal.sentence)
    results = list(run([ROOT / "scenarios"], fabric="local"))
    assert [result.message for result in results if result.verdict is not Verdict.PASS] == []
    assert len(results) >= len(FILES)


def test_every_topology_in_the_handout_loads() -> None:
    texts = re.findall(r"```yaml\n(name: .*?)```", (ROOT / "docs" / "exercise.md").read_text(), re.DOTALL)
    assert len(texts) >= 3
    for text in texts:
        assert topology.loads(text).hosts


def test_the_page_on_scenarios_shows_one_that_passes(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "scenarios.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "shown.py"
    file.write_text(code)
    (result,) = play_file(file, Asked(topology=str(ROOT / "topologies" / "belgium.yaml")))
    assert result.verdict is Verdict.PASS, result.message


@pytest.mark.parametrize(("kind", "name"), [(Net, "net"), (Mail, "mail")])
def test_every_verb_on_the_page_is_one(kind: type, name: str) -> None:
    text = (ROOT / "docs" / "scenarios.md").read_text()
    verbs = set(re.findall(rf"\b{name}\.([a-z0-9_]+)", text)) - {"clock", "belgiannews", "unige"}
    assert verbs
    assert {verb for verb in verbs if not hasattr(kind, verb)} == set()


def test_the_handout_names_every_check() -> None:
    named = re.findall(r"scenarios/exercise/(\S+?)\.py", (ROOT / "docs" / "exercise.md").read_text())
    assert sorted(set(named)) == sorted(file.stem for file in FILES if file.parent.name == "exercise")
