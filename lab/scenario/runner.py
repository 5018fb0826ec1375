"""Many scenarios, over the processor's cores.

    for result in run([Path("scenarios")]):
        print(result.verdict, result.scenario)

The rule: no scenario sees another. Each has a world of its own: on `sim` in memory, in one of a few processes that
are used again; on `local` in a process of its own. Results come in the order of the files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue

from lab.errors import WrongUse
from lab.scenario.play import Asked, play_file
from lab.scenario.result import Result
from lab.scenario.script import find
from lab.scenario.worker import died, read_result


def run(
    paths: Sequence[Path],
    fabric: str = "sim",
    seed: str | None = None,
    topology: str | Path | None = None,
    jobs: int | None = None,
    capture: str | Path | None = None,
    pack: bool = False,
) -> Iterator[Result]:
    """Play all scenarios of these files and folders; `capture` is a file for the packets of a single one, or a
    folder; `pack`: on docker, the hosts of a scenario share a container. WrongUse, before anything runs, when a
    path is none."""
    files = find(paths)
    asked = Asked(fabric, seed or "", str(topology or ""), capture=_place(capture, len(files)), pack=pack)
    # On one engine two labs of one topology would ask for the same addresses.
    most = 1 if fabric == "docker" else jobs or os.cpu_count() or 1
    workers = min(most, len(files))
    if workers <= 1 and fabric == "sim":
        return (result for file in files for result in play_file(file, asked))
    return _spread(files, asked, max(1, workers))


def _place(capture: str | Path | None, files: int) -> str:
    if capture and files > 1 and not Path(capture).is_dir():
        raise WrongUse(
            "a capture of several scenarios takes a folder",
            remedy=f"mkdir {capture}        or name one scenario",
            code="W012",
        )
    return str(Path(capture).absolute()) if capture else ""


class Worker:
    """A process that plays one file after the other; a new one takes its place when it dies over one."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._process = self._start()

    def play(self, file: Path) -> list[Result]:
        if self._process.poll() is not None:
            self._process = self._start()
        line = self._ask(f"{file}\n")
        blank = Result(file.stem, str(file), self._asked.fabric, self._asked.seed)
        return [read_result(form) for form in json.loads(line)] if line else [died(blank)]

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            return ""
        answer = self._process.stdout.readline()
        if not answer:
            self.end()
        return answer

    def _start(self) -> subprocess.Popen[str]:
        words = [sys.executable, "-P", "-m", "lab.scenario.worker", json.dumps(asdict(self._asked))]
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


def _spread(files: Sequence[Path], asked: Asked, count: int) -> Iterator[Result]:
    """A thread for each worker hands it files, as many as it can play."""
    workers = [Worker(asked) for _ in range(count)]
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def play_on_a_free_one(file: Path) -> list[Result]:
        worker = free.get()
        try:
            return worker.play(file)
        finally:
            free.put(worker)

    pool = ThreadPoolExecutor(count)
    try:
        for results in pool.map(play_on_a_free_one, files):
            yield from results
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.end()
