"""A message taken apart, for a terminal: its part tree, and one part's content.

The rule: to a file or a pipe go a part's octets and nothing else; to a terminal only text goes, without power over
it. What a report says stands below its part, as it is what one opens a bounce for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.cli.files import unwritable
from lab.cli.screen import Line, emit, plain, show, table, visible
from lab.control import parts
from lab.control.client import ask
from lab.errors import WrongUse
from lab.values import dataclass
from lab.wire.mime import in_charset

Form = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a message: `part` "" for the tree of all of them."""

    part: str = ""
    as_stored: bool = False
    out: str = ""
    json: bool = False


def taken_apart(address: str, uid: int, folder: str, wanted: Wanted) -> int:
    """The tree of a message in a mailbox, or one of its parts."""
    if not uid:
        raise WrongUse("of which message?", remedy=f"Its number:  lab mailbox {address}", code="W011")
    octets = str(ask("mailbox", address=address, uid=uid, folder=folder)["message"]).encode("latin-1")
    place = {"address": address, "uid": uid}
    form = place | (
        parts.part(octets, wanted.part, as_stored=wanted.as_stored) if wanted.part else parts.tree(octets)
    )
    if wanted.json:
        emit(form)
    elif wanted.part:
        give(form, wanted.out)
    else:
        show(screen(form))
    return 0


_HEAD = (
    ("part", "dim"),
    ("type", "dim"),
    ("octets", "dim"),
    ("from", "dim"),
    ("encoding", "dim"),
    ("charset", "dim"),
)


def screen(form: Form) -> list[Line]:
    """The tree of `lab mailbox … --tree`."""
    rows = form["parts"]
    head: Line = (
        (f" {form['address']}", "place"),
        (f"  ·  message {form['uid']}", ""),
        (f"  ·  {form['subject'] or '(no subject)'}", "head"),
        (f"  ·  {form['size']:,} octets", "dim"),
    )
    lines = table([_HEAD, *(_cells(row, stem) for row, stem in zip(rows, stems(rows), strict=True))])
    drawn = [line for row, drawn in zip([None, *rows], lines, strict=True) for line in (drawn, *_below(row))]
    number = next((row["part"] for row in rows if not row["type"].startswith("multipart/")), "TEXT")
    hint = f" One of them:  lab mailbox {form['address']} {form['uid']} --part {number}      lab explain mime"
    return [head, *drawn, plain(hint, "dim")]


def stems(rows: list[Form]) -> list[str]:
    """The branches in front of each row.

    >>> stems([{"depth": 0}, {"depth": 1}, {"depth": 2}, {"depth": 1}])
    ['', '├ ', '│ └ ', '└ ']
    """
    drawn: list[str] = []
    open_at: dict[int, bool] = {}
    for row in reversed(rows):
        depth = row["depth"]
        open_at = {level: more for level, more in open_at.items() if level <= depth}
        above = "".join("│ " if open_at.get(level) else "  " for level in range(1, depth))
        drawn.append("" if not depth else above + ("├ " if open_at.get(depth) else "└ "))
        open_at[depth] = True
    return drawn[::-1]


def _cells(row: Form, stem: str) -> list[tuple[str, str]]:
    called = row["name"] or (f"“{row['subject']}”" if row["subject"] else "")
    return [
        (row["part"], "id"),
        (stem + row["type"], ""),
        (f"{row['size']:>6,}", "dim"),
        (f"{row['offset']:>6,}", "dim"),
        (row["encoding"], ""),
        (row["charset"], ""),
        (called, "head"),
    ]


def _below(row: Form | None) -> Iterator[Line]:
    """What a report says, and what is not as it claims to be."""
    if row is None:
        return
    for block in row["fields"]:
        yield plain("")
        for name, value in block:
            yield ((f"           {name}: ", "dim"), (value, ""))
    if row["fields"]:
        yield plain("")
    if row["note"]:
        yield plain(f"           ! {row['note']}", "wait")


def give(form: Form, out: str) -> None:
    """A part's content: into a file, into a pipe, or onto the terminal."""
    octets = form["octets"].encode("latin-1")
    if out:
        _write(Path(out).expanduser(), octets)
        show([plain(f" {out} has part {form['part']}: {form['type']}, {form['size']:,} octets.")])
    elif sys.stdout.isatty():
        print(_shown(form, octets), end="")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(octets)


def _shown(form: Form, octets: bytes) -> str:
    if not form["type"].startswith(("text/", "message/")):
        raise WrongUse(
            f"part {form['part']} is {form['type']}, {form['size']:,} octets, and no text",
            remedy="Write it into a file:  --out FILE",
            code="W012",
        )
    read = in_charset(octets, form["charset"] or "utf-8").text.replace("\r\n", "\n")
    return visible(read, keep="\n\t")


def _write(path: Path, octets: bytes) -> None:
    try:
        path.write_bytes(octets)
    except OSError as error:
        raise unwritable(path, error) from None
