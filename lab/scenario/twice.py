"""Same seed, same story: a scenario played twice, in two processes with different hash seeds.

The rule: the two traces are compared entry by entry; the first that differs is what one has to look at.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from lab.scenario.play import Asked, play
from lab.scenario.script import load


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first entry in which two runs differ, as each of them has it; empty where a trace had ended."""

    scenario: str
    n: int
    first: str
    second: str

    def __str__(self) -> str:
        lines = [f"{self.scenario}: two runs differ from entry {self.n} on", f"  {self.first or '(the end)'}"]
        return "\n".join([*lines, f"  {self.second or '(the end)'}"])


def divergences(files: Sequence[Path], seed: str = "") -> list[Divergence]:
    """Where scenarios of these files tell another story the second time; nothing, as it should be."""
    with tempfile.TemporaryDirectory(prefix="lab-twice-") as folder:
        first, second = Path(folder, "1"), Path(folder, "2")
        runs = [_start(files, seed, first, "1"), _start(files, seed, second, "4321")]
        for run in runs:
            if run.wait() != 0:
                raise RuntimeError(f"a run of {', '.join(map(str, files))} broke off")
        traces = sorted({*(path.name for path in first.iterdir()), *(path.name for path in second.iterdir())})
        found = [compare(name, _lines(first / name), _lines(second / name)) for name in traces]
    return [one for one in found if one is not None]


def compare(scenario: str, first: Sequence[str], second: Sequence[str]) -> Divergence | None:
    for n, (one, other) in enumerate(zip_longest(first, second, fillvalue=""), 1):
        if one != other:
            return Divergence(scenario, n, one, other)
    return None


def _start(files: Sequence[Path], seed: str, folder: Path, hash_seed: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    words = [sys.executable, "-m", "lab.scenario.twice", str(folder), seed, *map(str, files)]
    return subprocess.Popen(words, env={**os.environ, "PYTHONHASHSEED": hash_seed})


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main(folder: str, seed: str, *files: str) -> None:
    """Play the scenarios of these files on sim, and save the trace of each in the folder."""
    for file in files:
        for script in load(Path(file)):
            trace = Path(folder, f"{Path(file).stem}-{script.name}.jsonl")
            play(script, Asked(seed=seed, trace=str(trace)))


if __name__ == "__main__":
    main(*sys.argv[1:])
