"""Capture files: the pcapng format, written block by block and read again.

    section("a note") + interface("mail.unige.ch") + packet(0, 1_767_600_000_000_000_000, octets, "J-0001")

The rule: a file is its blocks one after the other, so that what was written so far is always a whole file, and
goes into a pipe as well. Interfaces are numbered from 0 in the order in which they are told, and packets name
theirs by number.

draft-ietf-opsawg-pcapng: Section Header (§4.1), Interface Description (§4.2), Enhanced Packet (§4.3), Name
Resolution (§4.5), Interface Statistics (§4.6). Link type 101: IP packets without a header of a link.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from ipaddress import ip_address

from lab.values import dataclass

RAW_IP = 101
"""LINKTYPE_RAW: IPv4 or IPv6, which the first four bits tell."""
NANOSECONDS = 9
"""if_tsresol: times are counted in 10**-9 s."""
_MAGIC = 0x1A2B3C4D
_LONGEST_OPTION = 0xFFFF
_NAMES_AT_ONCE = 1000


class Block(IntEnum):
    """The kinds of blocks that stand in the lab's captures."""

    SECTION = 0x0A0D0D0A
    INTERFACE = 1
    NAMES = 4
    STATISTICS = 5
    PACKET = 6


class _Option(IntEnum):
    END = 0
    COMMENT = 1
    NAME = 2
    """Of an interface. (In other blocks 2 and 3 mean other things.)"""
    DESCRIPTION = 3
    RESOLUTION = 9


_APPLICATION, _FLAGS = 4, 2
_RECEIVED = 4
_INBOUND, _OUTBOUND = 1, 2


def section(comment: str = "", application: str = "") -> bytes:
    """The beginning of a file."""
    body = struct.pack("<IHHq", _MAGIC, 1, 0, -1)
    return _block(Block.SECTION, body + _options((_Option.COMMENT, comment), (_APPLICATION, application)))


def interface(name: str, description: str = "") -> bytes:
    """One interface, whose packets are raw IP with times in nanoseconds."""
    body = struct.pack("<HHI", RAW_IP, 0, 0)
    resolution = (_Option.RESOLUTION, bytes([NANOSECONDS]))
    return _block(
        Block.INTERFACE,
        body + _options((_Option.NAME, name), (_Option.DESCRIPTION, description), resolution),
    )


def names(hosts: Iterable[tuple[str, str]]) -> bytes:
    """Which address (IPv4 or IPv6) bears which name: a block for each thousand."""
    records = [_name_record(address, name) for address, name in hosts]
    parts = [records[at : at + _NAMES_AT_ONCE] for at in range(0, len(records), _NAMES_AT_ONCE)]
    return b"".join(_block(Block.NAMES, b"".join(part) + bytes(4)) for part in parts)


def _name_record(address: str, name: str) -> bytes:
    packed = ip_address(address).packed
    value = packed + name.encode() + b"\0"
    return struct.pack("<HH", 1 if len(packed) == 4 else 2, len(value)) + _padded(value)


def packet(
    interface: int, when: int, octets: bytes, comment: str = "", outbound: bool | None = None, original: int = 0
) -> bytes:
    """A packet as an interface saw it, `when` in nanoseconds since 1970; `original` is its length if it is cut."""
    head = struct.pack("<IIIII", interface, *divmod(when, 1 << 32), len(octets), original or len(octets))
    direction = b"" if outbound is None else struct.pack("<I", _OUTBOUND if outbound else _INBOUND)
    return _block(Block.PACKET, head + _padded(octets) + _options((_Option.COMMENT, comment), (_FLAGS, direction)))


def statistics(interface: int, when: int, received: int) -> bytes:
    """How many packets an interface saw until `when`."""
    head = struct.pack("<III", interface, *divmod(when, 1 << 32))
    return _block(Block.STATISTICS, head + _options((_RECEIVED, struct.pack("<Q", received))))


def _block(kind: Block, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _options(*pairs: tuple[int, str | bytes]) -> bytes:
    """Those that say something, and the mark of their end; nothing where there is none."""
    said = b"".join(_option(code, value) for code, value in pairs if value)
    return said + bytes(4) if said else b""


def _option(code: int, value: str | bytes) -> bytes:
    octets = value if isinstance(value, bytes) else _cut(value)
    return struct.pack("<HH", code, len(octets)) + _padded(octets)


def _cut(text: str) -> bytes:
    """As much of a text as an option can hold, without half a character at its end."""
    return text.encode(errors="replace")[:_LONGEST_OPTION].decode(errors="ignore").encode()


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


# -- reading --------------------------------------------------------------------------------------------------


class NoCapture(ValueError):
    """Octets that are no blocks of a capture file."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A packet as it was read: the number of its interface, nanoseconds since 1970, and what was said of it."""

    interface: int
    when: int
    octets: bytes
    comment: str = ""
    outbound: bool | None = None


def blocks(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind and the body of each block, as this module writes them (little-endian). NoCapture where one is
    cut short."""
    at = 0
    while at < len(octets):
        head = octets[at : at + 8]
        kind, size = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
        if size < 12 or octets[at + size - 4 : at + size] != head[4:]:
            raise NoCapture(f"the block at octet {at} has no end")
        yield kind, octets[at + 8 : at + size - 4]
        at += size


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except (struct.error, ValueError) as error:
        raise NoCapture(f"{what} cannot be read: {error}") from error


def read_packet(body: bytes) -> Captured:
    """A packet out of the body of its block. NoCapture when it is none."""
    with _readable("a packet"):
        return _packet(body)


def _packet(body: bytes) -> Captured:
    number, high, low, length, _ = struct.unpack_from("<IIIII", body)
    octets = body[20 : 20 + length]
    options = dict(_read_options(body[20 + len(_padded(octets)) :]))
    flags = options.get(_FLAGS)
    outbound = None if flags is None else bool(struct.unpack("<I", flags)[0] & _OUTBOUND)
    return Captured(number, high << 32 | low, octets, options.get(_Option.COMMENT, b"").decode(), outbound)


def read_names(body: bytes) -> list[tuple[str, str]]:
    """Addresses and names out of the body of a block of them. NoCapture when it is none."""
    with _readable("a block of names"):
        return _names(body)


def _names(body: bytes) -> list[tuple[str, str]]:
    found, at = [], 0
    while (kind_and_size := struct.unpack_from("<HH", body, at)) != (0, 0):
        kind, size = kind_and_size
        value, split = body[at + 4 : at + 4 + size], 4 if kind == 1 else 16
        found.append((str(ip_address(value[:split])), value[split:-1].decode()))
        at += 4 + len(_padded(value))
    return found


def read_interface(body: bytes) -> tuple[str, str]:
    """An interface's name and description. NoCapture when it is none."""
    options = dict(_read_options(body[8:]))
    with _readable("an interface"):
        return options.get(_Option.NAME, b"").decode(), options.get(_Option.DESCRIPTION, b"").decode()


def _read_options(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(octets):
        code, size = struct.unpack_from("<HH", octets, at)
        if code == _Option.END:
            return
        yield code, octets[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
