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
    words = [(text, style if colour else "") for text, style in _trimmed(line)]
    return "".join(f"\x1b[{_LOOKS[style]}m{text}\x1b[0m" if style in _LOOKS else text for text, style in words)


def _trimmed(line: Line) -> Line:
    """Without control characters, and without the spaces at its end, which would wrap on a narrow terminal."""
    line = [(visible(text), style) for text, style in line]
    used = len("".join(text for text, _ in line).rstrip())
    kept = []
    for text, style in line:
        kept.append((text[:used], style))
        used -= len(text[:used])
    return [(text, style) for text, style in kept if text]


_CONTROLS = MappingProxyType(
    {**{n: chr(0x2400 + n) for n in range(32)}, 127: "\u2421", **dict.fromkeys(range(128, 160), "�")}
)
"""Control characters as pictures of themselves."""


def visible(text: str, keep: str = "") -> str:
    """Text without power over the terminal: what is in a mail is a stranger's, and may hold escape sequences.

    >>> visible("\x1b[2Jhello")
    '␛[2Jhello'
    """
    return text.translate({code: seen for code, seen in _CONTROLS.items() if chr(code) not in keep})


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
