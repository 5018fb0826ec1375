"""Every error that a person can meet, with the exit status of the verb that met it.

    LabError                      a sentence, its remedy, its code
    ├── WorldSaidNo        1      bounced, refused, a check failed
    ├── WrongUse           2      wrong words on the command line, an unknown host or address
    │   └── BadFile        2      one or many problems in a file, each at its place
    ├── NotUp              3      the verb needs a lab that runs, and none does
    └── MachineSaidNo      4      a port, a permission, a namespace, a full disk

The rule: what reaches a user is a sentence with place, reason and remedy, never a traceback and never the
name of a Python class. The code (T004, H003 …) is what `lab explain` takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, ClassVar

from lab.values import dataclass


class LabError(Exception):
    """A sentence for the user, a remedy ('' if there is none) and a stable code ('' if there is none)."""

    exit_status: ClassVar[int] = 1

    def __init__(self, sentence: str, *, remedy: str = "", code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.code = code

    def __str__(self) -> str:
        lines = [self.sentence + (f"   {self.code}" if self.code else "")]
        return "\n".join([*lines, self.remedy] if self.remedy else lines)


class WorldSaidNo(LabError):
    exit_status = 1


class WrongUse(LabError):
    exit_status = 2


class NotUp(LabError):
    exit_status = 3


class MachineSaidNo(LabError):
    exit_status = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a text file. Lines and columns count from 1; `width` is how many columns the fault spans."""

    file: str
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file (or merely unwise: `warning`), in the user's words.

    `excerpt` is the source line it stands in, `hint` what to write instead ("did you mean 'preference'?"),
    `law` the RFC section that says so.
    """

    code: str
    sentence: str
    place: Place | None = None
    excerpt: str = ""
    hint: str = ""
    law: str = ""
    warning: bool = False

    def __str__(self) -> str:
        head = f"{self.place}: {self.sentence}" if self.place else self.sentence
        law = f" ({self.law})" if self.law else ""
        if not (self.excerpt and self.place):
            return f"{head}{law}" + (f"  {self.hint}" if self.hint else "") + f"   {self.code}"
        gutter = f"{self.place.line:5} | "
        caret = " " * 5 + " | " + " " * (self.place.column - 1) + "^" * max(1, self.place.width)
        tail = "  ".join(word for word in (self.hint, law.strip(), self.code) if word)
        return f"{head}\n{gutter}{self.excerpt}\n{caret}  {tail}"


class BadFile(WrongUse):
    """All that is wrong in a file, at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        errors = sum(not problem.warning for problem in self.problems)
        count = f"{errors} error{'s' if errors != 1 else ''}, nothing was started."
        super().__init__("\n".join([*map(str, self.problems), count]))


def form_of(error: LabError) -> dict[str, Any]:
    """An error as JSON, for another process to raise."""
    form: dict[str, Any] = {
        "sentence": error.sentence,
        "remedy": error.remedy,
        "code": error.code,
        "exit_status": error.exit_status,
    }
    if isinstance(error, BadFile):
        form["problems"] = [asdict(problem) for problem in error.problems]
    return form


def error_of(form: dict[str, Any]) -> LabError:
    """The inverse of `form_of`."""
    if "problems" in form:
        return BadFile(map(_problem_of, form["problems"]))
    kind = {1: WorldSaidNo, 2: WrongUse, 3: NotUp, 4: MachineSaidNo}.get(
        int(form.get("exit_status", 1)), WorldSaidNo
    )
    return kind(str(form["sentence"]), remedy=str(form.get("remedy", "")), code=str(form.get("code", "")))


def _problem_of(form: dict[str, Any]) -> Problem:
    place = form["place"]
    return Problem(**{**form, "place": Place(**place) if place else None})
