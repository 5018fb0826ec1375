"""A lab of one's own for the tests of a module, and the command line that speaks to it.

Verbs run in this process (the daemon is another one), so that a test costs milliseconds; nothing else is shared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lab.cli import app
from lab.fabric import namespace


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`lab` with a LAB_HOME of its own."""

    home: Path

    def __call__(self, *words: str) -> Said:
        out, err = StringIO(), StringIO()
        with (
            mock.patch.dict(os.environ, {"LAB_HOME": str(self.home), "COLUMNS": "200", "NO_COLOR": "1"}),
            mock.patch("sys.stdout", out),
            mock.patch("sys.stderr", err),
        ):
            status = app.guarded(words, app.dispatch)
        return Said(status, out.getvalue(), err.getvalue())

    def apart(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """The same in a process of its own, as from a shell; `typed` is its standard input."""
        return subprocess.run(
            [sys.executable, "-m", "lab.cli.app", *words],
            env={**os.environ, "LAB_HOME": str(self.home), "PYTHONUTF8": "1"},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """The last object of a verb's JSON twin."""
        return json.loads(self(*words, "--json").out.splitlines()[-1])


@contextmanager
def running(folder: Path, fabric: str) -> Iterator[CommandLine]:
    lab = CommandLine(folder)
    up = lab.apart("up", "belgium", "--fabric", fabric)
    assert up.returncode == 0, up.stderr
    try:
        yield lab
    finally:
        assert lab("down").status == 0


@pytest.fixture(scope="module")
def sim_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with running(tmp_path_factory.mktemp("sim"), "sim") as lab:
        yield lab


@pytest.fixture(scope="module")
def local_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    refused = namespace.probe()
    if refused is not None:
        pytest.skip(refused.sentence)
    with running(tmp_path_factory.mktemp("local"), "local") as lab:
        yield lab


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    """`lab` where none is up."""
    return CommandLine(tmp_path / "home")
