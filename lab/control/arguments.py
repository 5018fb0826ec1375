"""The arguments of a verb as they came over the socket, read one by one.

The rule: what is missing or of the wrong kind is the asker's error, in a sentence that names it; the command
line never makes such a request, a script may.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lab.clock import parse_span
from lab.errors import WrongUse

Args = dict[str, Any]


def text(args: Args, name: str) -> str:
    found = args.get(name)
    if not isinstance(found, str) or not found:
        raise WrongUse(f"'{name}' is missing, or empty", code="W011")
    return found


def optional(args: Args, name: str, otherwise: str = "") -> str:
    return text(args, name) if args.get(name) else otherwise


def texts(args: Args, name: str) -> list[str]:
    found = args.get(name) or []
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise WrongUse(f"'{name}' is a list of words", code="W011")
    return found


def flag(args: Args, name: str) -> bool:
    return bool(args.get(name))


def number(args: Args, name: str, otherwise: int = 0) -> int:
    found = args.get(name, otherwise)
    if not isinstance(found, int):
        raise WrongUse(f"'{name}' is a whole number", code="W011")
    return found


def span(words: str) -> timedelta:
    """A span as people write it: `4h`, `+30m`. WrongUse otherwise."""
    try:
        return parse_span(words.removeprefix("+"))
    except ValueError as error:
        raise WrongUse(str(error), code="W012") from None


def share(words: str) -> float:
    """A part of a whole, from 0 to 1: `10%`, `0.1`. WrongUse otherwise."""
    try:
        found = float(words.removesuffix("%")) / (100 if words.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise WrongUse(f"'{words}' is no share: write 10% or 0.1", code="W012")
    return found
