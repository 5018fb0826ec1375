"""The way in: a topology file becomes a plan, or everything that is wrong with it.

The rule: a file with one error starts nothing, and tells all of its errors at once. A fault that the file keeps on
purpose (`faults_on_purpose: [T021]`) is told as a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from lab.errors import BadFile, Place, Problem
from lab.topology.complaints import in_words, mend
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
    topology, problems, lost = _validated(source)
    if topology is None:
        return None, _in_order(problems)
    twice = list(_twice(source))
    plan, more = _planned(_named(topology, name), source)
    sequels = [problem for problem in more if not ((lost or twice) and problem.code in _FOLLOWS)]
    problems += twice
    return (None if problems else plan), _in_order(problems + sequels)


_FOLLOWS = {"T012", "T013", "T015", "T025", "T030", "T040", "T041", "T042", "T043", "T045", "T049"}
"""What may only be wrong because a faulty part was left out of account."""


def _validated(source: Source) -> tuple[Topology | None, list[Problem], bool]:
    """The model of what is sound, what is not, and whether the model lacks something for it."""
    problems: list[Problem] = []
    lost = False
    for _ in range(4):
        try:
            return Topology.model_validate(source.value), problems, lost
        except ValidationError as error:
            found = error.errors()
            problems += in_words([one for one in found if not (lost and one["type"] == "missing")], source)
            if any(not one["loc"] for one in found):
                break
            lost |= mend(found, source)
    return None, problems, lost


def _twice(source: Source) -> Iterator[Problem]:
    """A domain given twice under another spelling: "eunet.be" and "Eunet.BE." are one name."""
    seen: dict[str, str] = {}
    for key in source.value.get("domains") or {}:
        first = seen.setdefault(key.lower().rstrip("."), key)
        if first != key:
            hint = "names are the same whatever their case; put both into one"
            path = ("domains", key)
            yield source.problem("T014", f"'{key}' is the domain '{first}' again", path, key=True, hint=hint)


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
