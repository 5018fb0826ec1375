"""`lab clock`: what time it is in the lab, and letting it run ahead."""

from __future__ import annotations

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


def screen(form: dict[str, Any]) -> list[Line]:
    now = f" {form['now'][:10]} {form['now'][11:19]}  lab time"
    told = [line for entry in form["happened"] for line in tell(entry, form["epoch"])]
    left_out = form["happenings"] - len(form["happened"])
    more = [plain(f"  … and {left_out} more:  lab watch --once", "dim")] if left_out else []
    quiet = [plain("  Nothing of note happened meanwhile.", "dim")] if form["advanced_s"] and not told else []
    return [*told, *more, *quiet, plain(now, "head")]
