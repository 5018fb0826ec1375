"""The hosts of a lab as lines: what `lab up` and `lab status` show.

The rule: what has failed is never lost in a crowd. In a lab of many hosts an organisation whose hosts are all up
is one line, one that has a failed host is shown host by host, and the failed are named once more at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lab.cli.screen import Line, table

Row = dict[str, Any]
Cells = list[tuple[str, str]]

_MANY = 40
"""Hosts from which on organisations are folded: two screens of a classroom's projector."""


def host_lines(rows: Sequence[Row], count: int) -> list[Line]:
    """A line for each host, or for each organisation. `count`: hosts of the whole lab."""
    return table(list(_folded(rows)) if count > _MANY else [_row(row) for row in rows], indent="  ")


def failed(rows: Sequence[Row]) -> list[Line]:
    """In a lab of many hosts, the ones that have failed."""
    found = [f"{row['name']} {row['state']}" for row in rows if not _is_well(row)]
    if len(rows) <= _MANY or not found:
        return []
    return [((" ✕ ", "bad"), (f"{len(found)} of {len(rows):,} hosts: {', '.join(found[:_MANY])}", ""))]


def _folded(rows: Sequence[Row]) -> Iterator[Cells]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["organisation"], []).append(row)
    for row in rows:
        name = row["organisation"]
        if not name:
            yield _row(row)
        elif row is groups[name][0]:
            yield from _together(name, groups[name])


def _together(name: str, group: Sequence[Row]) -> list[Cells]:
    if len(group) == 1 or not all(map(_is_well, group)):
        return [_row(row) for row in group]
    first, *others = (f"{row['name'].removesuffix(f'.{name}')} {row['address']}" for row in group)
    return [
        [("✓", "good"), ("domain", ""), (_placed(name, group[0]), "place"), (first, ""), (" · ".join(others), "")]
    ]


def _row(row: Row) -> Cells:
    state = "" if row["state"] == "up" else row["state"]
    glyph, style = ("✓", "good") if _is_well(row) else ("✕", "bad")
    words = " · ".join(word for word in (state, row.get("about", "")) if word)
    return [
        (glyph, style),
        (" ".join(row["runs"]), ""),
        (_placed(row["name"], row), "place"),
        (row["address"], ""),
        (words, "dim" if _is_well(row) else style),
    ]


def _is_well(row: Row) -> bool:
    """Nothing is wrong with it, or nothing any more."""
    return row["state"] == "up" or all(fault.endswith(" (over)") for fault in row["state"].split(", "))


def _placed(name: str, row: Row) -> str:
    """The name, and the engine it lives on where there are several. An organisation is on one."""
    return f"{name} @{row['engine']}" if row.get("engine") else name
