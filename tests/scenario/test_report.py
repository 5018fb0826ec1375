"""What is told of scenarios that were played."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from lab.scenario.report import summary, told, write_junit
from lab.scenario.result import Result, Verdict
from lab.scenario.twice import compare

PASSED = Result("one", "a.py", "sim", "1", Verdict.PASS, "It works.", "ab12", 300.0, 0.25)
FAILED = Result(
    "two", "b.py", "sim", "1", Verdict.FAIL, "It does not.", message="expected  x\ncame      \x00y", line=7
)
BROKEN = Result("three", "c.py", "sim", "1", Verdict.ERROR, message="there is no host 'x'")


def test_what_passed_is_one_line() -> None:
    assert told(PASSED) == " ✓ one                           It works.   (5 min in 0.25 s)"


def test_what_failed_shows_what_came_and_where() -> None:
    lines = told(FAILED).splitlines()
    assert lines[1].strip() == "expected  x"
    assert lines[-1].strip() == "at b.py:7"


def test_the_summary_counts() -> None:
    assert summary([PASSED, FAILED, BROKEN, PASSED], 1.5).startswith(
        " 2 passed, 1 failed, 1 could not be played: 10 min of lab time in 1.5 s."
    )
    assert summary([PASSED], 1.0).startswith(" 1 passed:")


def test_the_json_line_has_the_promised_names() -> None:
    form = PASSED.to_json()
    assert {"scenario", "fabric", "seed", "verdict", "trace_hash", "lab_s", "wall_s"} <= set(form)
    assert form["verdict"] == "pass"
    assert FAILED.to_json()["message"].startswith("expected")


def test_junit_can_be_read_back_whatever_a_message_holds(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    write_junit([PASSED, FAILED, BROKEN], file)
    suite = ET.parse(file).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [child.tag for case in suite for child in case] == ["failure", "error"]
    assert [case.get("name") for case in suite] == ["one", "two", "three"]


def test_two_traces_are_compared_entry_by_entry() -> None:
    assert compare("s", ["a", "b"], ["a", "b"]) is None
    found = compare("s", ["a", "b", "c"], ["a", "x", "c"])
    assert found is not None
    assert (found.n, found.first, found.second) == (2, "b", "x")
    shorter = compare("s", ["a", "b"], ["a"])
    assert shorter is not None
    assert str(shorter).endswith("(the end)")
