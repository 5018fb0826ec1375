"""`lab compare policies`: the same cases under one mail agent's policy after another, side by side.

The rule: every cell was played, on sim, in this moment. The table says where policies part; a case says how, step
by step, and which row of the policy decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from lab.cli.compare_case import case_screen
from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, width
from lab.errors import WrongUse


def compare(
    what: Literal["policies", "schedules"] = "policies",
    case: str = "",
    /,
    *,
    policy: str = "",
    topology: str = "",
    json: Json = False,
) -> int:
    """The same cases under one mail agent's policy after another:  lab compare policies

    Parameters
    ----------
    what
        What to hold side by side: policies, the tables of what follows after which reply; or schedules, when each
        agent tries again.
    case
        One case, step by step: its name or number, as the table shows it; or a scenario's file, which is played
        under each policy.
    policy
        These only, parted by commas: rfc5321,postfix.
    topology
        Play the scenario on this topology instead of its own.
    """
    if what == "schedules":
        return _schedules(json)
    from lab.compare import CASES, case_named
    from lab.compare import compare as played
    from lab.compare.form import row, whole

    policies = chosen(policy)
    if case.endswith(".py"):
        return _scenario(case, policies, topology, json)
    if case:
        form = whole(next(played([case_named(case)], policies)))
        if json:
            emit(form)
        else:
            show(case_screen(form, width()))
        return 0
    if json:
        for outcomes in played(CASES, policies):
            emit(row(outcomes))
    else:
        table_of(policies)
    return 0


def _scenario(file: str, policies: Sequence[str], topology: str, json: bool) -> int:
    from lab.cli.run import found
    from lab.cli.topologies import find
    from lab.compare.scenarios import compare_file

    for form in compare_file(found(file), policies, str(find(topology)) if topology else ""):
        if json:
            emit(form)
        else:
            show(case_screen(form, width()))
    return 0


def _schedules(json: bool) -> int:
    from lab.cli.compare_schedules import all_forms, schedules_screen

    if json:
        for form in all_forms():
            emit(form)
    else:
        show(schedules_screen(all_forms(), width()))
    return 0


def chosen(words: str) -> tuple[str, ...]:
    """The policies of that list; all where it is empty. WrongUse for one that there is not."""
    from lab.mail.policies import POLICIES, named_policy

    names = [named_policy(word.strip().lower()).name for word in words.split(",") if word.strip()]
    if len(set(names)) == 1:
        raise WrongUse(
            "one policy alone is compared with nothing", remedy=f"--policy rfc5321,{names[0]}", code="W012"
        )
    return tuple(dict.fromkeys(names)) or tuple(POLICIES)


def table_of(policies: Sequence[str]) -> None:
    """Each line as soon as it is played."""
    from lab.compare import GROUPS
    from lab.compare import compare as played
    from lab.compare.form import row

    columns, parted, count = width(), 0, 0
    show(heading(policies))
    for group, cases in GROUPS.items():
        show([plain(f" {group}", "dim")])
        for outcomes in played(cases, policies):
            form = row(outcomes)
            parted, count = parted + form["differ"], count + 1
            show([table_row(form, columns)])
    show(closing(parted, count))


# -- the table ------------------------------------------------------------------------------------------------

_NAME = 14
_CELL = 8
"""Columns: with seven policies and the marks the table is 80 wide."""
_TITLE = 38


def heading(policies: Sequence[str]) -> list[Line]:
    cells = "".join(f" {name:<{_columns(name)}}" for name in policies)
    return [plain(f"  {'case':<{_NAME}}{cells}", "head")]


def _columns(policy: str) -> int:
    return max(_CELL, len(policy))


def table_row(form: dict[str, Any], columns: int) -> Line:
    """A case. Where all agree it is dim; what is not as the first policy has it, is in its colour."""
    cells = list(form["policies"].items())
    first = cells[0][1]["word"]
    line = [
        ("≠ " if form["differ"] else "  ", "head"),
        (f"{form['case']:<{_NAME}}", "place" if form["differ"] else "dim"),
    ]
    for at, (policy, cell) in enumerate(cells):
        apart = form["differ"] and (cell["word"] != first or at == 0)
        line += [
            (" ", ""),
            (f"{cell['word']:<{_columns(policy)}}", cell["style"] if apart else "" if form["differ"] else "dim"),
        ]
    if sum(len(text) for text, _ in line) + 2 + _TITLE <= columns:
        line.append((f"  {form['title']}", "" if form["differ"] else "dim"))
    return line


def closing(parted: int, cases: int) -> list[Line]:
    return [
        plain(""),
        plain(f" They part in {parted} of {cases} cases (≠)."),
        plain(" ● who took it   ◷ tried again later   ✕ given up   ↺ mailed itself   ◐ some of each", "dim"),
        plain(" Step by step, and why:  lab compare policies rcpt-4xx", "dim"),
    ]
