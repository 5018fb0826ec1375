"""What came of one scenario.

The rule: `pass` and `fail` are about the mini-Internet; `error` says that the scenario could not be played, and
its message says why in a sentence.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from lab.values import dataclass


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Result:
    scenario: str
    file: str
    fabric: str
    seed: str = ""
    verdict: Verdict = Verdict.PASS
    title: str = ""
    trace_hash: str = ""
    """Two runs share it exactly when they told the same story."""
    lab_s: float = 0.0
    wall_s: float = 0.0
    message: str = ""
    """Of a scenario that did not pass: what was expected, what came, where."""
    line: int = 0
    """Of a scenario that did not pass: the line of its file that said so."""
    notes: tuple[str, ...] = ()
    """What the scenario itself had to tell: octets counted, for one."""

    def to_json(self) -> dict[str, Any]:
        form: dict[str, Any] = {
            "scenario": self.scenario,
            "fabric": self.fabric,
            "seed": self.seed,
            "verdict": str(self.verdict),
            "trace_hash": self.trace_hash,
            "lab_s": round(self.lab_s, 3),
            "wall_s": round(self.wall_s, 3),
            "title": self.title,
            "file": self.file,
        }
        if self.notes:
            form["notes"] = list(self.notes)
        return form if self.verdict is Verdict.PASS else {**form, "message": self.message, "line": self.line}
