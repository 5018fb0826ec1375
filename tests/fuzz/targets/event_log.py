"""A saved log, damaged or made up: `lab replay` tells it, or says which line is none; it never falls over."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from lab.cli.watch import replay
from lab.errors import LabError
from lab.events import KINDS
from lab.log import gather
from tests.fuzz.target import Choices, Target
from tests.journey.journey_stories import came_home, first_mail, held_by_the_backup

_STORIES = (first_mail(), held_by_the_backup(), came_home())
_LINES = tuple(entry.line() for story in _STORIES for entry in story.log)
_ODD: tuple[Any, ...] = (
    None,
    "",
    "x",
    "a1",
    0,
    -1,
    10**400,
    1e400,
    float("nan"),
    True,
    [],
    ["ed@belgiannews.com", None, 7],
    {},
    {"a": [1]},
    "\x1b[2J\x00\ud800",
    "2026-13-45T99:00:00+00:00",
    "MailAccepted",
)
_KINDS = tuple(sorted(KINDS))


def _changed(choices: Choices, line: str) -> str:
    form = json.loads(line)
    key = choices.one_of(tuple(form))
    if choices.below(4) == 3:
        del form[key]
    elif choices.below(4) == 3:
        form["event"] = choices.one_of(_KINDS)
    else:
        form[key] = choices.one_of(_ODD)
    return json.dumps(form)


def _line(choices: Choices) -> str:
    line = choices.one_of(_LINES)
    match choices.below(8):
        case 5 | 6:
            return _changed(choices, line)
        case 7:
            return choices.one_of(
                ("{}", "[]", "null", '{"n":1}', "[" * 2_000, "9" * 5_000, "", '{"n":', "\ufeff{}")
            )
    return line


def log(choices: Choices) -> bytes:
    """A story from its beginning, some of its lines others."""
    lines = [entry.line() for entry in choices.one_of(_STORIES).log]
    for _ in range(choices.below(4)):
        lines[choices.below(len(lines))] = _line(choices)
    return "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"


_FILE = Path(tempfile.mkdtemp(prefix="fuzz-log-")) / "run.jsonl"


def run(octets: bytes) -> None:
    _FILE.write_bytes(octets)
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        try:
            replay(str(_FILE), json=len(octets) % 2 == 1, all=len(octets) % 3 == 1)
        except LabError as error:
            assert error.sentence
    assert "\x1b" not in screen.getvalue(), "a log has no power over a terminal"
    gathered = gather(octets.decode("utf-8", "replace").split("\n"))
    assert [entry.n for entry in gathered] == list(range(1, len(gathered) + 1))


def _seed() -> bytes:
    return "".join(f"{line}\n" for line in _LINES[:12]).encode()


TARGET = Target(run, log, (_seed(),))
