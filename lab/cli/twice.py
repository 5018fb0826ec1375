"""`lab run --twice`: whether scenarios tell the same story in other processes, and where they part if not.

The rule: two lines that differ stand below each other, cut to the same piece, with a mark where they part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.cli.screen import Line, emit, plain, show, width
from lab.scenario.play import Asked
from lab.scenario.twice import Divergence, Run, Told, runs_with, suspicion, twice

_END = "(the story has ended here)"


def run_twice(files: Sequence[Path], asked: Asked, pythons: Sequence[str], json: bool) -> int:
    """Play and tell; exit status 1 when a story differs or could not be told."""
    wrong, count, runs = 0, 0, runs_with(pythons)
    for told in twice(files, asked, runs):
        count += 1
        wrong += bool(told.divergence or told.error)
        if json:
            emit(form(told))
        else:
            show(screen(told, width()))
    if not json:
        show(_closing(wrong, count, runs))
    return 1 if wrong else 0


def form(told: Told) -> dict[str, Any]:
    """The JSON twin of a scenario."""
    whole: dict[str, Any] = {
        "scenario": told.scenario,
        "same": told.divergence is None and not told.error,
        "entries": told.entries,
    }
    if told.error:
        whole["message"] = told.error
    if (parted := told.divergence) is not None:
        whole["n"], whole["runs"] = parted.n, list(parted.runs)
        whole["first"], whole["second"] = parted.first, parted.second
        whole["suspicion"] = suspicion(parted.first, parted.second)
    return whole


def screen(told: Told, columns: int) -> Iterator[Line]:
    if told.error:
        yield (" ! ", "bad"), (f"{told.scenario:<28}", "place"), (f"  could not be played: {told.error}", "bad")
    elif told.divergence is None:
        yield (" ✓ ", "good"), (f"{told.scenario:<28}", "place"), (f"  {told.entries:>6,} entries, the same", "")
    else:
        yield from _parted(told, told.divergence, columns)


def _parted(told: Told, parted: Divergence, columns: int) -> Iterator[Line]:
    where = f"  parts at entry {parted.n} of {told.entries}"
    yield (" ✗ ", "bad"), (f"{told.scenario:<28}", "place"), (where, "bad")
    room = columns - 6
    for number, line in enumerate(parted.before, parted.n - len(parted.before)):
        yield ("     ", ""), (f"{number:>5}  ", "dim"), (_cut(line, 0, room - 7), "dim")
    first, second = parted.first or _END, parted.second or _END
    same = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(first))
    start = max(0, same - room // 3)
    for name, line in zip(parted.runs, (first, second), strict=True):
        yield ("     ", ""), (name, "head")
        yield ("     ", ""), (_cut(line, start, room), "")
    yield ("     ", ""), (" " * (same - start + bool(start)) + "^", "bad")
    if words := suspicion(parted.first, parted.second):
        yield ("     ", ""), (words, "why")


def _cut(line: str, start: int, room: int) -> str:
    """A piece of the line from `start`, `…` where something is left out."""
    piece = ("…" if start else "") + line[start:]
    return piece if len(piece) <= room else f"{piece[: room - 1]}…"


def _closing(wrong: int, count: int, runs: Sequence[Run]) -> list[Line]:
    told = f"{count} scenario{'' if count == 1 else 's'}"
    ending = f"{wrong} of them not alike" if wrong else "each alike"
    return [
        plain(f" {told} in {len(runs)} processes, {ending}.", "bad" if wrong else "good"),
        *(plain(f"   {run.name}", "dim") for run in runs),
    ]
