"""The way in: a topology file becomes a plan, or everything that is wrong with it.

The rule: a file with one error starts nothing, and tells all of its errors at once. A fault that the file keeps on
purpose (`faults_on_purpose: [T021]`) is told as a warning.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from lab.errors import BadFile, Place, Problem
from lab.topology.complaints import in_words
from lab.topology.model import Topology
from lab.topology.plan import Plan
from lab.topology.planning import make_plan
from lab.topology.source import Source, read


def load(path: Path) -> Plan:
    """The plan of a topology file. BadFile, with every problem, when it has errors."""
    plan, problems = _read_file(path)
    return _sound(plan, problems)


def loads(text: str, source: str = "topology.yaml") -> Plan:
    """The plan of a topology given as text."""
    return _sound(*_read(text, source))


def check(path: Path) -> list[Problem]:
    """Everything that is wrong or unwise in a topology file, in the order of its lines."""
    return _read_file(path)[1]


def _sound(plan: Plan | None, problems: list[Problem]) -> Plan:
    if plan is None or any(not problem.warning for problem in problems):
        raise BadFile(problems)
    return plan


def _read_file(path: Path) -> tuple[Plan | None, list[Problem]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None, [Problem("T003", f"there is no file {path}", hint="the lab's own are in topologies/")]
    except OSError as error:
        return None, [Problem("T003", f"{path} cannot be read: {(error.strerror or 'no reason given').lower()}")]
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        return None, [Problem("T003", "this is not UTF-8 text", Place(str(path), line, 1))]
    return _read(text, str(path))


def _read(text: str, name: str) -> tuple[Plan | None, list[Problem]]:
    source = read(text, name)
    if source.problems:
        return None, source.problems
    if source.value is None:
        return None, [Problem("T003", f"{name} is empty", hint="a topology begins with 'name:' and 'domains:'")]
    try:
        topology = Topology.model_validate(source.value)
    except ValidationError as error:
        return None, _in_order(in_words(error.errors(), source))
    return _planned(_named(topology, name), source)


def _named(topology: Topology, file: str) -> Topology:
    return topology if topology.name else topology.model_copy(update={"name": Path(file).stem})


def _planned(topology: Topology, source: Source) -> tuple[Plan | None, list[Problem]]:
    plan, draft = make_plan(topology, source)
    kept = set(topology.faults_on_purpose)
    problems = [_kept(problem) if problem.code in kept else problem for problem in draft.problems]
    return plan, _in_order(problems)


def _kept(problem: Problem) -> Problem:
    return replace(problem, warning=True, hint="kept on purpose")


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column) if p.place else ("", 0, 0))
