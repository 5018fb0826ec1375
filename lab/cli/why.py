"""`lab why`: the first cause of what became of a message, its rule, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, show, table, width
from lab.control.client import ask

if TYPE_CHECKING:
    from lab.topology.plan import Plan

_STYLES = {"delivered": "good", "held": "wait", "queued": "wait"}


def why(
    id: str = "", /, *, all: bool = False, to: str = "", log: str = "", topology: str = "", json: Json = False
) -> int:
    """Why a message is where it is: the first cause, the rule, the remedy. Without an id, the last message.

    Parameters
    ----------
    id
        As `lab send` gave it: J-0002.
    all
        A line for each message so far.
    to
        Of several recipients, this one; else the one on whom the whole message waits.
    log
        Instead of the lab that is up: the log of one that was (last.jsonl, or what `lab watch --json` told).
    topology
        With a log, the topology of that lab, where it is not one that is known by name.
    """
    form = _saved(id, to, log, topology) if log else ask("why", id=id, to=to, all=all)
    if json:
        emit(form)
    else:
        show(overview(form["journeys"]) if "journeys" in form else screen(form))
    return 0


def overview(rows: list[dict[str, Any]]) -> list[Line]:
    """A line for each message, with the codes of what came and of its first cause."""
    return table(
        [
            [
                (row["journey"], "id"),
                (row["state"], _STYLES.get(row["state"], "bad")),
                (f"{row['from'] or '<>'} → {', '.join(row['to'])}", ""),
                (" ".join(row["codes"]), "id"),
                (row["title"], "dim"),
            ]
            for row in rows
        ]
    )


def _saved(id: str, to: str, file: str, name: str) -> dict[str, Any]:
    """The same, drawn from a saved log."""
    from lab.cli.watch import saved
    from lab.control.explaining import reason
    from lab.events import LabStarted
    from lab.journey import build
    from lab.journey.world import world_of

    log = saved(file)
    started = next((entry.event for entry in log if isinstance(entry.event, LabStarted)), None)
    world = world_of(_plan(name, started.topology if started else ""), log)
    return reason(build(log), id, world, to=to)


def _plan(wanted: str, named: str) -> Plan:
    """That of the topology that is wanted, else of the one that the log names; of none where that is not known:
    what is in the log is explained all the same."""
    from lab import topology
    from lab.cli.topologies import find, known
    from lab.topology.plan import Plan

    if not wanted and named not in known():
        return Plan(named, (), {})
    return topology.load(find(wanted or named))


def screen(form: dict[str, Any]) -> Iterator[Line]:
    style = _STYLES.get(form["state"], "bad")
    yield (
        (f" {form['journey']}", "id"),
        (f"  {form['from'] or '<>'} → {', '.join(form['to'])}", ""),
        (f"     {form['where']}", style),
    )
    if len(form["to"]) > 1:
        yield ((f" About {form['recipient']}, one of {len(form['to'])} recipients.", "dim"),)
    yield from _told(form, style)
    yield from _rule(form)
    if form.get("cause"):
        yield from _rule(form["cause"], "")
    yield (" Remedy   ", "dim"), (form["remedy"], "head")
    yield from _tries(form["next"])


def _tries(commands: list[str]) -> Iterator[Line]:
    """As many in a line as have room; none is broken in two."""
    head, row = " Try      ", ""
    for command in commands:
        longer = f"{row} · {command}" if row else command
        if row and len(head) + len(longer) + 2 > width():
            yield (head, "dim"), (f"{row} ·", "place")
            head, longer = " " * len(head), command
        row = longer
    yield (head, "dim"), (row, "place")


def _rule(form: dict[str, Any], word: str = "Rule") -> Iterator[Line]:
    """With its RFC behind it, or below where there is no room."""
    head, rule, rfc = f" {word:<9}", form["rule"], form["rfc"]
    if len(head) + len(rule) + len(rfc) + 6 <= width():
        yield (head, "dim"), (f"{rule}      ", ""), (rfc, "dim")
    else:
        yield (head, "dim"), (rule, "")
        yield (" " * len(head), ""), (rfc, "dim")


def _told(form: dict[str, Any], style: str, word: str = "", said: Sequence[str] = ()) -> Iterator[Line]:
    """The sentence with its evidence, and below it that of the first cause; no note twice."""
    yield (f" {word:<9}" if word else " ", "dim"), (f"{form['code']}  ", "id"), (form["sentence"], style)
    column = max((len(step["about"]) for step in form["evidence"]), default=0)
    for step in form["evidence"]:
        yield (
            (f"   step {step['n']:<3} ", "dim"),
            (f"{step['layer']:<5} ", "layer"),
            (f"{step['about']:<{column}}   ", "place"),
            (step["outcome"], ""),
        )
    for note in form["notes"]:
        if note not in said:
            yield ("            ", ""), (note, "dim")
    if form.get("cause"):
        yield from _told(form["cause"], style, "Because", form["notes"])
