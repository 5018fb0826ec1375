"""Events as JSON, and back.

The form: {"event": "MailAccepted", …fields}; tuples become lists, enums their values, empty and None fields are
left out. The rule: `from_json(to_json(event)) == event`, for every kind in `events.KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, get_args, get_type_hints

from lab.events import KINDS, Event


@cache
def layout(kind: type[Any]) -> tuple[tuple[str, object], ...]:
    """(field, default) of a kind of event, in their order; None where it has no default."""
    return tuple((f.name, None if f.default is MISSING else f.default) for f in fields(kind))


def to_json(event: Event) -> dict[str, Any]:
    """The event's JSON form: its name, then every field that is not empty or at its default."""
    kind: Any = type(event)
    out: dict[str, Any] = {"event": kind.__name__}
    for name, default in layout(kind):
        value = getattr(event, name)
        if value not in (default, "", ()):
            out[name] = list(value) if isinstance(value, tuple) else value
    return out


@cache
def _readers(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: (_tuple_of(get_args(hint)[0]) if get_args(hint) else hint) for name, hint in hints.items()}


def _tuple_of(kind: type[Any]) -> Callable[..., tuple[Any, ...]]:
    def reader(values: Iterable[Any] = ()) -> tuple[Any, ...]:
        if isinstance(values, str):
            raise TypeError("a list is wanted here, not a text")
        return tuple(map(kind, values))

    return reader


def from_json(form: dict[str, Any]) -> Event:
    """The inverse of `to_json`; KeyError on an unknown event; ValueError, TypeError or OverflowError on a value
    that its field cannot have; unknown keys are left out."""
    kind: Any = KINDS[form["event"]]
    readers = _readers(kind)
    values = {name: reader(form[name]) for name, reader in readers.items() if name in form}
    for name, default in layout(kind):
        if name not in values and default is None:
            reader = readers[name]
            values[name] = reader()
    event: Event = kind(**values)
    return event
