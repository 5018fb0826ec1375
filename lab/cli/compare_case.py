"""One case under several policies: the world, the journeys side by side, and the rows that decided.

The rule: policies that went the same way share a column, headed by what came of it. Columns stand beside each
other as long as each has room enough to be read, and below each other on a narrow screen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from lab.cli.screen import Line, plain
from lab.compare.cases import DOMAIN
from lab.journey import Layer, Step, from_json
from lab.journey.render_text import mood

_GAP = 3
_MOST = 9
"""Steps of a story that are told; a loop has no end worth reading."""
_NARROWEST = 36
"""Columns that a story needs to be read."""
Story = tuple[list[str], list[dict[str, Any]]]
"""Policies that went one way, and their cells."""


def case_screen(form: dict[str, Any], columns: int) -> list[Line]:
    """The whole screen, from the JSON twin."""
    stories = _stories(form)
    abreast = max(1, min(len(stories), (columns - 1 + _GAP) // (_NARROWEST + _GAP)))
    room = (columns - 1 - _GAP * (abreast - 1)) // abreast
    lines = [*_head(form, columns), plain("")]
    for at in range(0, len(stories), abreast):
        blocks = [_block(story, room) for story in stories[at : at + abreast]]
        lines += [*_beside(blocks, room), plain("")]
    return lines[:-1]


def _stories(form: dict[str, Any]) -> list[Story]:
    """Those that agree in what came of it, whom they met and by which rows, together."""
    found: dict[str, Story] = {}
    for policy, cell in form["policies"].items():
        rows = [row["name"].partition("/")[2] for row in cell["decided"]]
        key = repr((cell["word"], cell["sessions"] if not form["lots"] else "", rows))
        policies, cells = found.setdefault(key, ([], []))
        policies.append(policy)
        cells.append(cell)
    return list(found.values())


def _head(form: dict[str, Any], columns: int) -> Iterator[Line]:
    yield (" ", ""), (form["case"], "id"), (f"   {form['title']}", ""), (f"   {form['law']}", "dim")
    sizes = [max((len(line[at]) for line in form["world"]), default=0) for at in (0, 1)]
    for name, record, words in form["world"]:
        yield (
            ("   ", ""),
            (f"{name:<{sizes[0]}}", "place"),
            (f"  {record:<{sizes[1]}}  ", ""),
            (words, "dim"),
        )


def _block(story: Story, room: int) -> list[Line]:
    policies, cells = story
    cell = cells[0]
    lines: list[Line] = [((cell["word"], cell["style"]), (f"  {cell['status']}", "dim"))]
    lines += [((part, "head"),) for part in textwrap.wrap(", ".join(policies), room)]
    lines.append((("─" * room, "dim"),))
    if cell.get("counts"):
        return [*lines, *_counts(policies, cells)]
    told = _told(cell)
    lines += [line for step in told[:_MOST] for line in _step(step, room)]
    if len(told) > _MOST:
        lines.append(((f"… and so on: {len(told) - _MOST - 1} steps more", "dim"),))
        lines += _step(told[-1], room)
    for row in cell["decided"]:
        lines += _row(row, room)
    for part in cell.get("message", "").splitlines():
        lines += [((piece, "bad"),) for piece in textwrap.wrap(part, room)]
    return lines


def _counts(policies: Sequence[str], cells: Sequence[dict[str, Any]]) -> Iterator[Line]:
    """Of many messages, how many each receiver took, and in how many sessions."""
    for policy, cell in zip(policies, cells, strict=True):
        taken = " ".join(f"{name} {count:>2}" for name, count in cell["counts"].items())
        many = len(cell["sessions"])
        yield (f"{policy:<9}", "head"), (f" {taken}", ""), (f"  {many} session{'s' * (many > 1)}", "dim")


def _told(cell: dict[str, Any]) -> list[Step]:
    """The sender's own steps; what a bounce does afterwards is another story."""
    if cell["journey"] is None:
        return []
    journey = from_json(cell["journey"])
    return [step for step in journey.steps if step.host == journey.host and str(step.layer) != "MAIL"]


def _step(step: Step, room: int) -> Iterator[Line]:
    head = f"{step.layer:<5} {_short(step.about).removesuffix(':25')}  "
    text = textwrap.wrap(_short(step.outcome), max(12, room - len(head)), max_lines=2, placeholder=" …") or [""]
    yield (head[:6], "layer"), (head[6:], "place"), (text[0], mood(step))
    for other in text[1:]:
        yield (" " * len(head), ""), (other, mood(step))

    for left_out in step.why.split("; left out: ")[1:] if step.layer is Layer.DNS else ():
        for part in textwrap.wrap(f"not {_short(left_out)}", room - 6):
            yield (" " * 6, ""), (part, "why")


def _short(text: str) -> str:
    """Hosts of the recipient's domain by their label alone."""
    return text.replace(f".{DOMAIN}", "")


def _row(row: dict[str, Any], room: int) -> Iterator[Line]:
    yield (("", ""),)
    if len(row["name"]) + len(row["follows"]) + 4 <= room:
        yield ("→ ", "dim"), (row["name"], "head"), (f"  {row['follows']}", "")
    else:
        yield ("→ ", "dim"), (row["name"], "head")
        yield ("  ", ""), (row["follows"], "")
    for line in textwrap.wrap(row["law"], room - 2):
        yield ("  ", ""), (line, "why")


def _beside(blocks: Sequence[Sequence[Line]], room: int) -> Iterator[Line]:
    for at in range(max(len(block) for block in blocks)):
        yield tuple(_across([block[at] if at < len(block) else () for block in blocks], room))


def _across(parts: Sequence[Line], room: int) -> Iterator[tuple[str, str]]:
    yield " ", ""
    for part in parts:
        yield from part
        yield " " * (room + _GAP - sum(len(text) for text, _ in part)), ""
