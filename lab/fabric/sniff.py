"""The packets of a real interface, through a packet socket: on `lo` of a private network, or in a container.

    sniffer = Sniffer("lo")
    for seen in sniffer.read(): ...          # whatever has come since; then again when `fileno` is readable

The rule: it needs CAP_NET_RAW in the network that it looks into, a file descriptor and nothing else: no loop, no
lab. What it cannot keep up with the kernel counts (`dropped`). On `lo` each packet is shown once, as it arrives;
elsewhere once as it leaves or arrives, and `outgoing` tells which.

packet(7): SOCK_DGRAM leaves the link header off; PACKET_IGNORE_OUTGOING; PACKET_AUXDATA, whose status says that
the checksum was left to a card that `lo` does not have; PACKET_STATISTICS. socket(7): SO_TIMESTAMPNS.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Any

from lab.errors import MachineSaidNo
from lab.values import dataclass
from lab.wire.packet import completed

EVERY = ""
"""In an interface's place: all that this network has."""
_ALL, _IPV4, _IPV6 = 0x0003, 0x0800, 0x86DD
_PACKET = 263
_AUXDATA, _STATISTICS, _IGNORE_OUTGOING = 8, 6, 23
_TIMESTAMP = 35
"""SO_TIMESTAMPNS (the same number as its control message), with 64 bits for seconds and nanoseconds each."""
_RECEIVE_BUFFER_FORCE = 33
_OUTGOING = 4
_UNSUMMED = 1 << 3
"""TP_STATUS_CSUMNOTREADY."""
_ROOM = 8 << 20
"""Octets of packets that may wait to be fetched; some hundred messages with all that belongs to them."""
_LONGEST = 1 << 17
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """An IP packet, and when the kernel saw it: nanoseconds since 1970, by the machine's clock."""

    when: int
    octets: bytes
    outgoing: bool


class Sniffer:
    """A packet socket on an interface; `room`: octets that may wait to be fetched. MachineSaidNo (H015) where that
    is not allowed."""

    def __init__(self, interface: str, room: int = _ROOM) -> None:
        self.dropped = 0
        kind = socket.htons(_ALL) if interface == EVERY else 0
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, kind)
        except (OSError, AttributeError) as error:
            raise _refusal(error) from None
        try:
            self._set_up(interface, room)
        except OSError as error:
            self._socket.close()
            raise _refusal(error) from None

    def _set_up(self, interface: str, room: int) -> None:
        sock = self._socket
        try:
            sock.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, room)
        except OSError:  # not root of the machine: as much as the machine grants everybody
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        sock.setsockopt(_PACKET, _AUXDATA, 1)
        if interface == "lo":
            sock.setsockopt(_PACKET, _IGNORE_OUTGOING, 1)
        if interface != EVERY:
            sock.bind((interface, _ALL))

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Iterator[Seen]:
        """What has come since the last time, and not more than a few hundred at once."""
        for _ in range(_AT_ONCE):
            try:
                octets, notes, _, where = self._socket.recvmsg(_LONGEST, 256)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    return
                raise
            if where[1] in (_IPV4, _IPV6) and (where[0], where[2]) != ("lo", _OUTGOING):
                seen = _seen(octets, notes, where[2])
                if seen.when:  # else it came before anybody had asked for the time
                    yield seen

    def count_dropped(self) -> int:
        """How many packets were lost in all for want of room. (The kernel's own count begins anew when read.)"""
        _, dropped = struct.unpack("II", self._socket.getsockopt(_PACKET, _STATISTICS, 8))
        self.dropped += dropped
        return self.dropped

    def close(self) -> None:
        self._socket.close()


def _seen(octets: bytes, notes: list[tuple[int, int, bytes]], kind: int) -> Seen:
    when, status = 0, 0
    for level, number, value in notes:
        if (level, number) == (socket.SOL_SOCKET, _TIMESTAMP):
            seconds, nanoseconds = struct.unpack_from("qq", value)
            when = seconds * 1_000_000_000 + nanoseconds
        elif (level, number) == (_PACKET, _AUXDATA):
            (status,) = struct.unpack_from("I", value)
    return Seen(when, completed(octets) if status & _UNSUMMED else octets, kind == _OUTGOING)


def _refusal(error: Any) -> MachineSaidNo:
    why = getattr(error, "strerror", "") or "packet sockets are a feature of Linux"
    return MachineSaidNo(
        f"this machine does not let the lab look at its own packets ({why.lower()})",
        remedy="In memory they can always be seen:  lab up --fabric sim",
        code="H015",
    )
