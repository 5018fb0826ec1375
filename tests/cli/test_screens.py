"""Golden screens: each folder has a verb's JSON and the screen that is drawn from it.

`<verb>-<case>/form.json` and `screen.txt`; after a change that is meant, draw them anew with
`LAB_DRAW=1 pytest tests/cli/test_screens.py`, and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from lab.cli import account, clock, dig, journey, mailbox, parts, queue, start, why
from lab.cli.screen import Line, fold, paint

SCREENS = Path(__file__).parent / "screens"
DRAWN: MappingProxyType[str, Callable[[Any], Iterable[Line]]] = MappingProxyType(
    {
        "account": account.screen,
        "up": start.first_screen,
        "dig": lambda form: dig.screen(form, dig.question(form["asked"])),
        "journey": lambda form: journey.overview(form["journeys"]),
        "mailbox": mailbox.screen,
        "parts": parts.screen,
        "queue": lambda form: queue.screen(form["queue"]),
        "clock": clock.screen,
        "why": why.screen,
    }
)


@pytest.mark.parametrize("case", sorted(path.name for path in SCREENS.iterdir()))
def test_a_screen_is_as_it_was(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    folder = SCREENS / case
    form = json.loads((folder / "form.json").read_text(encoding="utf-8"))
    drawn = "".join(f"{paint(line, colour=False)}\n" for line in DRAWN[case.partition("-")[0]](form))
    if os.environ.get("LAB_DRAW"):
        (folder / "screen.txt").write_text(drawn, encoding="utf-8")
    assert drawn == (folder / "screen.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("case", sorted(path.name for path in SCREENS.iterdir()))
def test_a_screen_fits_the_terminal_and_loses_no_word(
    case: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    folder = SCREENS / case
    form = json.loads((folder / "form.json").read_text(encoding="utf-8"))
    lines = [part for line in DRAWN[case.partition("-")[0]](form) for part in fold(line, columns)]
    drawn = [paint(line, colour=False) for line in lines]
    assert max(map(len, drawn)) <= columns
    whole = (folder / "screen.txt").read_text(encoding="utf-8")
    assert sorted("".join(drawn).replace(" ", "")) == sorted("".join(whole.split()))


def test_what_goes_into_a_pipe_is_not_folded() -> None:
    line: Line = (("a word " * 40, ""),)
    assert len(fold(line, 0)) == 1


def test_colour_is_never_alone() -> None:
    """Without colours the text is the same, so that what a colour says a glyph or word says too."""
    line: Line = ((" ✕ ", "bad"), ("mail.belgiannews.com", "place"), ("  down", ""))
    painted = paint(line, colour=True)
    assert "\x1b[31m ✕ \x1b[0m" in painted
    for style in ("31", "36", "0"):
        painted = painted.replace(f"\x1b[{style}m", "")
    assert painted == paint(line, colour=False)


def test_a_hostile_subject_has_no_power_over_the_terminal() -> None:
    subject = "\x1b]0;owned\x07\x1b[2J"
    form = {
        "address": "ed@be",
        "messages": [{"uid": 1, "from": "", "subject": subject, "size": 1, "received": ""}],
    }
    drawn = "".join(paint(line, colour=True) for line in mailbox.screen(form))
    assert "\x1b]" not in drawn
    assert "\x1b[2J" not in drawn
    assert "␛[2J" in drawn
