"""The exercise: each step's solution passes its check, and each typical mistake is told in the right sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.scenario.play import Asked, play_file
from lab.scenario.result import Result, Verdict

HERE = Path(__file__).parent / "exercise"
CHECKS = Path(__file__).parents[2] / "scenarios" / "exercise"
SOLUTIONS = sorted((HERE / "solutions").glob("0*.yaml"))
MISTAKES = sorted((HERE / "mistakes").iterdir())


def checked(check: str, file: Path) -> Result:
    (result,) = play_file(CHECKS / f"{check}.py", Asked(topology=str(file)))
    return result


def test_every_check_has_a_solution_and_a_mistake() -> None:
    checks = {file.stem for file in CHECKS.glob("0*.py")}
    assert checks == {file.stem for file in SOLUTIONS} == {folder.name.split("-")[0] for folder in MISTAKES}


@pytest.mark.parametrize("file", SOLUTIONS, ids=lambda file: file.stem)
def test_the_solution_passes(file: Path) -> None:
    result = checked(file.stem, file)
    assert result.verdict is Verdict.PASS, result.message


@pytest.mark.parametrize("check", sorted(CHECKS.glob("0*.py")), ids=lambda file: file.stem)
def test_other_names_pass_too(check: Path) -> None:
    result = checked(check.stem, HERE / "solutions" / "names_of_their_own.yaml")
    assert result.verdict is Verdict.PASS, result.message


@pytest.mark.parametrize("folder", MISTAKES, ids=lambda folder: folder.name)
def test_the_mistake_is_told(folder: Path) -> None:
    result = checked(folder.name.split("-")[0], folder / "mine.yaml")
    assert result.verdict is not Verdict.PASS
    assert (folder / "told.txt").read_text().strip() in result.message


@pytest.mark.parametrize("folder", MISTAKES, ids=lambda folder: folder.name)
def test_what_is_missing_is_one_sentence_then_the_journey(folder: Path) -> None:
    first, _, rest = checked(folder.name.split("-")[0], folder / "mine.yaml").message.partition("\n\n")
    if first.startswith("Still missing:"):
        assert "\n" not in first
        assert not rest or rest.lstrip().startswith("J-")
