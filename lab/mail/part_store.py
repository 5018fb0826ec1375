"""The part trees of an account's messages, kept so that none is read twice: SQLite where there is a folder for it.

The rule: this is a cache. It may be deleted at any time, and one that is damaged, locked for long or written by
another version of this program is the same as none: every tree can be read again from its message. Several
processes may use it at once; what has not been written when the power goes is read again, too.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from lab.wire.mime import MessageIndex, Part

_VERSION = f"1 {' '.join(f'{f.name}:{f.type}' for kind in (MessageIndex, Part) for f in fields(kind))}"
"""A tree of another shape is none."""
_IN_MEMORY = 5_000
"""Trees kept in the process, the latest: about 2 kB each."""


class PartStore:
    """`file` None: in memory only."""

    __slots__ = ("_connection", "_file", "_trees", "_unwritten")

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._trees: dict[tuple[int, int], MessageIndex] = {}
        self._unwritten: list[tuple[int, int, str]] = []

    def find(self, uidvalidity: int, uid: int) -> MessageIndex | None:
        found = self._trees.get((uidvalidity, uid))
        if found is None and self._file is not None:
            found = self._read(uidvalidity, uid)
            if found is not None:
                self._remember(uidvalidity, uid, found)
        return found

    def keep(self, uidvalidity: int, uid: int, index: MessageIndex) -> None:
        self._remember(uidvalidity, uid, index)
        if self._file is not None:
            self._unwritten.append((uidvalidity, uid, as_text(index)))
            if len(self._unwritten) == 1:
                self._write_soon()

    def _write_soon(self) -> None:
        """One transaction for all that is read in the same turn of the loop."""
        try:
            asyncio.get_running_loop().call_soon(self.write)
        except RuntimeError:
            self.write()

    def write(self) -> None:
        """Write down what was kept since the last time."""
        rows, self._unwritten = self._unwritten, []
        with suppress(sqlite3.Error, OSError):
            database = self._open()
            with database:
                database.executemany("insert or replace into trees values (?, ?, ?)", rows)

    def close(self) -> None:
        if self._unwritten:
            self.write()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _remember(self, uidvalidity: int, uid: int, index: MessageIndex) -> None:
        if len(self._trees) >= _IN_MEMORY:
            self._trees.pop(next(iter(self._trees)))
        self._trees[uidvalidity, uid] = index

    def _read(self, uidvalidity: int, uid: int) -> MessageIndex | None:
        with suppress(sqlite3.Error, OSError, ValueError, TypeError, KeyError):
            query = "select tree from trees where uidvalidity = ? and uid = ?"
            row = self._open().execute(query, (uidvalidity, uid)).fetchone()
            return from_text(row[0]) if row else None
        return None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            assert self._file is not None
            try:
                self._connection = _database(self._file)
            except sqlite3.DatabaseError:
                self._file.unlink(missing_ok=True)
                self._connection = _database(self._file)
        return self._connection


def _database(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=0.2, check_same_thread=False)
    try:
        database.execute("pragma synchronous = off")
        with database:
            database.execute("create table if not exists version (text)")
            if database.execute("select text from version").fetchall() != [(_VERSION,)]:
                _begin(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _begin(database: sqlite3.Connection) -> None:
    database.execute("drop table if exists trees")
    database.execute(
        "create table trees (uidvalidity integer, uid integer, tree text, primary key (uidvalidity, uid))"
    )
    database.execute("delete from version")
    database.execute("insert into version values (?)", (_VERSION,))


def as_text(index: MessageIndex) -> str:
    """A tree as JSON, its fields in their order."""
    return json.dumps(_values(index), separators=(",", ":"))


def from_text(text: str) -> MessageIndex:
    """The inverse of `as_text`; ValueError, TypeError or KeyError when it is none."""
    return MessageIndex(**_named(MessageIndex, json.loads(text)))


def _values(node: MessageIndex | Part) -> list[Any]:
    return [_plain(getattr(node, f.name)) for f in fields(node)]


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return _values(value)
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _named(kind: type[MessageIndex] | type[Part], values: list[Any]) -> dict[str, Any]:
    names = [f.name for f in fields(kind)]
    return {name: _restored(name, value) for name, value in zip(names, values, strict=True)}


def _restored(name: str, value: Any) -> Any:
    if name == "root":
        return Part(**_named(Part, value))
    if name == "children":
        return tuple(Part(**_named(Part, one)) for one in value)
    return _tuples(value) if isinstance(value, list) else value


def _tuples(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_tuples(one) if isinstance(one, list) else one for one in values)
