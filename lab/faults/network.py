"""The faults that befall a host as a whole: its network, its programs, its disk, its clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from lab.clock import type_span
from lab.faults.base import Fault
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Down(Fault):
    def __str__(self) -> str:
        return "down"


@dataclass(frozen=True, slots=True)
class Crash(Down):
    """Down, and nothing had a last word: memory is gone, what was written to the disk is there."""

    def __str__(self) -> str:
        return "crash"


@dataclass(frozen=True, slots=True)
class PowerCut(Down):
    """Down, and of what was written and not synced chance decides: it is there, gone, or torn."""

    def __str__(self) -> str:
        return "power-cut"


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


@dataclass(frozen=True, slots=True)
class Skew(Fault):
    """The host's clock shows so much more than lab time is, or less. Several add up."""

    by: timedelta

    def __str__(self) -> str:
        return f"clock {'-' if self.by < timedelta() else '+'}{type_span(abs(self.by))}"


OF_A_HOST: Mapping[str, type[Fault]] = MappingProxyType(
    {str(kind()): kind for kind in (Down, Unreachable, Silent, Paused, DiskFull, Crash, PowerCut)}
)
"""By the word that a user types."""
