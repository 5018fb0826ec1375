"""No pattern of the lab's works longer on a text than in proportion to its length (ReDoS).

The rule: found, not listed. Every compiled pattern that stands in a module of the lab is tried as that module uses
it (match and fullmatch; search, finditer, sub and split where they are called) on texts made of its own signs: one
sign over and over, two in turn, one and then another without end.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import string
from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any

import pytest

import lab
from tests.fuzz.work import cpu

SIZE = 2_000
"""Signs; quadratic work on them is two million steps, ten milliseconds and more."""
TOO_LONG = 0.004
MOST_TEXTS = 40
_SEARCHING = ("search", "finditer", "findall", "sub", "split")


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(lab.__path__, "lab."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def patterns() -> dict[str, tuple[re.Pattern[Any], bool]]:
    """By module and name: the pattern, and whether it is searched for."""
    found: dict[str, tuple[re.Pattern[Any], bool]] = {}
    for module in modules():
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and f"{name} = re.compile" in source:
                searched = any(f"{name}.{verb}(" in source for verb in _SEARCHING)
                found[f"{module.__name__}.{name}"] = value, searched
    return found


PATTERNS = patterns()


def texts(pattern: re.Pattern[Any]) -> Iterator[Any]:
    """Up to so many, the same each time."""
    written = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    signs = sorted({*(sign for sign in written if sign in string.printable), *"a0 .-\n"})
    pairs = list(product(signs, signs))
    Random(1).shuffle(pairs)
    made = [sign * SIZE for sign in signs]
    for a, b in pairs[:MOST_TEXTS]:
        made += [(a + b) * (SIZE // 2), a + b * SIZE]
    words = re.findall(r"[A-Za-z=<>:\"?]{3,}", written)
    made += [word * (SIZE // len(word)) for word in words] + [word + " " * SIZE + "x" for word in words]
    for text in made:
        for end in ("", "\0"):
            yield text + end if isinstance(pattern.pattern, str) else (text + end).encode("latin-1", "replace")


def uses(pattern: re.Pattern[Any], searched: bool) -> tuple[Callable[[Any], object], ...]:
    whole: tuple[Callable[[Any], object], ...] = (pattern.match, pattern.fullmatch)
    return (*whole, lambda text: sum(1 for _ in pattern.finditer(text))) if searched else whole


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_works_longer_than_in_proportion(name: str) -> None:
    pattern, searched = PATTERNS[name]
    for use in uses(pattern, searched):
        for text in texts(pattern):
            spent = cpu(lambda use=use, text=text: use(text), times=1)  # type: ignore[misc]
            if spent > TOO_LONG:
                quarter = text[: len(text) // 4]
                few, many = cpu(lambda use=use, text=quarter: use(text)), cpu(lambda use=use, text=text: use(text))  # type: ignore[misc]
                assert many < 9 * few, (pattern.pattern, text[:20], few, many)


def test_patterns_are_found() -> None:
    assert len(PATTERNS) > 80
