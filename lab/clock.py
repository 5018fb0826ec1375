"""Lab time: what a host's clock shows, and what drives it.

The rule: nothing above this file asks the machine for the time. A host has `host.clock`; timers go through
the event loop, whose `time()` is lab time in seconds since the lab came up (it starts near 0, so that a float
keeps its 10 ms links exact; the epoch is kept apart).

Three sources can drive a loop:

    VirtualTime   jumps to the next due moment: five days pass in a blink, nothing is ever waited for
    PacedTime     follows the wall at a rate (1×, 60×), for a class that looks on
    WarpedTime    follows the wall, and leaps ahead when it is told to (`lab clock +4h` on real sockets)
"""

from __future__ import annotations

import re
import time
from dataclasses import field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from lab.values import dataclass

DAY_ONE = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
"""When lab time begins in a simulation: a Monday morning. The same for everyone, so that traces compare."""


class TimeSource(Protocol):
    """Where a loop takes its time from."""

    def time(self) -> float:
        """Seconds of lab time since the source was made; never goes back."""

    def leap(self, to: float) -> None:
        """Make it `to` now, if that is later than now."""

    def wait(self, until: float) -> float:
        """How many real seconds to wait before lab time is `until`; 0 where waiting is not needed."""


@dataclass(slots=True)
class VirtualTime:
    seconds: float = 0.0

    def time(self) -> float:
        return self.seconds

    def leap(self, to: float) -> None:
        self.seconds = max(self.seconds, to)

    def wait(self, until: float) -> float:
        self.leap(until)
        return 0.0


@dataclass(slots=True)
class PacedTime:
    """The wall's time times `rate`, plus the leaps asked for."""

    rate: float = 1.0
    ahead: float = 0.0
    _start: float = field(default_factory=time.monotonic)

    def time(self) -> float:
        return (time.monotonic() - self._start) * self.rate + self.ahead

    def leap(self, to: float) -> None:
        self.ahead += max(0.0, to - self.time())

    def wait(self, until: float) -> float:
        return max(0.0, (until - self.time()) / self.rate)


class WarpedTime(PacedTime):
    """Real time, for real sockets; leaps are asked for by the loop when nothing has been ready for a while."""


class Clock(Protocol):
    """What a host knows of time. As on any machine there are two clocks: one that can be set wrong, for dates and
    ages, and one that only counts, for how long something takes (clock_gettime(2): CLOCK_REALTIME, _MONOTONIC)."""

    @property
    def ahead(self) -> float:
        """Seconds by which it shows more than lab time is."""

    def now(self) -> datetime:
        """What it shows, in UTC."""

    def shown(self) -> float:
        """The same, in seconds since the lab came up: what a TTL and a message's age are counted in."""

    def elapsed(self) -> float:
        """Seconds of lab time since the lab came up, whatever it shows."""


class LabClock:
    """A clock over a time source, and right."""

    __slots__ = ("_at", "_now", "elapsed", "epoch", "shown")

    def __init__(self, source: TimeSource, epoch: datetime = DAY_ONE) -> None:
        self.epoch = self._now = epoch
        self.elapsed = self.shown = source.time
        self._at = 0.0

    @property
    def ahead(self) -> float:
        return 0.0

    def now(self) -> datetime:
        elapsed = self.elapsed()
        if elapsed != self._at:  # virtual time stands still while things happen
            self._at, self._now = elapsed, self.epoch + timedelta(seconds=elapsed)
        return self._now


class HostClock:
    """One host's own: the lab's, set wrong by `ahead` seconds."""

    __slots__ = ("_lab", "ahead", "elapsed")

    def __init__(self, lab: Clock) -> None:
        self._lab = lab
        self.elapsed = lab.elapsed
        self.ahead = 0.0

    def now(self) -> datetime:
        now = self._lab.now()
        return now + timedelta(seconds=self.ahead) if self.ahead else now

    def shown(self) -> float:
        return self.elapsed() + self.ahead


_UNITS = MappingProxyType({"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800})
_NUMBER, _UNIT = r"(\d+(?:\.\d*)?|\.\d+)", r"(ms|[smhdw])"  # each digit in one way only: else it is quadratic
_PART = re.compile(f"{_NUMBER}{_UNIT}?", re.ASCII)
_SPAN = re.compile(f"({_NUMBER}{_UNIT})*{_NUMBER}{_UNIT}?", re.ASCII)
"""The last number may go without its unit: `90`, `1h30`."""


def parse_span(text: str) -> timedelta:
    """A span as people write it: `30s`, `5m` (or `5min`), `4h`, `1h30m`, `5d`, `250ms`; a bare number is seconds.

    >>> parse_span("1h30m")
    datetime.timedelta(seconds=5400)

    ValueError when it is none of these.
    """
    found = _SPAN.fullmatch(text.strip().lower().replace(" ", "").replace("min", "m"))
    if found is None:
        raise ValueError(f"'{text}' is not a span of time: write 30s, 5m, 4h, 1h30m or 5d")
    parts = ((float(number), unit or "s") for number, unit in _PART.findall(found[0]))
    try:
        return timedelta(seconds=sum(number * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError(f"'{text}' is longer than any span of lab time") from None


def show_span(span: timedelta | float) -> str:
    """A span as people read it: `0.2 s`, `5 min`, `4 h 30 min`, `5 d`."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 0:
        return f"-{show_span(-seconds)}"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.1f} s"
    left, parts = round(seconds), []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def type_span(span: timedelta) -> str:
    """A span as people type it, without blanks: `1h30m`, `250ms`; what `parse_span` reads.

    >>> type_span(timedelta(minutes=90))
    '1h30m'
    """
    left, parts = round(span.total_seconds() * 1000), []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
