"""A process in which scenarios are played: files on standard input, one a line; results on standard output, a
line of JSON for each file.

    python -m lab.scenario.worker '{"fabric": "local", "seed": "", "topology": "", "trace": ""}'

The rule: on `local` each scenario has a child of its own, because a process that entered a private network cannot
leave it. What a scenario prints goes to standard error, and never among the results.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.scenario.play import Asked, for_one, play, play_file, scripts_of
from lab.scenario.result import Result, Verdict

Forms = list[dict[str, Any]]


def main(order: str) -> None:
    asked = Asked(**json.loads(order))
    with os.fdopen(_claim_output(), "w", encoding="utf-8") as answers:
        for line in sys.stdin:
            results = _play(Path(line.rstrip("\n")), asked)
            answers.write(json.dumps([asdict(result) for result in results]) + "\n")
            answers.flush()


def _claim_output() -> int:
    """Standard output for this process alone; whoever prints is led to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    return own


def _play(file: Path, asked: Asked) -> list[Result]:
    return play_file(file, asked) if asked.fabric == "sim" else list(_each_apart(file, asked))


def _each_apart(file: Path, asked: Asked) -> Iterator[Result]:
    try:
        scripts = scripts_of(file)
    except LabError as error:
        yield Result(file.stem, str(file), asked.fabric, asked.seed, Verdict.ERROR, message=str(error))
        return
    for script in scripts:
        form = _apart(lambda script=script: asdict(play(script, for_one(script, len(scripts), asked))))  # type: ignore[misc]
        blank = Result(script.name, str(file), asked.fabric, asked.seed, Verdict.ERROR, script.title)
        yield read_result(form) if form else died(blank)


def _apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` makes in a child of this process; empty when the child died over it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with suppress(KeyboardInterrupt), os.fdopen(writing, "w", encoding="utf-8") as answer:
            answer.write(json.dumps(work()))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return dict(json.loads(text)) if text else {}


def read_result(form: dict[str, Any]) -> Result:
    return Result(**{**form, "verdict": Verdict(form["verdict"])})


def died(blank: Result) -> Result:
    """A result for a scenario whose process did not live to tell one."""
    message = "the process it was played in was ended from outside"
    return Result(
        blank.scenario, blank.file, blank.fabric, blank.seed, Verdict.ERROR, blank.title, message=message
    )


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main(sys.argv[1])
