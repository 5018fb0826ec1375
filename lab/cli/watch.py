"""`lab watch` and `lab replay`: the event log, as it grows or as it was saved."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from lab.cli.journey import overview
from lab.cli.reading import Json
from lab.cli.screen import emit, plain, show
from lab.cli.telling import tell
from lab.control.client import ask, stream
from lab.errors import WrongUse

File = Annotated[str, Parameter(allow_leading_hyphen=True)]
_QUIET = ("HopAnswered", "ReplyReceived", "ConnectionOpened", "MailRemoved")
"""What is told only to those who ask for everything."""


def watch(*, since: int | None = None, once: bool = False, all: bool = False, json: Json = False) -> int:
    """Everything that happens, as it happens; Ctrl-C ends it.

    The lines of `lab watch --once --json > run.jsonl` are a saved log, for `lab replay`.

    Parameters
    ----------
    since
        Begin after this number of the log; 0 is its beginning. Without it: from now on.
    once
        What there is now, and no more; from the beginning if not told otherwise.
    all
        Each DNS question on its way and each SMTP line, too.
    """
    args = {} if since is None else {"since": since}
    entries = stream("watch", once=once, **args)
    if json:
        for entry in entries:
            emit(entry)
    else:
        _tell(entries, ask("clock")["epoch"], all)
    return 0


def replay(file: File, /, *, id: str = "", all: bool = False, json: Json = False) -> int:
    """A saved log again: its events, and its journeys at the end.

    Parameters
    ----------
    file
        Lines of `lab watch --json`, or the last.jsonl of a lab that is down; `-`: what the containers of an
        exported lab told, on standard input (docker compose logs | lab replay -).
    id
        One journey of it only: J-0002.
    all
        Each DNS question on its way and each SMTP line, too.
    """
    log = saved(file)
    entries = [entry.to_json() for entry in log]
    if id:
        return _one(log, id, json)
    if json:
        for entry in entries:
            emit(entry)
        return 0
    _tell(entries, next((entry["epoch"] for entry in entries if "epoch" in entry), _DAY_ONE), all)
    show([plain(""), *overview(_journeys(log))])
    return 0


def saved(file: str) -> Any:
    """The log in a file; "-" is standard input."""
    return _gather() if file == "-" else _load(Path(file))


_DAY_ONE = "2026-01-05T08:00:00+00:00"


def _tell(entries: Iterable[dict[str, Any]], epoch: str, everything: bool) -> None:
    for entry in entries:
        if everything or entry["event"] not in _QUIET:
            show(tell(entry, epoch))


def _gather() -> Any:
    from lab.log import gather

    try:
        log = gather(sys.stdin)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable("standard input", error) from None
    if not len(log):
        raise WrongUse("nothing that came on standard input is an event of a lab", code="L001")
    return log


def _load(path: Path) -> Any:
    from lab.log import load

    try:
        return load(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(path), error) from None


def _unreadable(what: str, error: OSError | UnicodeDecodeError) -> WrongUse:
    reason = getattr(error, "strerror", None) or "it is not text"
    return WrongUse(f"{what} cannot be read: {reason.lower()}", code="L002")


def _journeys(log: Any) -> list[dict[str, Any]]:
    from lab.journey import build, to_json

    return [to_json(journey) for journey in build(log).values()]


def _one(log: Any, name: str, json: bool) -> int:
    from lab.cli.journey import show_journey
    from lab.journey import build, to_json

    journeys = build(log)
    if name not in journeys:
        raise WrongUse(f"there is no journey '{name}' in this log", code="W006")
    form = {**to_json(journeys[name]), "now": journeys.now}
    if json:
        emit(form)
    else:
        show_journey(form)
    return 0
