"""`python3 -m lab.fabric.docker.lookout`: tell of every packet in the network that this process stands in.

The rule: a container of its own, beside a host's and in its network, has the right to look (NET_RAW), so that no
host needs it. What is seen goes to standard output as pieces: kind, length and the machine's monotonic clock in
nanoseconds, then the octets. An octet on standard input is answered with a COUNT: the clock now, how many packets
were lost for want of room, and the promise that all that was there before has been told. It ends when nobody
speaks to it any more.

On `lo` a packet is seen once, elsewhere as it leaves or arrives (`lab.fabric.sniff`).
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from enum import IntEnum

from lab.errors import MachineSaidNo
from lab.fabric.sniff import Sniffer
from lab.values import dataclass

HEADER = struct.Struct(">BIq")
_DROPPED = struct.Struct(">q")
_LONGEST = 1 << 18


class Kind(IntEnum):
    """What a piece is."""

    LEFT = 0
    CAME = 1
    INSIDE = 2
    """From this network to itself."""
    COUNT = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """`count`: nanoseconds of the machine's monotonic clock."""

    kind: Kind
    count: int
    octets: bytes

    @property
    def dropped(self) -> int:
        """Of a COUNT: how many packets were lost so far."""
        (found,) = _DROPPED.unpack(self.octets)
        return int(found)


class Pieces:
    """Feed octets as they come, take whole pieces. ValueError for what no lookout says."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> Iterator[Piece]:
        self._rest += octets
        while len(self._rest) >= HEADER.size:
            kind, length, count = HEADER.unpack_from(self._rest)
            end = HEADER.size + length
            if length > _LONGEST:
                raise ValueError("longer than a packet")
            if len(self._rest) < end:
                return
            octets, self._rest = self._rest[HEADER.size : end], self._rest[end:]
            yield Piece(Kind(kind), count, octets)


def to_octets(pieces: Iterable[Piece]) -> bytes:
    """
    >>> [*Pieces().feed(to_octets([Piece(Kind.LEFT, 7, b"ip")]))]
    [Piece(kind=<Kind.LEFT: 0>, count=7, octets=b'ip')]
    """
    return b"".join(HEADER.pack(piece.kind, len(piece.octets), piece.count) + piece.octets for piece in pieces)


def seen(sniffer: Sniffer, inside: bool) -> list[Piece]:
    """What has come. The kernel stamps it with the time of day, which is now this far from the monotonic clock."""
    behind = time.time_ns() - time.monotonic_ns()
    return [
        Piece(Kind.INSIDE if inside else Kind.LEFT if one.outgoing else Kind.CAME, one.when - behind, one.octets)
        for one in sniffer.read()
    ]


def counted(sniffers: Iterable[Sniffer]) -> Piece:
    dropped = sum(sniffer.count_dropped() for sniffer in sniffers)
    return Piece(Kind.COUNT, time.monotonic_ns(), _DROPPED.pack(dropped))


def look(inward: int, outward: int) -> None:
    """Until standard input ends."""
    sniffers = {Sniffer(name): name == "lo" for _, name in socket.if_nameindex()}
    with selectors.DefaultSelector() as ready:
        ready.register(inward, selectors.EVENT_READ)
        for sniffer in sniffers:
            ready.register(sniffer, selectors.EVENT_READ)
        while True:
            ready.select()
            asked = _asked(inward)
            if asked is None:
                return
            pieces = [piece for sniffer, inside in sniffers.items() for piece in _all(sniffer, inside, asked > 0)]
            _say(outward, to_octets([*pieces, *(counted(sniffers) for _ in range(asked))]))


def _asked(inward: int) -> int | None:
    """How often somebody has asked; None when nobody will any more."""
    with selectors.SelectSelector() as now:
        now.register(inward, selectors.EVENT_READ)
        if not now.select(0):
            return 0
    return len(os.read(inward, 1 << 10)) or None


def _all(sniffer: Sniffer, inside: bool, to_the_last: bool) -> Iterator[Piece]:
    while found := seen(sniffer, inside):
        yield from found
        if not to_the_last:
            return


def _say(outward: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(outward, octets) :]


if __name__ == "__main__":
    try:
        look(0, 1)
    except MachineSaidNo as error:
        sys.exit(error.sentence)
