"""Addresses for hosts that were given none.

The rule: the same file gives the same addresses. 198.18.0.0/24 is the root's and the lab's own, 198.18.1.0/24 the
registries'; every organisation has a /24 in the order of the file, its name servers and resolvers from .53 on, its
mail hosts from .25, the rest from .10. What is given in the file is never given again. When the ranges are full,
10.0.0.0/8 (RFC 1918) goes on.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import field
from itertools import islice

from lab.names import Address
from lab.values import dataclass

OVERFLOW = "10.0.0.0/8"
FIRST = {"dns": 53, "mail": 25, "root": 1, "other": 10}


class Full(Exception):
    """No address is left."""


@dataclass(slots=True)
class Block:
    """A run of addresses, one place's own. `size` counts the network and broadcast address, which nobody gets."""

    start: int
    size: int

    def choose(self, first: int, taken: set[int]) -> int:
        """The first free address from `first` on, going round."""
        span = self.size - 2
        for step in range(span):
            candidate = self.start + 1 + (min(first, span) - 1 + step) % span
            if candidate not in taken:
                return candidate
        raise Full


@dataclass(slots=True)
class Space:
    """All addresses of a lab. `wanted` is how many blocks there will be: it decides how large they are.
    `may_overflow`: whether 10.0.0.0/8 goes on where the ranges end; not when the file chose them."""

    ranges: tuple[str, ...]
    wanted: int
    may_overflow: bool = True
    taken: set[int] = field(default_factory=set)
    overflowed: bool = False
    _blocks: Iterator[Block] = field(init=False)
    _own: dict[str, list[Block]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._blocks = self._cut()

    def reserve(self, network: str, place: str) -> None:
        """Give a place the network that the file says it has."""
        found = ipaddress.ip_network(network)
        self._own.setdefault(place, []).append(Block(int(found.network_address), found.num_addresses))

    def give(self, place: str, kind: str) -> Address:
        """An address for a host of this kind ("dns", "mail", "root", "other") at this place."""
        for block in self._own.setdefault(place, []):
            try:
                return self._take(block.choose(FIRST[kind], self.taken))
            except Full:
                continue
        fresh = next(self._blocks, None)
        if fresh is None:
            return self._anywhere()
        self._own[place].append(fresh)
        return self.give(place, kind)

    def _anywhere(self) -> Address:
        """The blocks are given away: a free address of another place's."""
        for block in (block for blocks in self._own.values() for block in blocks):
            try:
                return self._take(block.choose(1, self.taken))
            except Full:
                continue
        raise Full

    def open(self, place: str) -> None:
        """Set a block apart for a place that has none, while there are any."""
        if place not in self._own:
            self._own[place] = list(islice(self._blocks, 1))

    def spread(self, count: int) -> Iterator[Address]:
        """`count` addresses in a row from unused blocks: .1 to .254 of each."""
        while count > 0:
            block = next(self._blocks, None)
            if block is None:
                raise Full
            for number in range(block.start + 1, block.start + block.size - 1)[:count]:
                if number not in self.taken:
                    count -= 1
                    yield Address(_dotted(number))

    def _take(self, number: int) -> Address:
        self.taken.add(number)
        return Address(_dotted(number))

    def _cut(self) -> Iterator[Block]:
        size = self._block_size()
        for text in self.ranges:
            yield from self._of(text, size)
        if self.may_overflow:
            self.overflowed = True
            yield from self._of(OVERFLOW, 256)

    def _of(self, text: str, size: int) -> Iterator[Block]:
        network = ipaddress.ip_network(text)
        if network.version == 4:
            size = min(size, network.num_addresses)
            first = int(network.network_address)
            claimed = [block for blocks in self._own.values() for block in blocks]
            for start in range(first, first + network.num_addresses, size):
                if not any(block.start < start + size and start < block.start + block.size for block in claimed):
                    yield Block(start, size)

    def _block_size(self) -> int:
        """256, or less where the ranges do not hold so many blocks."""
        networks = [ipaddress.ip_network(text) for text in self.ranges]
        room = sum(network.num_addresses for network in networks if network.version == 4)
        size = 256
        while size > 8 and size * self.wanted > room:
            size //= 2
        return size


def _dotted(number: int) -> str:
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def numbers(addresses: Iterable[Address]) -> set[int]:
    """IPv4 addresses as numbers; IPv6 ones are never chosen by the lab and need no book-keeping."""
    return {int(ipaddress.IPv4Address(address)) for address in addresses if ":" not in address}
