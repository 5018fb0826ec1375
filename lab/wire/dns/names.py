"""Domain names on the wire, in both directions.

Law: RFC 1035 §3.1 (labels), §4.1.4 (a pointer goes backwards, and its target stands below 0x4000); RFC 4343
(case: read without it, except the one name that is echoed, which `message` keeps); RFC 2181 §11 (any octet).
"""

from __future__ import annotations

from functools import lru_cache

from lab.names import DomainName

LONGEST_NAME = 255
"""Octets on the wire (RFC 1035 §2.3.4)."""
MOST_POINTERS = 127
"""A name has no more labels, and one pointer a label is all that a writer has a reason for."""


def read_name(octets: bytes, at: int) -> tuple[DomainName, int]:
    """The name that begins at an offset, and the offset behind it. ValueError or IndexError when it is none."""
    start = floor = at
    wire, after, pointers = b"", 0, 0
    while length := octets[at]:
        if length < 64:
            at += length + 1
        elif length >= 192:
            wire += octets[start:at]
            after = after or at + 2
            at = start = (length & 63) << 8 | octets[at + 1]
            if at >= floor:
                raise ValueError("a compression pointer that does not point backwards (RFC 1035 §4.1.4)")
            floor = at
            pointers += 1
            if pointers > MOST_POINTERS or len(wire) > LONGEST_NAME:
                raise ValueError("a name of more pointers, or over 255 octets, than any name has")
        else:
            raise ValueError("a label of an unknown kind (RFC 6891 §5)")
    return _named((wire + octets[start:at]).lower()), after or at + 1


@lru_cache(maxsize=8192)
def _named(wire: bytes) -> DomainName:
    """From labels on the wire, in lower case (the length of a label is less than any letter's code)."""
    labels, at = [], 0
    while at < len(wire):
        labels.append(wire[at + 1 : at + 1 + wire[at]])
        at += wire[at] + 1
    return DomainName.from_labels(labels)


@lru_cache(maxsize=8192)
def _pieces(name: DomainName) -> tuple[tuple[str, bytes], ...]:
    """(name, first label on the wire) for the name and each of its ancestors but the root."""
    steps = zip(name.ancestors(), name.labels, strict=False)
    return tuple((str(suffix), bytes((len(label),)) + label) for suffix, label in steps)


@lru_cache(maxsize=8192)
def name_wire(name: DomainName) -> bytes:
    """The name uncompressed."""
    return b"".join([label for _, label in _pieces(name)]) + b"\0"


_FARTHEST = 0x4000
"""A pointer has fourteen bits (RFC 1035 §4.1.4)."""


class Writer:
    """A message under way: its octets, and where each name stands in it."""

    __slots__ = ("octets", "seen")

    def __init__(self, octets: bytes) -> None:
        self.octets = bytearray(octets)
        self.seen: dict[str, int] = {}

    def name(self, name: DomainName) -> None:
        """The name, as far as it has not been written before."""
        octets, seen = self.octets, self.seen
        for suffix, label in _pieces(name):
            place = seen.get(suffix)
            if place is not None:
                octets += (0xC000 | place).to_bytes(2, "big")
                return
            if len(octets) < _FARTHEST:
                seen[suffix] = len(octets)
            octets += label
        octets += b"\0"

    def spelled(self, name: DomainName, octets: bytes) -> None:
        """The name in a case of its own; what follows may point into it."""
        at = len(self.octets)
        for suffix, label in _pieces(name):
            self.seen[suffix] = at
            at += len(label)
        self.octets += octets
