"""The event log: the one memory that every view is drawn from.

The rule: append only, numbered from 1 without a gap, in the order in which things happened. A log can be
subscribed to, saved, loaded and replayed; it is the same on every fabric.

On disk it is JSON lines, one entry a line: {"n": 7, "t": 12.5, "host": "mail.belgiannews.com", "event": …}.
`t` is lab seconds; the epoch stands in the first entry, a `LabStarted`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from json.encoder import encode_basestring
from math import isfinite
from pathlib import Path
from typing import IO, Any

from lab.errors import BadFile, Place, Problem
from lab.event_forms import from_json, members, to_json
from lab.events import Event
from lab.values import dataclass, made_often


@made_often
@dataclass(frozen=True, slots=True)
class Entry:
    """One event with its number, lab time in seconds, and host ("" for the lab itself)."""

    n: int
    t: float
    host: str
    event: Event

    def to_json(self) -> dict[str, Any]:
        return {"n": self.n, "t": round(self.t, 9), "host": self.host, **to_json(self.event)}

    def line(self) -> str:
        """The JSON of `to_json`, without blanks."""
        host = encode_basestring(self.host)
        return f'{{"n":{self.n},"t":{round(self.t, 9)!r},"host":{host},{members(self.event)}}}'


def read_entry(form: dict[str, Any]) -> Entry:
    """The inverse of `Entry.to_json`; one of `NO_ENTRY` when it is none."""
    return Entry(int(form["n"]), float(form["t"]), str(form["host"]), from_json(form))


NO_ENTRY = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
"""What is raised over a line that holds no entry."""
LATEST = 1e10
"""Seconds of lab time, three centuries: what a calendar can show."""


def _read_line(text: str) -> Entry:
    """One of NO_ENTRY when it is none."""
    entry = read_entry(json.loads(text, parse_constant=_finite, parse_float=_finite))
    if not 0 <= entry.t < LATEST:
        raise ValueError("no moment of lab time")
    return entry


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("no number that was ever measured")
    return number


Subscriber = Callable[[Entry], None]


class EventLog:
    """Append, read from n, subscribe. Entry n stands at index n - 1."""

    __slots__ = ("_entries", "_subscribers")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: list[Entry] = list(entries)
        self._subscribers: tuple[Subscriber, ...] = ()

    def append(self, t: float, host: str, event: Event) -> Entry:
        entry = Entry(len(self._entries) + 1, t, host, event)
        self._entries.append(entry)
        for subscriber in self._subscribers:
            subscriber(entry)
        return entry

    def since(self, n: int = 0) -> Sequence[Entry]:
        """Every entry after number n."""
        return self._entries[n:]

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Be called with every entry to come; call the result to be left alone again."""
        self._subscribers += (subscriber,)
        return lambda: self._leave_alone(subscriber)

    def _leave_alone(self, subscriber: Subscriber) -> None:
        self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def save(self, file: IO[str]) -> None:
        for entry in self._entries:
            file.write(entry.line() + "\n")

    def trace_hash(self) -> str:
        """16 hex digits that two runs share exactly when they told the same story."""
        import hashlib  # with OpenSSL's library: half a megabyte that few logs need

        digest = hashlib.sha256()
        for entry in self._entries:
            digest.update(entry.line().encode())
        return digest.hexdigest()[:16]


def gather(lines: Iterable[str]) -> EventLog:
    """What several nodes told, put together: entries of any number and order, sorted by time and numbered anew.

    What an engine wrote in front of an entry, and lines that are none, are passed over."""
    found = sorted(filter(None, map(_gathered, lines)), key=lambda entry: entry.t)
    return EventLog(replace(entry, n=number) for number, entry in enumerate(found, 1))


def _gathered(line: str) -> Entry | None:
    _, brace, rest = line.partition("{")
    try:
        return _read_line(brace + rest) if brace else None
    except NO_ENTRY:
        return None


def load(path: Path) -> EventLog:
    """A saved log. BadFile with the line where it is not one; a torn last line is left out."""
    entries: list[Entry] = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entries.append(_read_line(line))
        except NO_ENTRY:
            if number == len(lines):
                break
            problem = Problem(
                "L001",
                "this line is no entry of an event log",
                Place(str(path), number, 1, min(len(line), 40)),
                line[:100],
                hint="a log is saved by `lab watch --json > run.jsonl`",
            )
            raise BadFile([problem]) from None
    return EventLog(entries)
