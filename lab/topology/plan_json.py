"""Plans as JSON, and back: what a container gets as a file, and what a person reads to see what a host is told.

The rule: the keys are the fields of `plan`, and what is as usual is left out. A zone is its master file (RFC 1035
§5), a line an element; times are seconds. What cannot be read is a BadPlan with its place: `host.mail.policy`.

    to_form(plan)             anything of a plan as dicts, lists, texts and numbers
    read(HostPlan, form)      the inverse
    text(form)                the JSON, for people: what fits on a line stands on one
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from lab.errors import WrongUse
from lab.names import Address, BadName, DomainName, EmailAddress, parse_address
from lab.topology.plan import ZonePlan
from lab.wire import zonefile

Form = Any
"""What JSON can say."""
T = TypeVar("T")


class BadPlan(WrongUse):
    """A form that is no plan: where, and why."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where or 'it'}: {why}", code="W041")


# -- to JSON ---------------------------------------------------------------------------------------------------


def to_form(value: Any) -> Form:
    """A plan, or any part of one, as JSON can say it.

    >>> from lab.topology.plan import Link
    >>> to_form(Link(latency=timedelta(milliseconds=20)))
    {'latency': 0.02}
    """
    if isinstance(value, ZonePlan):
        return _zone_form(value)
    if dataclasses.is_dataclass(value):
        return {each.name: to_form(found) for each in fields(value) if not _usual(each, found := _of(value, each))}
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        # Zones know their names; a form says it once.
        if all(isinstance(each, ZonePlan) for each in value.values()):
            return [to_form(each) for each in value.values()]
        return {str(key): to_form(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [to_form(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _of(value: Any, field: dataclasses.Field[Any]) -> Any:
    return getattr(value, field.name)


def _usual(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.default is not MISSING:
        return bool(value == field.default)
    return field.default_factory is not MISSING and bool(value == field.default_factory())


def _zone_form(zone: ZonePlan) -> Form:
    lines = zonefile.zone_text(zone.records, zone.origin).splitlines()
    return {"origin": str(zone.origin), "servers": [*map(str, zone.servers)], "records": lines}


def text(form: Form, indent: int = 0, before: int = 0) -> str:
    """A form as JSON. `before`: columns that are taken on its first line already.

    >>> print(text({"name": "a.root", "addresses": ["198.18.0.1"], "records": ["a" * 60, "b" * 60]}))
    {
      "name": "a.root",
      "addresses": ["198.18.0.1"],
      "records": [
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      ]
    }
    """
    line = json.dumps(form, ensure_ascii=False)
    if not isinstance(form, dict | list) or indent + before + len(line) <= _COLUMNS:
        return line
    keys = (
        [f"{json.dumps(key, ensure_ascii=False)}: " for key in form]
        if isinstance(form, dict)
        else [""] * len(form)
    )
    values = form.values() if isinstance(form, dict) else form
    margin = " " * (indent + 2)
    rows = [f"{margin}{key}{text(each, indent + 2, len(key))}" for key, each in zip(keys, values, strict=True)]
    start, end = "{}" if isinstance(form, dict) else "[]"
    return ",\n".join([f"{start}\n{rows[0]}", *rows[1:]]) + f"\n{' ' * indent}{end}"


_COLUMNS = 100


# -- and back --------------------------------------------------------------------------------------------------


def read(kind: type[T], form: Form, where: str = "") -> T:
    """The value of that type. `where` is what its problems call the form."""
    value: T = _read(kind, form, where)
    return value


def _read(kind: Any, form: Form, where: str) -> Any:
    reader = _SCALARS.get(kind)
    if reader is not None:
        return _read_scalar(reader, form, where)
    if kind is ZonePlan:
        return _read_zone(form, where)
    if dataclasses.is_dataclass(kind):
        return _read_fields(kind, form, where)
    shape, arguments = get_origin(kind), get_args(kind)
    if shape in (Union, types.UnionType):
        return None if form is None else _read(arguments[0], form, where)
    if shape is tuple:
        return _read_tuple(arguments, _require(list, form, where), where)
    assert shape is Mapping, f"no plan has a {kind}"
    if arguments[1] is ZonePlan:
        zones = [_read_zone(each, f"{where}[{at}]") for at, each in enumerate(_require(list, form, where))]
        return {zone.origin: zone for zone in zones}
    return {
        _read(arguments[0], key, where): _read(arguments[1], each, f"{where}.{key}")
        for key, each in _require(dict, form, where).items()
    }


def _read_fields(kind: Any, form: Form, where: str) -> Any:
    hints, known = _hints(kind), {each.name: each for each in fields(kind)}
    for key in _require(dict, form, where):
        if key not in known:
            raise BadPlan(where, f"it has no '{key}'; it has {', '.join(known)}")
    for name, each in known.items():
        if name not in form and each.default is MISSING and each.default_factory is MISSING:
            raise BadPlan(where, f"'{name}' is missing")
    dot = f"{where}." if where else ""
    return kind(**{name: _read(hints[name], form[name], f"{dot}{name}") for name in known if name in form})


def _read_tuple(arguments: tuple[Any, ...], form: list[Form], where: str) -> tuple[Any, ...]:
    kinds = [arguments[0]] * len(form) if arguments[1:] == (...,) else [*arguments]
    if len(kinds) != len(form):
        raise BadPlan(where, f"{len(kinds)} values are wanted, not {len(form)}")
    return tuple(
        _read(kind, each, f"{where}[{at}]") for at, (kind, each) in enumerate(zip(kinds, form, strict=True))
    )


def _read_zone(form: Form, where: str) -> ZonePlan:
    form = _require(dict, form, where)
    named = [DomainName, tuple[DomainName, ...], tuple[str, ...]]
    origin, servers, lines = (
        _read(kind, form.get(key), f"{where}.{key}")
        for key, kind in zip(("origin", "servers", "records"), named, strict=True)
    )
    parsed = zonefile.read("\n".join(lines), origin)
    if parsed.problems:
        first = parsed.problems[0]
        raise BadPlan(f"{where}.records[{first.place.line - 1 if first.place else 0}]", first.sentence)
    return ZonePlan(origin, parsed.records, servers)


def _read_scalar(reader: Callable[[Form], Any], form: Form, where: str) -> Any:
    try:
        return reader(form)
    except BadName as error:
        raise BadPlan(where, error.sentence) from None
    except TypeError as error:
        raise BadPlan(where, str(error)) from None


def _require(kind: type, form: Form, where: str) -> Any:
    if not isinstance(form, kind):
        raise BadPlan(where, f"{_WORDS[kind]} is wanted here, not {_worded(form)}")
    return form


def _scalar(kind: type, make: Callable[[Any], Any] = lambda value: value) -> Callable[[Form], Any]:
    def reader(form: Form) -> Any:
        wanted = (int, float) if kind is float else kind
        if not isinstance(form, wanted) or (isinstance(form, bool) and kind is not bool):
            raise TypeError(f"{_WORDS[kind]} is wanted here, not {_worded(form)}")
        return make(form)

    return reader


def _worded(form: Form) -> str:
    return "nothing" if form is None else _WORDS.get(type(form), repr(form))


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list",
          dict: "an object"}  # fmt: skip
_SCALARS: Mapping[Any, Callable[[Form], Any]] = types.MappingProxyType(
    {
        str: _scalar(str),
        int: _scalar(int),
        float: _scalar(float, float),
        bool: _scalar(bool),
        DomainName: _scalar(str, DomainName.parse),
        EmailAddress: _scalar(str, EmailAddress.parse),
        Address: _scalar(str, parse_address),
        timedelta: _scalar(float, lambda seconds: timedelta(seconds=seconds)),
    }
)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
