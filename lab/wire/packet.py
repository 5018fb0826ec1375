"""IP packets with TCP, UDP and ICMP in them, built and read.

    tcp(client, server, Segment(Flag.SYN, sequence=7, options=SYN_OPTIONS))      → the octets of an IP packet

The rule: whole packets, as they leave a host. Every length and checksum is right, so that any program that reads
captures may verify them. None is a fragment: identification 0 and DF set (RFC 6864 §4.1); addresses decide between
IPv4 and IPv6.

RFC 791 and 8200 (IP), 9293 (TCP), 7323 (window scale), 768 (UDP), 792 and 4443 (ICMP), 1071 (checksums).
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from functools import lru_cache
from ipaddress import ip_address

from lab.values import dataclass

End = tuple[str, int]
"""Address and port."""

TTL = 64
LARGEST = 0xFFFF
"""Octets in a packet, by its length field."""
_DONT_FRAGMENT = 0x4000


class Protocol(IntEnum):
    """What is in a packet (IANA's numbers)."""

    ICMP = 1
    TCP = 6
    UDP = 17
    ICMPV6 = 58


class Flag(IntFlag):
    """Of a TCP header (RFC 9293 §3.1)."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10


NO_FLAG = Flag(0)


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP header's changing part, and what follows it. `window` as it stands there: after scaling."""

    flags: Flag
    sequence: int = 0
    acknowledged: int = 0
    window: int = 0xFFFF
    options: bytes = b""
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Packet:
    """What was read of a packet. Ports are 0 and flags empty where the protocol has none; the `payload` is what
    follows TCP's or UDP's header, or IP's."""

    protocol: int
    source: End
    target: End
    payload: bytes
    flags: Flag = NO_FLAG
    sequence: int = 0
    acknowledged: int = 0


def checksum(octets: bytes) -> int:
    """RFC 1071: the complement of the ones' complement sum of 16-bit words.

    >>> hex(checksum(bytes.fromhex("0001f203f4f5f6f7")))
    '0x220d'
    """
    # That sum of words is the whole number modulo 65535, with 65535 in the place of 0 unless all words are 0.
    number = int.from_bytes(octets + b"\0" if len(octets) % 2 else octets, "big")
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


# -- building -------------------------------------------------------------------------------------------------


def tcp(source: End, target: End, segment: Segment) -> bytes:
    """A packet with a TCP segment. ValueError when it would be longer than a packet can be."""
    head = struct.pack(
        "!HHIIBBHHH",
        source[1],
        target[1],
        segment.sequence & 0xFFFFFFFF,
        segment.acknowledged & 0xFFFFFFFF,
        (20 + len(segment.options)) // 4 << 4,
        segment.flags,
        segment.window,
        0,
        0,
    )
    return _packet(Protocol.TCP, source[0], target[0], head + segment.options + segment.payload)


def udp(source: End, target: End, payload: bytes) -> bytes:
    """A packet with a datagram. ValueError when it would be longer than a packet can be."""
    head = struct.pack("!HHHH", source[1], target[1], min(8 + len(payload), LARGEST), 0)
    return _packet(Protocol.UDP, source[0], target[0], head + payload)


def unreachable(packet: bytes, source: str, port: bool = False) -> bytes:
    """The ICMP error for a packet that met no host, or (`port`) no program; `source` says so. It quotes the
    packet's beginning: as much as fits into 576 octets, or 1280 of IPv6 (RFC 1812 §4.3.2.3, RFC 4443 §2.4)."""
    target = read(packet).source[0]
    six = ":" in target
    kind, code = (1, 4 if port else 3) if six else (3, 3 if port else 1)
    quoted = packet[: (1280 - 48 if six else 576 - 28)]
    body = struct.pack("!BBHI", kind, code, 0, 0) + quoted
    return _packet(Protocol.ICMPV6 if six else Protocol.ICMP, source, target, body)


def mss_options(six: bool, shift: int) -> bytes:
    """What a SYN offers: segments as an Ethernet carries them, and a window in units of 2**shift octets."""
    return struct.pack("!BBHBBBB", 2, 4, segment_size(six), 1, 3, 3, shift)


def segment_size(six: bool) -> int:
    """Octets of payload in a full segment on an Ethernet: 1500, less the headers of TCP and IP."""
    return 1500 - 20 - (40 if six else 20)


def _packet(protocol: Protocol, source: str, target: str, body: bytes) -> bytes:
    here, there = _packed(source), _packed(target)
    filled = _checked(protocol, here, there, body)
    if len(here) == 16:
        if len(body) > LARGEST:
            raise ValueError(f"{len(body)} octets do not fit into one packet")
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, TTL) + here + there + filled
    if len(body) + 20 > LARGEST:
        raise ValueError(f"{len(body)} octets do not fit into one packet")
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, _DONT_FRAGMENT, TTL, protocol, 0) + here + there
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + filled


_SUM_AT = {Protocol.TCP: 16, Protocol.UDP: 6, Protocol.ICMP: 2, Protocol.ICMPV6: 2}
"""Where in a header its checksum stands."""


def _checked(protocol: Protocol, here: bytes, there: bytes, body: bytes) -> bytes:
    """The body with its checksum. ICMP of IPv4 sums itself alone; all others a pseudo-header too (RFC 8200 §8.1,
    and RFC 9293 §3.1, whose shorter one has the same sum)."""
    at = _SUM_AT[protocol]
    blank = body[:at] + b"\0\0" + body[at + 2 :]
    pseudo = b"" if protocol is Protocol.ICMP else here + there + struct.pack("!II", len(body), protocol)
    found = checksum(pseudo + blank)
    if protocol is Protocol.UDP and not found:
        found = 0xFFFF  # 0 means that there is none (RFC 768)
    return body[:at] + found.to_bytes(2, "big") + body[at + 2 :]


@lru_cache(maxsize=4096)
def _packed(address: str) -> bytes:
    return ip_address(address).packed


# -- reading --------------------------------------------------------------------------------------------------


class NoPacket(ValueError):
    """Octets that are no IP packet, or one that is cut short."""


def read(octets: bytes) -> Packet:
    """A packet's addresses, ports and payload. NoPacket for what is none; a later fragment has no ports."""
    try:
        protocol, here, there, body, first = _read_ip(octets)
        match protocol:
            case Protocol.TCP if first:
                return _read_tcp(here, there, body)
            case Protocol.UDP if first:
                ports = struct.unpack_from("!HH", body)
                return Packet(protocol, (here, ports[0]), (there, ports[1]), body[8:])
            case _:
                return Packet(protocol, (here, 0), (there, 0), body)
    except (struct.error, IndexError):
        raise NoPacket("a packet that is cut short") from None


def _read_ip(octets: bytes) -> tuple[int, str, str, bytes, bool]:
    """Protocol, source, target, what follows the header, and whether that begins with the next header."""
    version = octets[0] >> 4
    if version == 4:
        length, _, fragment, _, protocol = struct.unpack_from("!HHHBB", octets, 2)
        here, there = octets[12:16], octets[16:20]
        body = octets[4 * (octets[0] & 15) : length]
    elif version == 6:
        length, protocol = struct.unpack_from("!HB", octets, 4)
        here, there, fragment = octets[8:24], octets[24:40], 0
        body = octets[40 : 40 + length]
    else:
        raise NoPacket(f"IP has no version {version}")
    if len(there) not in (4, 16):
        raise NoPacket("a packet that is cut short")
    return protocol, _text(here), _text(there), body, not fragment & 0x1FFF


@lru_cache(maxsize=4096)
def _text(packed: bytes) -> str:
    return str(ip_address(packed))


def _read_tcp(here: str, there: str, body: bytes) -> Packet:
    source, target, sequence, acknowledged, offset, flags = struct.unpack_from("!HHIIBB", body)
    payload = body[(offset >> 4) * 4 :]
    return Packet(
        Protocol.TCP, (here, source), (there, target), payload, Flag(flags & 0x1F), sequence, acknowledged
    )


def completed(octets: bytes) -> bytes:
    """A packet as its network card would have sent it: with the checksum that a kernel leaves to the card."""
    try:
        number, here, there, body, whole = _read_ip(octets)
    except (struct.error, IndexError, NoPacket):
        return octets
    if number not in (Protocol.TCP, Protocol.UDP) or not whole or len(body) < _SUM_AT[Protocol(number)] + 2:
        return octets
    start = len(octets) - len(body)
    return octets[:start] + _checked(Protocol(number), _packed(here), _packed(there), body)
