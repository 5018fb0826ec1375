"""Same seed, same story: scenarios played by several processes that have nothing in common but the seed.

The rule: each process has another hash seed and another time zone, and may be another Python; their traces are
compared entry by entry, and the first that differs is what one has to look at. A leak is anything that got in
beside the seed: the order of a set, an id(), the machine's clock.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from importlib.resources import files as resources
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lab.errors import WrongUse
from lab.scenario.play import Asked, play, scripts_of
from lab.values import dataclass

_BEFORE = 2
"""Entries shown of what was the same still."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: which Python (a path, and its version), and what is different about its surroundings."""

    python: str
    version: str
    hash_seed: str
    zone: str

    @property
    def name(self) -> str:
        return f"Python {self.version}, hash seed {self.hash_seed}, {self.zone}"


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first entry in which two runs differ, as each of them has it; empty where a trace had ended.
    `before`: the last ones that were the same."""

    scenario: str
    n: int
    first: str
    second: str
    runs: tuple[str, str] = ("", "")
    before: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.scenario}: two runs differ from entry {self.n} on", f"  {self.first or '(the end)'}"]
        return "\n".join([*lines, f"  {self.second or '(the end)'}"])


@dataclass(frozen=True, slots=True)
class Told:
    """One scenario, and whether every run told it alike. `entries` of the first run; `error`: it could not be
    played at all."""

    scenario: str
    entries: int
    divergence: Divergence | None = None
    error: str = ""


def twice(files: Sequence[Path], asked: Asked, runs: Sequence[Run]) -> Iterator[Told]:
    """Play every scenario of these files in each of these runs, with the seed and topology that are asked for.
    WrongUse where a file is no scenario."""
    for file in files:
        scripts_of(file)
    with tempfile.TemporaryDirectory(prefix="lab-twice-") as place:
        folders = [Path(place, str(number)) for number in range(len(runs))]
        processes = [_start(files, asked, folder, run) for folder, run in zip(folders, runs, strict=True)]
        for process in processes:
            process.wait()
        names = {path.stem for folder in folders for path in folder.glob("*.jsonl")}
        yield from (_told(name, folders, runs) for name in sorted(names))


def runs_with(pythons: Sequence[str] = ()) -> list[Run]:
    """Two of this Python, and one of each further one. WrongUse where the lab cannot run on one of them."""
    here = platform.python_version()
    own = [Run(sys.executable, here, "1", "UTC"), Run(sys.executable, here, "4321", "Asia/Kathmandu")]
    others = [
        Run(python, version_of(python), str(77 + number), "America/St_Johns")
        for number, python in enumerate(pythons)
    ]
    return own + others


def compare(
    scenario: str, first: Sequence[str], second: Sequence[str], runs: tuple[str, str] = ("", "")
) -> Divergence | None:
    for n, (one, other) in enumerate(zip_longest(first, second, fillvalue=""), 1):
        if one != other:
            before = tuple(first[max(0, n - 1 - _BEFORE) : n - 1])
            return Divergence(scenario, n, one, other, runs, before)
    return None


def suspicion(first: str, second: str) -> str:
    """What probably leaked, from the two entries; '' where nothing can be said.

    >>> suspicion('{"exchangers": ["a", "b"]}', '{"exchangers": ["b", "a"]}')
    'exchangers: the same members in another order, as a set has them'
    """
    if not (first and second):
        return ""
    one, other = json.loads(first), json.loads(second)
    if one.get("event") != other.get("event"):
        return "another thing happened first: an order that nobody decided"
    found = (_why(key, one[key], other.get(key)) for key in one if one[key] != other.get(key))
    return next(filter(None, found), "")


def _why(key: str, one: Any, other: Any) -> str:
    if isinstance(one, list) and isinstance(other, list) and sorted(map(str, one)) == sorted(map(str, other)):
        return f"{key}: the same members in another order, as a set has them"
    if sorted(re.findall(r"\w+", str(one))) == sorted(re.findall(r"\w+", str(other))):
        return f"{key}: the same words in another order, as a set has them"
    numbers = [int(number, 0) for number in re.findall(r"0x[0-9a-f]+|\d{9,}", str(one))]
    if any(1.4e9 < number < 4e9 for number in numbers):
        return f"{key}: the machine's clock"
    if any(number > 1 << 32 for number in numbers):
        return f"{key}: a place in memory, as id() and repr() have it"
    return ""


# -- the processes --------------------------------------------------------------------------------------------


def _told(name: str, folders: Sequence[Path], runs: Sequence[Run]) -> Told:
    traces = [_lines(folder / f"{name}.jsonl") for folder in folders]
    scenario = name.partition("-")[2]
    error = next(iter(_lines(folders[0] / f"{name}.error")), "")
    for trace, run in zip(traces[1:], runs[1:], strict=True):
        found = compare(scenario, traces[0], trace, (runs[0].name, run.name))
        if found is not None:
            return Told(scenario, len(traces[0]), found)
    return Told(scenario, len(traces[0]), error=error)


def _start(files: Sequence[Path], asked: Asked, folder: Path, run: Run) -> subprocess.Popen[bytes]:
    folder.mkdir()
    order = json.dumps(asdict(asked))
    words = [run.python, "-P", "-m", "lab.scenario.twice", str(folder), order, *map(str, files)]
    return subprocess.Popen(words, env={**_surroundings(), "PYTHONHASHSEED": run.hash_seed, "TZ": run.zone})


def _surroundings() -> dict[str, str]:
    """The lab is this one, whatever the other Python has; what it stands on is its own."""
    return {**os.environ, "PYTHONPATH": str(Path(str(resources("lab"))).parent)}


def version_of(python: str) -> str:
    """Of another Python. WrongUse where it is none, or the lab cannot run there."""
    ask = "import platform, lab.scenario.play, lab.fabric.sim; print(platform.python_version())"
    words = [python, "-P", "-c", ask]
    try:
        said = subprocess.run(words, env=_surroundings(), capture_output=True, text=True, check=False)
    except OSError:
        raise WrongUse(f"there is no Python '{python}'", code="W012") from None
    if said.returncode:
        why = (said.stderr.strip().splitlines() or ["no reason given"])[-1]
        remedy = f"{python} -m pip install -e .        in the lab's folder"
        raise WrongUse(f"the lab cannot run on {python}: {why}", remedy=remedy, code="W012")
    return said.stdout.strip()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main(folder: str, order: str, *files: str) -> None:
    """Play the scenarios of these files on sim, and save the trace of each in the folder."""
    asked = Asked(**json.loads(order))
    for number, file in enumerate(files):
        for script in scripts_of(Path(file)):
            trace = Path(folder, f"{number:04}-{script.name}.jsonl")
            trace.touch()
            result = play(script, replace(asked, trace=str(trace)))
            if not trace.stat().st_size:
                trace.with_suffix(".error").write_text(result.message, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
