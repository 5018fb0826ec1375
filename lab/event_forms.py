"""Events as JSON, and back.

The form: {"event": "MailAccepted", …fields}; tuples become lists, enums their values, empty and None fields are
left out. The rule: `from_json(to_json(event)) == event`, for every kind in `events.KINDS`.

`members` is the text of that form at once, for a node in a container, which writes every event: each kind has a
writer of its own, made when the first of its kind is written, as `dataclasses` makes an `__init__`. It takes half
of the time in which a function for all kinds goes through their fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from functools import cache
from json.encoder import encode_basestring
from math import isfinite
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


def members(event: Event) -> str:
    """What stands between the braces of `to_json(event)` as JSON without blanks.

    >>> from lab.events import MailRemoved
    >>> members(MailRemoved("1tkfh8"))
    '"event":"MailRemoved","queue_id":"1tkfh8"'
    """
    kind: Any = type(event)
    return _writer(kind)(event)


@cache
def _writer(kind: type[Any]) -> Callable[[Event], str]:
    """A function whose body is one f-string, with a part for every field."""
    shape: Any = kind
    hints, fields = get_type_hints(shape), layout(shape)
    parts = "".join(_part(name, default, hints[name]) for name, default in fields)
    names: dict[str, Any] = {f"usual_{name}": (default, "", ()) for name, default in fields}
    names |= {"string": encode_basestring, "text": text}
    writer: Callable[[Event], str] = eval(f"lambda e: f'''\"event\":\"{kind.__name__}\"{parts}'''", names)
    return writer


def _part(name: str, default: object, hint: Any) -> str:
    """The source of a field's part of the f-string: its key and value, or nothing where it is left out."""
    value = f"e.{name}"
    is_string = isinstance(hint, type) and issubclass(hint, str)
    shown = f"string({value})" if is_string else f"{value}:d" if hint is int else f"text({value})"
    part = f',"{name}":{{{shown}}}'
    if default is None and hint in (int, float, bool):
        return part
    is_told = value if not default else f"{value} not in usual_{name}"
    return f"{{f'{part}' if {is_told} else ''}}"


def text(value: Any) -> str:
    """A value of an event in JSON."""
    kind = type(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if kind is int or (kind is float and isfinite(value)):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{','.join([text(one) for one in value])}]"
    return json.dumps(value)


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
