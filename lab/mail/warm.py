"""Warm sessions: kept open for a moment after the last message, for the next one to the same destination.

The rule: nothing is kept warm before deliveries follow each other closely, and while something is, no new session
is opened. So the first messages of a burst draw their exchangers, and one of them gets all the rest: that is what
Postfix did with twenty messages for two equal exchangers (19 to one of them).

Postfix: smtp_connection_cache_on_demand, smtp_connection_cache_time_limit (2 s), and the second between two
deliveries that its queue manager calls back to back.
"""

from __future__ import annotations

import asyncio

from lab.fabric.base import Host
from lab.mail.line import Line

KEPT_FOR = 2.0
"""Seconds of silence."""
BACK_TO_BACK = 1.0
"""Seconds at most between two deliveries that make it worth while."""


class WarmSessions:
    """Of one host, by destination. Everything here is forgotten a moment after its last use."""

    __slots__ = ("_done", "_host", "_lines")

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lines: dict[str, Line] = {}
        self._done: dict[str, float] = {}
        """When the last delivery to a destination ended."""

    def take(self, destination: str) -> Line | None:
        """The warm session of a destination, which is the taker's from now on."""
        return self._lines.pop(destination, None)

    def keep(self, destination: str, line: Line) -> bool:
        """A worker is done with it: whether it stays open. If not, it is the worker's to close."""
        now = self._host.clock.elapsed()
        follows = now - self._done.get(destination, -BACK_TO_BACK - 1) <= BACK_TO_BACK
        self._done[destination] = now
        keeps = follows and destination not in self._lines and line.session is not None and line.session.ready
        if keeps:
            self._lines[destination] = line
        self._host.spawn(self._cool(destination, now, line if keeps else None), f"warm session to {destination}")
        return keeps

    async def _cool(self, destination: str, since: float, line: Line | None) -> None:
        await asyncio.sleep(KEPT_FOR)
        if line is not None and self._lines.get(destination) is line:
            del self._lines[destination]
            line.close()
        if self._done.get(destination) == since:
            del self._done[destination]
