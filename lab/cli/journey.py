"""`lab journey`: what happened to one message, step by step, each with its why."""

from __future__ import annotations

from typing import Any, Literal

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, table, width
from lab.control.client import ask

_STATES = {"delivered": ("●", "good"), "held": ("◐", "wait"), "queued": ("◷", "wait"), "bounced": ("✕", "bad")}
"""The matrix's glyphs; what is not here was refused."""


def journey(id: str = "", /, *, format: Literal["text", "json", "mermaid"] = "text", json: Json = False) -> int:
    """What happened to a message, and why. Without an id, a line for each message.

    Parameters
    ----------
    id
        As `lab send` gave it: J-0002.
    format
        text for people, json for programs, mermaid for a diagram.
    """
    form = ask("journey", id=id)
    if json or format == "json":
        emit(form)
    elif not id:
        show(overview(form["journeys"]))
    elif format == "mermaid":
        print(_mermaid(form), end="")
    else:
        show_journey(form)
    return 0


def show_journey(form: dict[str, Any]) -> None:
    from lab.journey import decisive, from_json, render

    found, halted = from_json(form), form.get("halted", {})
    lines: list[Line] = list(render(found, now=form["now"], width=width(), halted=halted))
    host = decisive(found).host
    hint = f"lab heal {host}" if host in halted else f"lab why {found.id}"
    show(lines if form["state"] == "delivered" else _with_hint(lines, hint))


def _with_hint(lines: list[Line], hint: str) -> list[Line]:
    """What to type next, behind the last line or below it."""
    *others, last = lines
    if sum(len(text) for text, _ in last) + 3 + len(hint) <= width():
        return [*others, (*last, (f"   {hint}", "dim"))]
    return [*lines, ((f" {hint}", "dim"),)]


def _mermaid(form: dict[str, Any]) -> str:
    from lab.journey import from_json, mermaid

    return mermaid(from_json(form), now=form["now"])


def overview(rows: list[dict[str, Any]]) -> list[Line]:
    """A line for each message."""
    if not rows:
        return [plain(" No message has been sent yet:  lab send --from A --to B")]
    return table([_row(row) for row in rows])


def _row(row: dict[str, Any]) -> list[tuple[str, str]]:
    glyph, style = _STATES.get(row["state"], ("⊘", "bad"))
    first, *others = row["to"] or ("nobody",)
    more = f" and {len(others)} more" if others else ""
    return [
        (row["journey"], "id"),
        (f"{glyph} {row['state']}", style),
        (f"{row['from'] or '<>'} → {first}{more}", ""),
        (row["subject"], "dim"),
    ]
