"""The validator's complaints in the user's words, each at its place in the file.

The rule: nothing of pydantic's vocabulary gets out. What `shorthand.py` complained of is already a sentence;
the rest is said here, by kind, from `_SENTENCES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from lab.errors import Problem
from lab.topology.model import Domain, Host, Mail, Topology
from lab.topology.shorthand import closest, describe
from lab.topology.source import Path, Source

_TITLES = {
    "Exchanger": "an MX entry", "Person": "a person", "Mail": "a mail host's settings", "Host": "a host",
    "Resolver": "a resolver", "Domain": "a domain", "Registry": "a registry", "Teams": "teams",
    "Population": "a population", "Link": "a link", "Fault": "a fault", "Topology": "a topology",
}  # fmt: skip

_WANTED = {
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "yes or no",
    "bool_parsing": "yes or no",
}


def in_words(errors: Iterable[ErrorDetails], source: Source) -> list[Problem]:
    """Every complaint as a Problem; one that only follows from another is left out."""
    found = list(errors)
    misspelt = {(error["loc"][:-1], _nearest(error)) for error in found if error["type"] == "extra_forbidden"}
    return [
        _problem(error, source)
        for error in found
        if not (error["type"] == "missing" and (error["loc"][:-1], error["loc"][-1]) in misspelt)
    ]


def mend(errors: Iterable[ErrorDetails], source: Source) -> bool:
    """Take the faulty parts out of the source, so that the rest can be looked at; whether something is lost by it.

    A misspelt key is read as what was meant.
    """
    found = sorted(errors, key=lambda error: [str(step).zfill(6) for step in error["loc"]], reverse=True)
    renamed = {error["loc"]: _nearest(error) for error in found if error["type"] == "extra_forbidden"}
    for path, name in renamed.items():
        source.rename(path, name) if name else source.prune(path)
    meant = {(*path[:-1], name) for path, name in renamed.items()}
    lost = {_faulty(error) for error in found if error["loc"] not in renamed and error["loc"] not in meant}
    for path in sorted(lost, key=lambda path: [str(step).zfill(6) for step in path], reverse=True):
        source.prune(path)
    source.rebuild()
    return bool(lost)


def _faulty(error: ErrorDetails) -> Path:
    path = error["loc"]
    return path[:-1] if error["type"] == "missing" or path[-1:] == ("[key]",) else path


def _problem(error: ErrorDetails, source: Source) -> Problem:
    path, kind, context = error["loc"], error["type"], error.get("ctx") or {}
    if kind.startswith("T"):
        return _own(source, path, kind, context)
    if kind == "extra_forbidden":
        hint = closest(str(path[-1]), _keys(path[:-1])) or _elsewhere(str(path[-1]))
        hint = hint or _too_far_in(path) or "it can have " + ", ".join(_keys(path[:-1]))
        return source.problem(
            "T004", f"unknown key '{path[-1]}' in {_title(path[:-1])}", path, key=True, hint=hint
        )
    if kind == "missing":
        sentence = f"{_title(path[:-1])} needs '{path[-1]}'"
        return source.problem("T006", sentence, path[:-1])
    hint = f"a colon belongs behind it: {error['input']}:" if _is_bare_name(path, error["input"]) else ""
    return source.problem("T005", _sentence(kind, path, error["input"], context), path, hint=hint)


_PLACES: tuple[tuple[type[BaseModel], str], ...] = (
    (Mail, "under the 'mail:' of a host"),
    (Domain, "under a domain"),
    (Host, "under a host, in the domain's 'hosts:'"),
    (Topology, "at the left margin, beside 'domains:'"),
)


def _elsewhere(key: str) -> str:
    """Where a key belongs that is known, only not here."""
    return next((f"'{key}' stands {place}" for shape, place in _PLACES if key in shape.model_fields), "")


def _is_bare_name(path: Path, given: Any) -> bool:
    """A domain's name below `domains:`, where its colon has been forgotten."""
    return path == ("domains",) and isinstance(given, str) and " " not in given


def _too_far_in(path: Path) -> str:
    """`registries:` below `domains:` reads as a domain of that name."""
    return _elsewhere(str(path[-2])) if len(path) == 3 and path[1] in Topology.model_fields else ""


def _own(source: Source, path: Path, code: str, context: Mapping[str, Any]) -> Problem:
    at_key = bool(path) and path[-1] == "[key]"
    where = path[:-1] if at_key else path
    return source.problem(code, context["plain"], where, key=at_key, hint=context["hint"])


def _sentence(kind: str, path: Path, given: Any, context: Mapping[str, Any]) -> str:
    what = f"'{path[-1]}'" if path and isinstance(path[-1], str) else "an entry of this list"
    if kind in _WANTED:
        return f"{what} has to be {_WANTED[kind]}, not {describe(given)}" if path else _NO_MAPPING
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return f"{what} has to be {bound}, not {describe(given)}"
    if kind in ("too_short", "too_long"):
        wanted = context.get("min_length", context.get("max_length"))
        return f"{what} has to have {wanted} entries, not {context['actual_length']}"
    return f"{what} cannot be {describe(given)}"


_NO_MAPPING = "a topology is a mapping; it starts like 'name: mine' and 'domains:'"


def _title(path: Path) -> str:
    return _TITLES[_shape(path).__name__]


def _keys(path: Path) -> list[str]:
    return list(_shape(path).model_fields)


def _nearest(error: ErrorDetails) -> str:
    hint = closest(str(error["loc"][-1]), _keys(error["loc"][:-1]))
    return hint.split("'")[1] if hint else ""


def _shape(path: Path) -> type[BaseModel]:
    """The model that validates what stands at `path`: field names lead down, keys and indexes are passed over."""
    shape: type[BaseModel] = Topology
    steps = iter(path)
    for step in steps:
        annotation = shape.model_fields[str(step)].annotation
        shape = next(_shapes(annotation), shape)
        if _is_container(annotation):
            next(steps, None)
    return shape


def _shapes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _shapes(part)


def _is_container(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return origin in (list, dict) or any(get_origin(part) in (list, dict) for part in get_args(annotation))
