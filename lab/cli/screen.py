"""How lines reach the terminal: styled where it can show styles, plain where it cannot.

The rule: a line is a row of (text, style); a style is what a text *is* (good, bad, place …), and only this file
knows what that looks like. Never colour alone: whatever a colour says, a glyph or a word says too. NO_COLOR, a
missing TTY and the terminal's width are respected (no-color.org).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

Line = Sequence[tuple[str, str]]

_LOOKS = MappingProxyType(
    {
        "id": "1",
        "head": "1",
        "layer": "1",
        "place": "36",
        "good": "32",
        "bad": "31",
        "wait": "33",
        "dim": "2",
        "why": "2",
    }
)


def show(lines: Iterable[Line]) -> None:
    """Print them."""
    colour = has_colour()
    for line in lines:
        print(paint(line, colour))


def paint(line: Line, colour: bool) -> str:
    """One line as text.

    >>> paint([("J-0001", "id"), ("  delivered", "good")], colour=False)
    'J-0001  delivered'
    """
    if not colour:
        return "".join(text for text, _ in line).rstrip()
    return "".join(f"\x1b[{_LOOKS[style]}m{text}\x1b[0m" if style in _LOOKS else text for text, style in line)


def plain(text: str, style: str = "") -> Line:
    return ((text, style),)


def emit(form: dict[str, Any]) -> None:
    """One object of a verb's JSON twin, on a line."""
    print(json.dumps(form, ensure_ascii=False), flush=True)


def has_colour() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns to fill: the terminal's, and 100 where there is none."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def table(rows: Sequence[Sequence[tuple[str, str]]], indent: str = " ", gap: str = "  ") -> list[Line]:
    """Rows of cells as lines with aligned columns."""
    columns = max((len(row) for row in rows), default=0)
    sizes = [max((len(row[at][0]) for row in rows if at < len(row)), default=0) for at in range(columns)]
    return [((indent, ""), *_cells(row, sizes, gap)) for row in rows]


def _cells(row: Sequence[tuple[str, str]], sizes: Sequence[int], gap: str) -> Iterable[tuple[str, str]]:
    for at, (text, style) in enumerate(row):
        yield text, style
        yield " " * (sizes[at] - len(text)) + gap, ""
