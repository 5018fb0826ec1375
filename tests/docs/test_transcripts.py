"""What the documents show is what happens: every `console` block of README.md and docs/ is typed and compared.

A block has `$` lines, typed in turn, with their output below, where `…` is anything within a line and a
line of `…` any lines. A document tells one story in one lab; a block that begins with `lab up` begins anew.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = [
    path for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))) if BLOCK.search(path.read_text())
]
TOOLS = ("dig", "nslookup", "telnet", "swaks")


@dataclass(frozen=True, slots=True)
class Typed:
    command: str
    shown: str


def typed(block: str) -> list[Typed]:
    _, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    return [Typed(*(part.split("\n", 1))) for part in parts]


def pattern(shown: str) -> re.Pattern[str]:
    """A line of `…` takes whole lines, none included; elsewhere it takes what is within the line."""
    lines = [
        r"(?:[^\n]*\n)*?" if line == "…" else r"[^\n]*?".join(map(re.escape, line.rstrip().split("…"))) + r" *\n"
        for line in shown.splitlines()
    ]
    return re.compile("".join(lines) + r"\Z")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a newcomer's terminal; the lab that is left in it goes down."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "LAB_HOME": str(tmp_path / "lab"),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    yield environment
    run("lab down", environment)


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_document_shows_what_happens(document: Path, shell: dict[str, str]) -> None:
    is_up = False
    for block in BLOCK.findall(document.read_text()):
        commands = typed(block)
        begins = commands[0].command.startswith("lab up")
        if begins == is_up:
            run("lab down" if is_up else "lab up", shell)
        for step in commands:
            if missing := [tool for tool in TOOLS if tool in shlex.split(step.command) and not shutil.which(tool)]:
                pytest.skip(
                    f"NOT CHECKED: {document.name} from `{step.command}` on, {missing[0]} is not installed"
                )
            done = run(step.command, shell)
            said = done.stdout + done.stderr
            assert pattern(step.shown).match(said), (
                f"$ {step.command}\n{said}\nis not what {document.name} shows:\n{step.shown}"
            )
        is_up = not commands[-1].command.startswith("lab down")


def test_a_line_that_is_not_shown_is_a_difference() -> None:
    assert not pattern("one\n").match("one\ntwo\n")
    assert pattern("one\n…\n").match("one\ntwo\n")
    assert pattern("a … d\n").match("a b c d\n")
    assert not pattern("a …\n").match("a b\nc\n")
