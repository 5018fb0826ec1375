"""Whether anything of the lab left it while the tests ran: the machine's own interfaces, watched the whole time.

The rule: the kernel picks out what could be a leak (a packet to or from an address of any topology, an ARP
question, anything of port 53), so that watching costs nothing; what it kept is judged once, at the end. A control
packet has to be among it, and nothing may have been dropped, or nothing is proven. Bridges and the cables to them
are a container engine's, and no way out; a private range that the machine itself lives in is left to it.
"""

from __future__ import annotations

import ctypes
import ipaddress
import re
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
CONTROL = ("127.9.9.9", 53, b"\x07lookout\x04test\x00")
_ALL_PROTOCOLS, _IPV4, _ARP, _IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
_DNS, _TCP, _UDP = 53, 6, 17
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SOL_PACKET, _PACKET_STATISTICS = 26, 33, 263, 6
_ROOM = 64 << 20


@dataclass(frozen=True, slots=True)
class Packet:
    """One that the kernel kept, from its network header on."""

    interface: str
    protocol: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of it. `leaks`: a sentence each; `unproven`: why nothing is known, if so."""

    seconds: float
    interfaces: tuple[str, ...]
    leaks: tuple[str, ...] = ()
    unproven: str = ""


# -- what would be a leak -------------------------------------------------------------------------------------


def lab_ranges() -> list[Network]:
    """Every range in which a topology of this repository has its addresses, less what the machine itself uses."""
    texts = [path.read_text(encoding="utf-8") for path in _topologies()]
    named = [text for whole in texts for text in re.findall(r"^ranges: \[(.*)\]", whole, re.MULTILINE)]
    found = [word.strip("'\" ") for words in ["198.18.0.0/15", *named] for word in words.split(",")]
    every = list(dict.fromkeys(ipaddress.ip_network(word) for word in found))
    taken = _machines_own()
    return [one for one in every if not any(one.version == own.version and one.overlaps(own) for own in taken)]


def _machines_own() -> list[Network]:
    """Where this machine has routes to, and its name servers: somebody's office may be 10.77.0.0/16."""
    found: list[Network] = []
    with suppress(OSError):
        for line in Path("/proc/net/route").read_text("ascii").splitlines()[1:]:
            _, destination, _, _, _, _, _, mask, *_ = line.split()
            numbers = [int.from_bytes(bytes.fromhex(word), "little") for word in (destination, mask)]
            found.append(ipaddress.ip_network((numbers[0], numbers[1].bit_count())))
    with suppress(OSError):
        words = [line.split() for line in Path("/etc/resolv.conf").read_text("utf-8").splitlines()]
        servers = [word[1].partition("%")[0] for word in words if len(word) > 1 and word[0] == "nameserver"]
        found += [ipaddress.ip_network(server) for server in servers]
    return [one for one in found if one.prefixlen]


def lab_names() -> list[bytes]:
    """The organisations of the shipped topologies, as they stand in a DNS message."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "topologies").glob("*.yaml")]
    found = {name for text in texts for name in re.findall(r"^  ([a-z0-9-]+\.[a-z]+):", text, re.MULTILINE)}
    return [wired(name) for name in sorted(found)]


def wired(name: str) -> bytes:
    r"""
    >>> wired("unige.ch")
    b'\x05unige\x02ch\x00'
    """
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _topologies() -> Iterator[Path]:
    for folder in ("topologies", "tests"):
        yield from (path for path in sorted((ROOT / folder).rglob("*.yaml")) if not _is_only_read(path))


def _is_only_read(path: Path) -> bool:
    """Judged and never brought up: somebody's package registry may have an address of its ranges."""
    return "errors" in path.parts or path.is_relative_to(ROOT / "tests" / "topology" / "input")


def leaks(packets: Iterable[Packet], ranges: Sequence[Network], names: Sequence[bytes]) -> Iterator[str]:
    """A sentence for each packet that should not have been there."""
    for packet in packets:
        ends = _ends(packet)
        inside = [str(end) for end in ends if any(end in one for one in ranges if one.version == end.version)]
        if inside:
            yield f"{packet.interface}: a packet {' → '.join(map(str, ends))}"
        elif packet.protocol != _ARP and packet.interface != "lo":
            asked = next((name for name in names if name in packet.octets.lower()), None)
            if asked is not None:
                yield f"{packet.interface}: a question for {_read(asked)}, to {ends[-1]}"


def _ends(packet: Packet) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Source and destination; of an ARP question, who asks and for whom."""
    places = {_IPV4: (12, 16, 4), _IPV6: (8, 24, 16), _ARP: (14, 24, 4)}
    if packet.protocol not in places or len(packet.octets) < places[packet.protocol][1] + 4:
        return []
    source, destination, size = places[packet.protocol]
    return [ipaddress.ip_address(packet.octets[at : at + size]) for at in (source, destination)]


def _read(name: bytes) -> str:
    labels = []
    while name and name[0]:
        labels.append(name[1 : name[0] + 1].decode())
        name = name[name[0] + 1 :]
    return ".".join(labels)


# -- the kernel's part: BPF, rows of (code, jump if true, jump if false, value) -------------------------------

_LDH_ABS, _LD_ABS, _LDB_ABS, _LDX_MSH, _LDH_IND = 0x28, 0x20, 0x30, 0xB1, 0x48
_AND, _JEQ, _RET = 0x54, 0x15, 0x06
_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL
_ACCEPT, _NEXT = "accept", "next"
Step = tuple[int, int, str]
"""An instruction: code, value, and where a true comparison leads."""


def _filter(ranges: Sequence[Network]) -> bytes:
    four = _about(ranges, 4, (12, 16)) + _ports(9, 0)
    six = _about(ranges, 6, (8, 24)) + _ports(6, 40)
    steps: list[Step] = [
        (_LDH_ABS, _PROTOCOL, _NEXT),
        (_JEQ, _ARP, _ACCEPT),
        (_JEQ, _IPV4, "four"),
        (_JEQ, _IPV6, "six"),
        (_RET, 0, _NEXT),
    ]
    places = {"four": len(steps), "six": len(steps) + len(four) + 1}
    steps += [*four, (_RET, 0, _NEXT), *six, (_RET, 0, _NEXT)]
    places[_ACCEPT] = len(steps)
    steps.append((_RET, 0x40000, _NEXT))
    return b"".join(_assembled(at, step, places) for at, step in enumerate(steps))


def _about(ranges: Sequence[Network], version: int, offsets: Sequence[int]) -> list[Step]:
    """Source or destination within a range; of IPv6 its first 32 bits, which is near enough."""
    steps: list[Step] = []
    for one in (one for one in ranges if one.version == version):
        shift = one.max_prefixlen - 32
        mask, value = int(one.netmask) >> shift & 0xFFFFFFFF, int(one.network_address) >> shift
        for offset in offsets:
            steps += [(_LD_ABS, offset, _NEXT), (_AND, mask, _NEXT), (_JEQ, value, _ACCEPT)]
    return steps


def _ports(protocol_at: int, header: int) -> list[Step]:
    """Port 53 at either end; `header` 0: as long as the IPv4 header says."""
    load, base = (_LDH_ABS, header) if header else (_LDH_IND, 0)
    before: list[Step] = [] if header else [(_LDX_MSH, 0, _NEXT)]
    ports = [*before, (load, base, _NEXT), (_JEQ, _DNS, _ACCEPT), (load, base + 2, _NEXT), (_JEQ, _DNS, _ACCEPT)]
    return [(_LDB_ABS, protocol_at, _NEXT), (_JEQ, _UDP, "+1"), (_JEQ, _TCP, "+0"), *ports]


def _assembled(at: int, step: Step, places: dict[str, int]) -> bytes:
    code, value, leads = step
    jump = int(leads) if leads.startswith("+") else places.get(leads, at + 1) - at - 1
    return struct.pack("HBBI", code, jump, 0, value)


# -- watching -------------------------------------------------------------------------------------------------


class Lookout:
    """Watches from now on. PermissionError where that is not allowed, OSError where it cannot be."""

    def __init__(self, ranges: Sequence[Network], names: Sequence[bytes]) -> None:
        self.ranges, self.names = ranges, names
        self._since = time.monotonic()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
        self._socket.setblocking(False)
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        rows = _filter(ranges)
        held = ctypes.create_string_buffer(rows)
        program = struct.pack("HL", len(rows) // 8, ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        deque(self._kept(), maxlen=0)  # what came before the filter stood
        self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)  # reading them begins them anew

    def end(self) -> Watched:
        """Stop, and judge what was seen."""
        address, port, text = CONTROL
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            control.sendto(text, (address, port))
        packets = list(self._kept())
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._socket.close()
        unproven = f"{dropped} packets could not be kept" if dropped else ""
        if not any(text in packet.octets for packet in packets):
            unproven = "not even the control packet was seen"
        own = [packet for packet in packets if not _is_engines(packet.interface)]
        found = tuple(dict.fromkeys(leaks(own, self.ranges, self.names)))
        return Watched(time.monotonic() - self._since, tuple(_interfaces()), found, unproven)

    def _kept(self) -> Iterator[Packet]:
        with suppress(BlockingIOError):
            while True:
                octets, (interface, protocol, *_) = self._socket.recvfrom(65536)
                yield Packet(interface, protocol, octets)


def _interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex() if not _is_engines(name)]


def _is_engines(interface: str) -> bool:
    """A bridge, or one end of a cable into it."""
    folder = Path("/sys/class/net", interface)
    return (folder / "bridge").exists() or (folder / "brport").exists()
