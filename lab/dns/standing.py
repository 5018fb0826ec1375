"""How a resolver thinks of the servers it has met: which to ask first, how long to wait, what they cannot do.

The rule: the quickest first, a stranger before a known slow one, now and then another to see how it fares; the
dead and the lame last, but never not at all.

Law: RFC 1035 §7.2 (best servers first), RFC 9520 §3.1 (dead servers are remembered, not longer than 5 minutes).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from lab.clock import Clock
from lab.names import Address, DomainName
from lab.values import dataclass

DEAD_SECONDS = 30.0
LAME_SECONDS = 30.0
"""Short, because in a lab servers are healed while someone looks on."""
FIRST_WAIT = 0.8
LONGEST_WAIT = 6.4
EXPLORE = 0.05
_STRANGER = 0.03
"""A stranger's round-trip time is taken to be less than this, at random, so that each gets its turn (BIND)."""


@dataclass(slots=True)
class Standing:
    """One server's. `rtt` is a moving average in seconds; 0 for a stranger."""

    rtt: float = 0.0
    dead_until: float = 0.0
    plain: bool = False
    """It does not understand EDNS."""

    def patience(self, turn: int) -> float:
        """How long to wait for its reply, the turn-th time it is asked."""
        return min(LONGEST_WAIT, max(FIRST_WAIT, 2 * self.rtt) * (1 << turn))

    def answered(self, seconds: float) -> None:
        self.rtt = seconds if not self.rtt else 0.7 * self.rtt + 0.3 * seconds
        self.dead_until = 0.0


MOST_SERVERS = 5_000
"""Whoever was met first is forgotten first; a zone can name any number of them."""


class Standings:
    """What one resolver knows of all servers."""

    __slots__ = ("_clock", "_lame", "_rng", "_servers")

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng
        self._servers: dict[Address, Standing] = {}
        self._lame: dict[tuple[Address, DomainName], float] = {}

    def of(self, address: Address) -> Standing:
        standing = self._servers.get(address)
        if standing is None:
            standing = self._servers[address] = Standing()
            _bound(self._servers)
        return standing

    @property
    def known(self) -> int:
        """Servers that something is remembered of."""
        return max(len(self._servers), len(self._lame))

    def order(self, addresses: Sequence[Address], zone: DomainName) -> list[Address]:
        """In which order to ask."""
        if len(addresses) < 2:
            return list(addresses)
        ranked = sorted(addresses, key=lambda address: self._key(address, zone))
        if self._rng.random() < EXPLORE:
            ranked.insert(0, ranked.pop(self._rng.randrange(len(ranked))))
        return ranked

    def _key(self, address: Address, zone: DomainName) -> tuple[bool, bool, float]:
        now, standing = self._clock.elapsed(), self.of(address)
        lame = self._lame.get((address, zone), 0.0) > now
        return lame, standing.dead_until > now, standing.rtt or self._rng.random() * _STRANGER

    def silent(self, address: Address) -> None:
        self.of(address).dead_until = self._clock.elapsed() + DEAD_SECONDS

    def lame(self, address: Address, zone: DomainName) -> None:
        self._lame.pop((address, zone), None)
        self._lame[address, zone] = self._clock.elapsed() + LAME_SECONDS
        _bound(self._lame)


def _bound(memory: dict[Any, Any]) -> None:
    if len(memory) > MOST_SERVERS:
        del memory[next(iter(memory))]
