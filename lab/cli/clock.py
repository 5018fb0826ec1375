"""`lab clock`: what time it is in the lab, and letting it run ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show
from lab.cli.telling import tell
from lab.control.client import ask


def clock(by: str = "", /, *, json: Json = False) -> int:
    """Lab time; with a span (+4h, 30m, 5d), let it run ahead and tell what happened meanwhile.

    Parameters
    ----------
    by
        How far.
    """
    form = ask("clock", by=by)
    if json:
        emit(form)
    else:
        show(screen(form))
    return 0


_FEW = 12
"""Lines that a person reads of the hours that went by."""


def screen(form: dict[str, Any]) -> list[Line]:
    now = f" {form['now'][:10]} {form['now'][11:19]}  lab time"
    told = [line for entry in homecoming(form["happened"]) for line in tell(entry, form["epoch"])]
    left_out = len(told[_FEW:]) + form["happenings"] - len(form["happened"])
    more = [plain(f"  … and {left_out} more:  lab watch --once", "dim")] if left_out else []
    quiet = [plain("  Nothing of note happened meanwhile.", "dim")] if form["advanced_s"] and not told else []
    return [*told[:_FEW], *more, *quiet, plain(now, "head")]


def homecoming(happened: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, with a relay and the delivery it led to told as one: the delivery, with its `relay`. They are
    the two sides of one 250, and join by the id in its text (see lab.events)."""
    relays = {_handed_over(entry): entry["host"] for entry in happened if entry["event"] == "MailRelayed"}
    arrivals = {_arrived(entry) for entry in happened if entry["event"] == "MailDelivered"}
    return [
        {**entry, "relay": relays[_arrived(entry)]} if _arrived(entry) in relays else entry
        for entry in happened
        if entry["event"] != "MailRelayed" or _handed_over(entry) not in arrivals
    ]


def _handed_over(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["exchanger"], entry["reply"].rpartition(" ")[2]


def _arrived(entry: dict[str, Any]) -> tuple[str, str]:
    """Host and id of a delivery; of anything else, nothing that a relay could lead to."""
    return (entry["host"], entry["queue_id"]) if entry["event"] == "MailDelivered" else ("", "")
