"""Warm sessions: kept open for a moment after the last message, for the next one to the same destination.

The rule: while a session is kept, no new one is opened. With Postfix nothing is kept before deliveries follow each
other closely, so the first messages of a burst draw their exchangers, and one of them gets all the rest: that is
what it did with twenty messages for two equal exchangers (19 to one of them). OpenSMTPD keeps every session.

Postfix: smtp_connection_cache_on_demand, smtp_connection_cache_time_limit, and the second between two deliveries
that its queue manager calls back to back. OpenSMTPD: session-keepalive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import inf
from types import MappingProxyType

from lab.fabric.base import Host
from lab.mail.line import Line

KEPT: Mapping[str, tuple[float, float]] = MappingProxyType({"warm": (2.0, 1.0), "idle": (10.0, inf)})
"""By a policy's `sessions`: for how many seconds one is kept, and how many at most may lie between two deliveries
for it to be worth while."""


class WarmSessions:
    """Of one host, by destination. Everything here is forgotten a moment after its last use."""

    __slots__ = ("_done", "_host", "_kept_for", "_lines", "_worth_it")

    def __init__(self, host: Host, sessions: str) -> None:
        self._host = host
        self._kept_for, self._worth_it = KEPT.get(sessions, (0.0, 0.0))
        self._lines: dict[str, Line] = {}
        self._done: dict[str, float] = {}
        """When the last delivery to a destination ended."""

    def take(self, destination: str) -> Line | None:
        """The warm session of a destination, which is the taker's from now on."""
        return self._lines.pop(destination, None)

    def keep(self, destination: str, line: Line) -> bool:
        """A worker is done with it: whether it stays open. If not, it is the worker's to close."""
        now = self._host.clock.elapsed()
        follows = now - self._done.get(destination, -inf) <= self._worth_it
        self._done[destination] = now
        keeps = follows and destination not in self._lines and line.session is not None and line.session.ready
        if keeps:
            self._lines[destination] = line
        self._host.spawn(self._cool(destination, now), f"warm session to {destination}")
        return keeps

    async def _cool(self, destination: str, since: float) -> None:
        await asyncio.sleep(self._kept_for)
        if self._done.get(destination) == since:  # nothing was delivered there since
            del self._done[destination]
            if (line := self.take(destination)) is not None:
                line.close()
