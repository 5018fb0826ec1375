"""The faults that befall a host as a whole: its network, its programs, its disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lab.faults.base import Fault


@dataclass(frozen=True, slots=True)
class Down(Fault):
    def __str__(self) -> str:
        return "down"


@dataclass(frozen=True, slots=True)
class Unreachable(Fault):
    def __str__(self) -> str:
        return "unreachable"


@dataclass(frozen=True, slots=True)
class Silent(Fault):
    def __str__(self) -> str:
        return "silent"


@dataclass(frozen=True, slots=True)
class Paused(Fault):
    def __str__(self) -> str:
        return "paused"


@dataclass(frozen=True, slots=True)
class Gone(Fault):
    """Not made on purpose: the process or container in which the host lived has ended."""

    def __str__(self) -> str:
        return "gone"


@dataclass(frozen=True, slots=True)
class DiskFull(Fault):
    def __str__(self) -> str:
        return "disk-full"


OF_A_HOST: Mapping[str, type[Fault]] = MappingProxyType(
    {str(kind()): kind for kind in (Down, Unreachable, Silent, Paused, DiskFull)}
)
"""By the word that a user types."""
