"""Addresses and routes of a private network namespace, by rtnetlink(7), without any program of the machine.

The rule: a lab address is local because it has a `local ADDRESS dev lo` route of its own, and what has none
cannot be dialled: the namespace has no other way to go. A route of type `unreachable` in its place makes the
kernel say EHOSTUNREACH, to real tools too.

Messages go many at a time; 10,000 addresses take some 30 ms.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from enum import IntEnum
from ipaddress import ip_address
from typing import Self

from lab.names import Address

_NEWLINK, _NEWADDR, _NEWROUTE, _NEWNEIGH = 16, 20, 24, 28
_REQUEST, _ACK, _REPLACE, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x100, 0x200, 0x400
_TABLE_LOCAL, _TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_LINK = 255, 254, 4, 253
_SCOPE = {socket.AF_INET: 254, socket.AF_INET6: 0}
"""IPv4 keeps local routes in scope "host"; IPv6 knows no scope of a route."""
_DST, _OIF, _PREFSRC = 1, 4, 7
_IFA_ADDRESS, _IFA_LOCAL, _NO_DAD = 1, 2, 0x02
_NDA_DST, _NDA_LLADDR, _NUD_PERMANENT = 1, 2, 0x80
_IFLA_ADDRESS, _IFLA_NAME, _IFLA_LINKINFO, _IFLA_NET_NS_PID = 1, 3, 18, 19
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_UP, _NO_ARP = 0x01, 0x80
_ONE_MAC = bytes.fromhex("020000000001")
"""Both ends of a cable have it. Without ARP a frame is addressed to its own sender's address: so to the peer's."""
_LOOPBACK = 1
"""The index of `lo`, in every network namespace."""
_CHUNK = 64 * 1024


class Route(IntEnum):
    """What becomes of a packet to an address."""

    ON_LINK = 1
    LOCAL = 2
    UNREACHABLE = 7


class Routes:
    """The routes of the namespace in which this was made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def assign(self, address: Address, interface: int = _LOOPBACK) -> None:
        """Give an interface the address itself, so that packets may leave from it unasked."""
        family, octets, length = _packed(address)
        body = struct.pack("=BBBBI", family, length, _NO_DAD, 0, interface)
        body += _attribute(_IFA_LOCAL, octets) + _attribute(_IFA_ADDRESS, octets)
        self._send([_message(_NEWADDR, _CREATE | _REPLACE, body)])

    def lay(
        self, addresses: Iterable[str], kind: Route, source: Address | None = None, interface: int = _LOOPBACK
    ) -> None:
        """A route of this kind to each address or prefix, in the place of the one it has. Programs that do not
        choose where they come from come from `source`."""
        bodies = [_route(address, kind, source, interface) for address in addresses]
        self._send([_message(_NEWROUTE, _CREATE | _REPLACE, body) for body in bodies])

    def cable(self, near: str, far: str, pid: int) -> int:
        """Lay a cable (veth(4)) from an interface `near` of this network to `far` of that in which process `pid`
        lives; the number of the near end, which is up. Nobody asks on it who has an address."""
        peer = _attribute(
            _VETH_PEER, _interface(far, _NO_ARP) + _attribute(_IFLA_NET_NS_PID, struct.pack("=I", pid))
        )
        info = _attribute(_INFO_KIND, b"veth") + _attribute(_INFO_DATA, peer)
        body = _interface(near, _NO_ARP | _UP) + _attribute(_IFLA_LINKINFO, info)
        self._send([_message(_NEWLINK, _CREATE | _EXCLUSIVE, body)])
        return socket.if_nametoindex(near)

    def reach(self, ranges: Iterable[str], interface: int = 0) -> None:
        """Look for these prefixes on the wire of an interface, or of the first besides `lo`."""
        ranges = list(ranges)
        if ranges:
            number = interface or _wire()
            self._send([_message(_NEWROUTE, _CREATE | _REPLACE, _on_link(prefix, number)) for prefix in ranges])

    def know(self, neighbours: Iterable[tuple[str, str]]) -> None:
        """On that wire, whoever has this address has that hardware address, for good: nobody is asked."""
        neighbours = list(neighbours)
        if neighbours:
            number = _wire()
            bodies = [_neighbour(address, mac, number) for address, mac in neighbours]
            self._send([_message(_NEWNEIGH, _CREATE | _REPLACE, body) for body in bodies])

    def _send(self, messages: list[bytes]) -> None:
        """Send them in order; OSError with the kernel's number for the first that it refuses."""
        while messages:
            count = max(1, min(len(messages), _CHUNK // len(messages[0])))
            chunk, messages = messages[:count], messages[count:]
            chunk[-1] = _asking_for_ack(chunk[-1])
            self._socket.send(b"".join(chunk))
            self._await_ack()

    def _await_ack(self) -> None:
        """The kernel answers every refused message, and the last one in any case."""
        first, error, its_flags = 0, 16, 16 + 4 + 6
        while True:
            reply = self._socket.recv(_CHUNK)
            number = -struct.unpack_from("=i", reply, error)[0]
            first = first or number
            if struct.unpack_from("=H", reply, its_flags)[0] & _ACK:
                break
        if first:
            raise OSError(first, os.strerror(first))


def _wire() -> int:
    """The index of the first interface besides `lo`."""
    return next(number for number, name in socket.if_nameindex() if name != "lo")


def _packed(address: str) -> tuple[int, bytes, int]:
    """Family, octets and length of an address, or of a prefix."""
    text, _, length = address.partition("/")
    parsed = ip_address(text)
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    return family, parsed.packed, int(length) if length else parsed.max_prefixlen


def _route(address: str, kind: Route, source: Address | None, interface: int) -> bytes:
    """Of whatever kind, it stands in the table for local addresses: one takes the other's place there."""
    family, octets, length = _packed(address)
    scope = _SCOPE[socket.AddressFamily(family)] if kind is Route.LOCAL else 0
    head = struct.pack("=BBBBBBBBI", family, length, 0, 0, _TABLE_LOCAL, _PROTOCOL_STATIC, scope, kind, 0)
    body = head + _attribute(_DST, octets)
    if kind is not Route.UNREACHABLE:
        body += _attribute(_OIF, struct.pack("=I", interface))
        body += _attribute(_PREFSRC, _packed(source)[1]) if source else b""
    return body


def _interface(name: str, flags: int) -> bytes:
    """A new one, with its name and hardware address. (The far end of a cable cannot be up before the near one.)"""
    head = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, 0, flags, flags)
    return head + _attribute(_IFLA_NAME, name.encode() + b"\0") + _attribute(_IFLA_ADDRESS, _ONE_MAC)


def _on_link(prefix: str, interface: int) -> bytes:
    family, octets, length = _packed(prefix)
    unicast = 1
    scope = _SCOPE_LINK if family == socket.AF_INET else 0
    head = struct.pack("=BBBBBBBBI", family, length, 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC, scope, unicast, 0)
    return head + _attribute(_DST, octets) + _attribute(_OIF, struct.pack("=I", interface))


def _neighbour(address: str, mac: str, interface: int) -> bytes:
    family, octets, _ = _packed(address)
    head = struct.pack("=BxxxiHBB", family, interface, _NUD_PERMANENT, 0, 0)
    return head + _attribute(_NDA_DST, octets) + _attribute(_NDA_LLADDR, bytes.fromhex(mac.replace(":", "")))


def _attribute(kind: int, octets: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(octets), kind) + octets + bytes(-len(octets) % 4)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 0, 0) + body


def _asking_for_ack(message: bytes) -> bytes:
    length, kind, flags, sequence, port = struct.unpack_from("=IHHII", message)
    return struct.pack("=IHHII", length, kind, flags | _ACK, sequence, port) + message[16:]
