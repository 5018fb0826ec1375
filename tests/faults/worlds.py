"""A lab in this process, for the worlds beside this file: each is typed as its comment lines say.

A world is a topology file. Its leading comment has a line `# $ lab …` for each command, exactly as one types it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

from lab import topology
from lab.cli import app
from lab.control import client
from lab.control.running import Lab, lab_of
from lab.control.verbs import BOARD
from lab.fabric import site
from lab.fabric.loop import LabLoop
from lab.internet import Internet

FOLDER = Path(__file__).parent
WORLDS = sorted(FOLDER.glob("*.yaml"))


def code_of(world: Path) -> str:
    return world.stem.partition("-")[0]


def commands(world: Path) -> list[str]:
    """What its comment says to type, without the prompt."""
    return re.findall(r"^# \$ (lab .*)$", world.read_text(), re.MULTILINE)


def typeable(remedy: str) -> list[str]:
    """The commands in a remedy: each begins with `lab` behind two spaces or at the beginning."""
    return [one.strip(" .,") for one in re.findall(r"(?:^|  )(lab .*?)(?=, then|,  or|$)", remedy)]


@dataclass(frozen=True, slots=True)
class Typing:
    """`lab` as somebody types it, spoken to a lab in this process."""

    lab: Lab
    runner: asyncio.Runner
    home: str
    """Where a defect would be written down."""

    def __call__(self, line: str) -> str:
        """What the command says; LabErrors are part of that."""
        words, out = shlex.split(line)[1:], StringIO()
        with (
            mock.patch.dict(os.environ, {"LAB_HOME": self.home, "COLUMNS": "118", "NO_COLOR": "1"}),
            mock.patch("sys.stdout", out),
            mock.patch("sys.stderr", out),
            mock.patch.object(client, "stream", self._stream),
        ):
            app.guarded(words, app.dispatch)
        return out.getvalue()

    def json(self, line: str) -> Any:
        return json.loads(self(f"{line} --json").splitlines()[-1])

    def _stream(self, verb: str, **args: Any) -> Iterator[dict[str, Any]]:
        form = self.runner.run(BOARD.verbs[verb](self.lab, json.loads(json.dumps(args))))
        yield json.loads(json.dumps(form))


@contextmanager
def lab_up(world: Path) -> Iterator[Typing]:
    plan = topology.load(world)
    stage = site.sim(plan)
    make = asyncio.Runner(loop_factory=lambda: LabLoop(stage.source))
    with tempfile.TemporaryDirectory() as home, make as runner:

        async def up() -> Internet:
            internet = Internet(plan, stage.make)
            await internet.up()
            return internet

        internet = runner.run(up())
        try:
            yield Typing(lab_of(internet), runner, home)
        finally:
            runner.run(internet.down())
