"""What a fuzz target is, and how choices become octets.

The rule: a grammar is a function of `Choices`, which are octets again: hypothesis draws and shrinks them, atheris
takes them from its own chance. What reaches a target is what a stranger could send; what is kept on disk as well,
so that an input found today is the same input when its grammar is another one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Octets read as decisions; when they are used up, every decision is the first one."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1; `limit` up to 65,536."""
        width = 1 if limit <= 256 else 2
        drawn = int.from_bytes(self._octets[self._at : self._at + width], "big")
        self._at += width
        return drawn % limit

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def octets(self, most: int) -> bytes:
        """Up to `most` of them, as they stand."""
        count = self.below(most + 1)
        self._at += count
        return self._octets[self._at - count : self._at]

    @property
    def more(self) -> bool:
        return self._at < len(self._octets)

    def several(self, make: Callable[[Choices], T], most: int = 8) -> list[T]:
        """From 0 to `most` of what `make` makes."""
        return [make(self) for _ in range(self.below(most + 1))]


Grammar = Callable[[Choices], bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """`run` raises when the property does not hold for these octets."""

    run: Callable[[bytes], None]
    grammar: Grammar
    seeds: tuple[bytes, ...] = ()

    def made(self, drawn: bytes) -> bytes:
        """The input that drawn octets decide on: themselves, the grammar's, or a seed; most of them damaged."""
        choices = Choices(drawn)
        kind = choices.below(8)
        if kind == 7:
            return choices.octets(200)
        whole = choices.one_of(self.seeds) if kind == 6 and self.seeds else self.grammar(choices)
        return whole if kind < 4 else damaged(choices, whole)


NASTY = (b"\0", b"\xff", b"\r\n", b"\n", b"\r", b" ", b'"', b"\\", b"(", b")", b"{99999999999}\r\n", b"\xc3\x28")


def damaged(choices: Choices, octets: bytes) -> bytes:
    """Octets with a few accidents: cut, doubled, overwritten, torn out."""
    for _ in range(1 + choices.below(3)):
        octets = choices.one_of(_ACCIDENTS)(choices, octets)
    return octets


def _somewhere(choices: Choices, octets: bytes) -> int:
    return choices.below(65_536) % (len(octets) + 1)


def _overwritten(choices: Choices, octets: bytes) -> bytes:
    at = _somewhere(choices, octets)
    return octets[:at] + bytes((choices.below(256),)) + octets[at + 1 :]


def _cut(choices: Choices, octets: bytes) -> bytes:
    return octets[: _somewhere(choices, octets)]


def _torn(choices: Choices, octets: bytes) -> bytes:
    at = _somewhere(choices, octets)
    return octets[:at] + octets[at + 1 + choices.below(16) :]


def _doubled(choices: Choices, octets: bytes) -> bytes:
    at = _somewhere(choices, octets)
    return octets[: at + 1 + choices.below(64)] + octets[at:]


def _spoilt(choices: Choices, octets: bytes) -> bytes:
    at = _somewhere(choices, octets)
    return octets[:at] + choices.one_of(NASTY) + octets[at:]


_ACCIDENTS = (_overwritten, _spoilt, _torn, _doubled, _cut)


def names() -> Iterable[str]:
    """The targets there are: one module each."""
    import tests.fuzz.targets as folder

    return sorted(module.name for module in pkgutil.iter_modules(folder.__path__))


def named(name: str) -> Target:
    target = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(target, Target)
    return target
