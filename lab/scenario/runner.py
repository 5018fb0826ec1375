"""Many scenarios, over the processor's cores.

    for result in run([Path("scenarios")]):
        print(result.verdict, result.scenario)

The rule: no scenario sees another. On `sim` each has a world of its own in memory, and processes are used again;
on `local` each has a process of its own, because a process that entered a private network cannot leave it.
Results come in the order of the files.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from lab.scenario.play import Asked, play_file
from lab.scenario.result import Result, Verdict
from lab.scenario.script import find

_WARM = ["lab.scenario.play", "lab.fabric.sim", "lab.topology.loading", "lab.dns.authority", "lab.mail.server"]
"""Imported once, in the process that the others are forked from."""


def run(
    paths: Sequence[Path],
    fabric: str = "sim",
    seed: str | None = None,
    topology: str | Path | None = None,
    jobs: int | None = None,
) -> Iterator[Result]:
    """Play all scenarios of these files and folders. WrongUse, before anything runs, when a path is none."""
    files = find(paths)
    asked = Asked(fabric, seed or "", str(topology or ""))
    workers = min(jobs or os.cpu_count() or 1, len(files))
    if workers <= 1 and fabric == "sim":
        return (result for file in files for result in play_file(file, asked))
    return _spread(files, asked, max(1, workers))


def _spread(files: Sequence[Path], asked: Asked, workers: int) -> Iterator[Result]:
    once = 1 if asked.fabric == "local" else None
    with ProcessPoolExecutor(workers, mp_context=_context(), max_tasks_per_child=once) as pool:
        waiting = [(file, pool.submit(play_file, file, asked)) for file in files]
        try:
            for file, future in waiting:
                yield from _come(file, future, asked)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _come(file: Path, future: Future[list[Result]], asked: Asked) -> list[Result]:
    try:
        return future.result()
    except BrokenProcessPool:
        message = "the process it was played in, or one beside it, was ended from outside"
        return [Result(file.stem, str(file), asked.fabric, asked.seed, Verdict.ERROR, message=message)]


def _context() -> multiprocessing.context.BaseContext:
    """Children of a fresh process that has one thread: what forks then is small, and may enter a namespace."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_WARM)
    return context
