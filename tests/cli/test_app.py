"""The overview, the verbs' words, and what becomes of errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from lab.cli import app
from lab.cli.reading import read
from lab.errors import BadFile, LabError, MachineSaidNo, NotUp, Place, Problem, WorldSaidNo, WrongUse


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))


def run(*words: str) -> int:
    return app.guarded(words, app.dispatch)


def test_the_overview_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    shown = capsys.readouterr().out
    assert all(f"   {verb} " in shown for verb in app.modules())
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize("verb", sorted(app.modules()))
def test_every_verb_has_help_and_answers_in_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    function = getattr(import_module(f"lab.cli.{app.modules()[verb]}"), verb)
    assert read(verb, function, ["--help"])() == 0
    shown = capsys.readouterr().out
    assert f"lab {verb}" in shown
    assert "--json" in shown


def test_a_misspelt_verb_is_told_what_it_may_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("journy") == 2
    assert "Did you mean  lab journey ?" in capsys.readouterr().err


def test_a_misspelt_option_is_told_what_it_may_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("dig", "belgiannews.com", "--trac") == 2
    assert "--trace" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["status"], ["dig", "x.be"], ["down"], ["clock"], ["journey"], ["watch"], ["talk", "mail.be"]]
)
def test_without_a_lab_a_verb_says_how_to_start_one(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 3
    assert capsys.readouterr().err == " No lab is up   H020\n Start one:  lab up\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [(WorldSaidNo, 1), (WrongUse, 2), (NotUp, 3), (MachineSaidNo, 4)],
    ids=lambda each: str(each),
)
def test_an_error_becomes_its_exit_status(error: type[LabError], status: int) -> None:
    def fail(words: Sequence[str]) -> int:
        raise error("no")

    assert app.guarded([], fail) == status


def test_with_json_an_error_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--json") == 3
    assert '"code": "H020"' in capsys.readouterr().out


def test_a_defect_is_a_sentence_and_a_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def break_down(words: Sequence[str]) -> int:
        raise ZeroDivisionError("a defect")

    assert app.guarded(["dig"], break_down) == 70
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "ZeroDivisionError" not in shown
    (report,) = tmp_path.glob("crash-*.txt")
    assert "ZeroDivisionError: a defect" in report.read_text()
    assert str(report) in shown


def test_ctrl_c_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(words: Sequence[str]) -> int:
        raise KeyboardInterrupt

    assert app.guarded([], interrupted) == 130
    assert capsys.readouterr().err == ""


def test_problems_in_a_file_stand_as_they_are() -> None:
    problem = Problem("T004", "unknown key 'preferance'", Place("a.yaml", 14, 10, 10), "  preferance: 5")
    assert app.worded(BadFile([problem])).startswith("a.yaml:14:10: unknown key")


def test_words_after_two_dashes_go_to_the_command_unread() -> None:
    taken = []

    def shell(host: str = "student", *, command: tuple[str, ...] = ()) -> int:
        taken.append((host, command))
        return 0

    read("shell", shell, ["relay.eunet.be", "--", "dig", "--trace"])()
    assert taken == [("relay.eunet.be", ("dig", "--trace"))]


def test_an_error_that_nobody_listens_to_is_no_traceback(tmp_path: Path) -> None:
    """As in `lab status --json | head -c 0`, with no lab up."""
    reading, writing = os.pipe()
    os.close(reading)
    program = str(Path(sys.executable).with_name("lab"))
    environment = {**os.environ, "LAB_HOME": str(tmp_path)}
    try:
        done = subprocess.run(
            [program, "status", "--json"], stdout=writing, stderr=subprocess.PIPE, env=environment, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_help_flows_in_a_narrow_terminal_and_its_tables_stay(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    run("up", "--help")
    assert "│           the one that comes with the lab." in capsys.readouterr().out
    run("talk", "--help")
    assert "\npop3  USER ed · PASS secret · STAT · LIST · RETR 1 · DELE 1 · QUIT\n" in capsys.readouterr().out
