"""`lab check`, `lab graph`, `lab schema`: topology files, without starting anything."""

from __future__ import annotations

import json as encoding
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cli.reading import Json
from lab.cli.screen import emit, harmless, plain, show
from lab.cli.topologies import find, near
from lab.errors import WrongUse

if TYPE_CHECKING:
    from lab.errors import Problem


def check(file: str = "", /, *, json: Json = False) -> int:
    """What is wrong, or unwise, in a topology file. Exit status 2 when something is wrong.

    Parameters
    ----------
    file
        The file, or the name of one in topologies/.
    """
    from lab import topology

    path = find(file)
    problems = topology.check(path if json else Path(near(path)))
    errors = sum(not problem.warning for problem in problems)
    if json:
        emit({"file": str(path), "errors": errors, "problems": [form(problem) for problem in problems]})
    else:
        for problem in problems:
            print(harmless(str(problem)))
        show([plain(summary(near(path), errors, len(problems) - errors), "bad" if errors else "good")])
    return 2 if errors else 0


def form(problem: Problem) -> dict[str, Any]:
    """A problem's JSON twin."""
    where = asdict(problem.place) if problem.place else {}
    about = {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint, "law": problem.law}
    return {**about, **where, "warning": problem.warning}


def summary(file: str, errors: int, warnings: int) -> str:
    """
    >>> summary("mine.yaml", 0, 2)
    '✓ mine.yaml: no errors, 2 warnings'
    """
    wrong = f"✕ {file}: {errors} error{'' if errors == 1 else 's'}" if errors else f"✓ {file}: no errors"
    return wrong + (f", {warnings} warning{'' if warnings == 1 else 's'}" if warnings else "")


def schema(*, json: Json = False) -> int:
    """The JSON Schema of topology files: an editor that knows it completes and checks while you type.

    lab schema > topology.schema.json

    Parameters
    ----------
    json
        It is JSON in any case; with this, on one line.
    """
    from lab.topology.schema import json_schema

    print(encoding.dumps(json_schema(), indent=None if json else 2, ensure_ascii=False))
    return 0


def graph(file: str = "", /, *, svg: str = "", mermaid: bool = False, json: Json = False) -> int:
    """Draw a topology.

    Parameters
    ----------
    file
        The file, or the name of one in topologies/.
    svg
        Write a picture into this file.
    mermaid
        Print Mermaid text; so it is without --svg, too.
    """
    from lab import topology
    from lab.topology import graph as drawing

    plan = topology.load(find(file))
    if svg:
        _write(Path(svg), drawing.svg(plan))
    text = drawing.mermaid(plan) if mermaid or not svg else ""
    if json:
        emit({"topology": plan.name, "svg": svg, "mermaid": text})
    elif text:
        print(text.rstrip("\n"))
    else:
        show([plain(f" {svg} shows {plan.name}, {len(plan.hosts):,} hosts.")])
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path | str, error: OSError) -> WrongUse:
    return WrongUse(f"{path} cannot be written: {(error.strerror or '').lower()}", code="W014")
