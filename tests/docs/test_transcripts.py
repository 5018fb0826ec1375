"""What the documents show is what happens: every `console` block of README.md and docs/ is typed and compared.

A block has `$` lines, typed in turn, with their output below, where `…` is anything within a line and a
line of `…` any lines; what a reader types into a program stands behind `> `. A document tells one story in one lab
and one folder; a block that starts the lab begins anew. A `yaml` block with a name is the reader's `mine.yaml`,
and one without goes to that file's end.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = [
    path for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))) if "\n```console\n" in path.read_text()
]
TOOLS = ("curl", "dig", "nslookup", "telnet", "swaks")


@dataclass(frozen=True, slots=True)
class Typed:
    command: str
    shown: str

    @property
    def said(self) -> str:
        """What the reader types while the command runs."""
        return "".join(f"{line[2:]}\n" for line in self.shown.splitlines() if line[:2] in ("> ", ">"))


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


def starts(typed: Sequence[Typed]) -> bool:
    """Whether a block brings a lab up before it stops one."""
    return next((step.command.startswith("lab up") for step in typed if _turns(step)), False)


def leaves_up(typed: Sequence[Typed]) -> bool:
    return next(("lab up" in step.command for step in reversed(typed) if _turns(step)), True)


def _turns(step: Typed) -> bool:
    return step.command.startswith(("lab up", "lab down"))


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
    run("lab down", environment, tmp_path)


def run(
    command: str, environment: dict[str, str], folder: Path, said: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def seen(step: Typed, environment: dict[str, str], folder: Path) -> str:
    """What the command says. Who looks into a mailbox looks again, a few times: what a host has just accepted is
    on its way there, and nobody who reads types as fast as this."""
    said = ""
    for _ in range(20 if step.command.startswith("lab mailbox") else 1):
        done = run(step.command, environment, folder, step.said)
        said = done.stdout + done.stderr
        if pattern(step.shown).match(said):
            break
    return said


def written(block: str, file: Path) -> None:
    text = block if block.startswith("name:") else file.read_text() + block
    file.write_text(text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_document_shows_what_happens(document: Path, shell: dict[str, str], tmp_path: Path) -> None:
    for folder in ("topologies", "scenarios"):  # a reader stands in the checkout, and writes files of their own
        (tmp_path / folder).symlink_to(ROOT / folder)
    is_up = False
    for kind, block in BLOCK.findall(document.read_text()):
        if kind == "yaml":
            written(block, tmp_path / "mine.yaml")
            continue
        commands = typed(block)
        if starts(commands) == is_up:
            run("lab down" if is_up else "lab up", shell, tmp_path)
        for step in commands:
            if missing := [tool for tool in TOOLS if tool in shlex.split(step.command) and not shutil.which(tool)]:
                pytest.skip(
                    f"NOT CHECKED: {document.name} from `{step.command}` on, {missing[0]} is not installed"
                )
            said = seen(step, shell, tmp_path)
            assert "defect of the lab" not in said
            assert pattern(step.shown).match(said), (
                f"$ {step.command}\n{said}\nis not what {document.name} shows:\n{step.shown}"
            )
        is_up = leaves_up(commands)


def test_a_line_that_is_not_shown_is_a_difference() -> None:
    assert not pattern("one\n").match("one\ntwo\n")
    assert pattern("one\n…\n").match("one\ntwo\n")
    assert pattern("a … d\n").match("a b c d\n")
    assert not pattern("a …\n").match("a b\nc\n")
