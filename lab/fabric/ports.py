"""A host's ports: who listens where.

The rule is the kernel's: an address and port have one owner, and a port bound on every address is taken on each of
them. A socket on all addresses is one entry, so that idle hosts stay small.
"""

from __future__ import annotations

import errno
from typing import Generic, Protocol, TypeVar
from zlib import crc32

from lab.fabric.stack import problem
from lab.names import Address


class Mortal(Protocol):
    def vanish(self) -> None:
        """The host's power is gone."""


Owner = TypeVar("Owner", bound=Mortal)

_FIRST, _COUNT = 32768, 28232
"""Linux's ephemeral ports, net.ipv4.ip_local_port_range."""
_STRIDE = 12345
"""Prime to _COUNT, so that a walk visits every port, and two after each other are far apart."""


class Ports(Generic[Owner]):
    """The ports of one protocol on one host, whose addresses are `addresses`."""

    __slots__ = ("_addresses", "_owners", "_walk")

    def __init__(self, addresses: tuple[Address, ...], seed: str) -> None:
        self._addresses = addresses
        self._owners: dict[int | tuple[str, int], Owner] = {}
        self._walk = crc32(seed.encode()) % _COUNT

    def bind(self, places: tuple[Address, ...], port: int, owner: Owner) -> int:
        """The port that `owner` has from now on; 0 asks for any free one. EADDRINUSE when it is taken."""
        if port and not self._is_free(places, port):
            raise problem(errno.EADDRINUSE, f"port {port} of {places[0]}")
        number = port or self.ephemeral(places)
        if places == self._addresses:
            self._owners[number] = owner
            return number
        for address in places:
            self._owners[address, number] = owner
        return number

    def release(self, places: tuple[Address, ...], port: int) -> None:
        if places == self._addresses:
            self._owners.pop(port, None)
            return
        for address in places:
            self._owners.pop((address, port), None)

    def owner(self, address: str, port: int) -> Owner | None:
        owners = self._owners
        return owners.get(port) or owners.get((address, port))

    def ephemeral(self, places: tuple[Address, ...]) -> int:
        """A free port: the next of this host's own walk through them, the same in every run."""
        for _ in range(_COUNT):
            self._walk = walk = (self._walk + _STRIDE) % _COUNT
            if self._is_free(places, _FIRST + walk):
                return _FIRST + walk
        raise problem(errno.EADDRINUSE, "every ephemeral port is taken")

    def silence(self) -> None:
        """The power is gone: every owner vanishes."""
        for owner in self._owners.values():
            owner.vanish()
        self._owners.clear()

    def _is_free(self, places: tuple[Address, ...], port: int) -> bool:
        owners = self._owners
        if port in owners:
            return False
        if len(places) == 1:
            return (places[0], port) not in owners
        return not any((address, port) in owners for address in places)
