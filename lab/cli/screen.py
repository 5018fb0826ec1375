"""How lines reach the terminal: styled where it can show styles, plain where it cannot.

The rule: a line is a row of (text, style); a style is what a text *is* (good, bad, place …), and only this file
knows what that looks like. Never colour alone: whatever a colour says, a glyph or a word says too. NO_COLOR, a
missing TTY and the terminal's width are respected (no-color.org); what goes into a file or a pipe is not folded.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
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
    colour, columns = has_colour(), edge()
    for line in lines:
        for part in fold(line, columns):
            print(paint(part, colour))


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


def fold(line: Line, columns: int) -> list[Line]:
    """The line, in as many as the columns need; 0 columns are as many as there have to be.

    What goes on below hangs under the line's last part, where that leaves room enough.

    >>> [paint(part, False) for part in fold([("● held  ", ""), ("by the backup, which tries again", "")], 34)]
    ['● held  by the backup, which tries', '        again']
    """
    line = _trimmed(line)
    *parts, (last, style) = line or [("", "")]
    before = sum(len(words) for words, _ in parts)
    if not columns or before + len(last) <= columns:
        return [line]
    if before + _ROOM > columns or not parts:
        return _below(line, columns)
    import textwrap

    first, *others = textwrap.wrap(last, columns - before, break_on_hyphens=False)
    return [[*parts, (first, style)], *([(" " * before, ""), (other, style)] for other in others)]


_ROOM = 24
"""Columns below which a hanging paragraph is too narrow to be read."""


def _below(line: Line, columns: int) -> list[Line]:
    """What does not fit, four columns further to the right than where the line begins."""
    text = "".join(words for words, _ in line)
    lead = len(text) - len(text.lstrip())
    if lead + _ROOM > columns:
        return _below([("    ", ""), *_cut(line, lead, len(text))], columns)
    first, *others = (_cut(line, start, end) for start, end in _pieces(text, columns, lead))
    return [first, *([(" " * (lead + 4), ""), *other] for other in others)]


def _pieces(text: str, columns: int, lead: int) -> Iterator[tuple[int, int]]:
    """Where the text is cut: between two of its columns or parts if they are far enough on, else between words."""
    start, room = 0, columns
    while len(text) - start > room:
        low = max(start, lead)
        gap, space = text.rfind("  ", low, start + room), text.rfind(" ", low, start + room + 1)
        end = gap if gap - start > room // 3 else space if space > low else start + room
        yield start, end
        start, room = end + len(text[end:]) - len(text[end:].lstrip()), columns - lead - 4
    yield start, len(text)


def _cut(line: Line, start: int, end: int) -> Line:
    parts, at = [], 0
    for text, style in line:
        parts.append((text[max(0, start - at) : max(0, end - at)], style))
        at += len(text)
    return parts


def harmless(text: str) -> str:
    """A text of several lines, without power over the terminal and without endless lines: it may hold whatever
    somebody typed or wrote into a file."""
    lines = visible(text, keep="\n\t").splitlines()
    return "\n".join(line if len(line) <= _ENDLESS else f"{line[:_ENDLESS]}…" for line in lines)


_ENDLESS = 500
"""Characters of a line that nobody reads on to the end of."""


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


def edge() -> int:
    """Where lines have to end: at the terminal's last column; 0 where there is no terminal."""
    columns = shutil.get_terminal_size((0, 24)).columns
    return max(40, columns) if columns else 0


def table(rows: Sequence[Sequence[tuple[str, str]]], indent: str = " ", gap: str = "  ") -> list[Line]:
    """Rows of cells as lines with aligned columns."""
    columns = max((len(row) for row in rows), default=0)
    sizes = [max((len(row[at][0]) for row in rows if at < len(row)), default=0) for at in range(columns)]
    return [((indent, ""), *_cells(row, sizes, gap)) for row in rows]


def _cells(row: Sequence[tuple[str, str]], sizes: Sequence[int], gap: str) -> Iterable[tuple[str, str]]:
    for at, (text, style) in enumerate(row):
        yield text, style
        yield " " * (sizes[at] - len(text)) + gap, ""
