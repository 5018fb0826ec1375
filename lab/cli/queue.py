"""`lab queue`: what waits on the mail hosts, and until when."""

from __future__ import annotations

from typing import Any

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, table
from lab.control.client import ask


def queue(host: str = "", /, *, retry: bool = False, json: Json = False) -> int:
    """What waits in the queues of the mail hosts.

    Parameters
    ----------
    host
        One host's queue only.
    retry
        Try everything that waits once more, now (`sendmail -q`).
    """
    form = ask("queue", host=host, retry=retry)
    if json:
        emit(form)
    else:
        show(screen(form["queue"]))
    return 0


def screen(rows: list[dict[str, Any]]) -> list[Line]:
    if not rows:
        return [plain(" Nothing waits.", "good")]
    return table([_row(row) for row in rows])


def _row(row: dict[str, Any]) -> list[tuple[str, str]]:
    tries = f"{row['attempts']} tr{'y' if row['attempts'] == 1 else 'ies'}"
    return [
        (row["host"], "place"),
        (row["id"], "id"),
        (f"→ {row['to']}", ""),
        (f"◷ {row['state']}", "wait"),
        (tries, "dim"),
        (f"next {_clock(row['next_try'])}" if row.get("next_try") else "", ""),
        (row.get("last_reply") or "", "dim"),
    ]


def _clock(moment: str) -> str:
    """Of an ISO time, the time of day."""
    return moment[11:19] if "T" in str(moment) else str(moment)
