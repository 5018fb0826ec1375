"""The conversation of SOCKS version 5, server's side, as a pure automaton (RFC 1928): bytes in, steps out.

The rule: CONNECT only, no password asked, and names are the lab's to resolve (`curl --socks5-hostname`).
What is not that gets the protocol's own answer.
"""

from __future__ import annotations

import errno
import socket
from enum import IntEnum

from lab.names import Address, parse_address
from lab.values import dataclass

VERSION, CONNECT, NO_PASSWORD, NO_METHOD = 5, 1, 0, 0xFF
IPV4, NAME, IPV6 = 1, 3, 4


class Reply(IntEnum):
    """RFC 1928 §6."""

    SUCCEEDED = 0
    FAILED = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    REFUSED = 5
    EXPIRED = 6
    NO_SUCH_COMMAND = 7
    NO_SUCH_ADDRESS_TYPE = 8


_OF_ERRNO = {
    errno.ECONNREFUSED: Reply.REFUSED,
    errno.EHOSTUNREACH: Reply.HOST_UNREACHABLE,
    errno.ENETUNREACH: Reply.NETWORK_UNREACHABLE,
    errno.ETIMEDOUT: Reply.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What the client wants to reach: an address, or a name to be resolved in the lab."""

    name: str
    address: Address | None
    port: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows from what came: octets to send, the target once it is known, whether to hang up."""

    send: bytes = b""
    target: Target | None = None
    over: bool = False


class Dialogue:
    """`received(data)` until a turn has a target or is over; `rest` is what came after the request."""

    __slots__ = ("_greeted", "rest")

    def __init__(self) -> None:
        self._greeted = False
        self.rest = b""

    def received(self, data: bytes) -> Turn:
        self.rest += data
        if not self._greeted:
            turn = self._greet()
            if not self._greeted or turn.over or not self.rest:
                return turn
            request = self._request()
            return Turn(turn.send + request.send, request.target, request.over)
        return self._request()

    def _greet(self) -> Turn:
        """Section 3: version, how many methods, the methods."""
        if self.rest[:1] not in (b"", b"\x05"):
            return Turn(over=True)
        if len(self.rest) < 2 or len(self.rest) < 2 + self.rest[1]:
            return Turn()
        methods, self.rest = self.rest[2 : 2 + self.rest[1]], self.rest[2 + self.rest[1] :]
        self._greeted = True
        fits = NO_PASSWORD in methods
        return Turn(bytes([VERSION, NO_PASSWORD if fits else NO_METHOD]), over=not fits)

    def _request(self) -> Turn:
        """Section 4: version, command, 0, kind of address, address, port."""
        if len(self.rest) < 5:
            return Turn()
        version, command, _, kind, first = self.rest[:5]
        if version != VERSION:
            return Turn(over=True)
        if kind not in (IPV4, NAME, IPV6):
            return Turn(answer(Reply.NO_SUCH_ADDRESS_TYPE), over=True)
        start, size = (5, first) if kind == NAME else (4, 4 if kind == IPV4 else 16)
        if len(self.rest) < start + size + 2:
            return Turn()
        where, port = self.rest[start : start + size], int.from_bytes(self.rest[start + size : start + size + 2])
        self.rest = self.rest[start + size + 2 :]
        if command != CONNECT:
            return Turn(answer(Reply.NO_SUCH_COMMAND), over=True)
        return Turn(target=_target(kind, where, port))


def _target(kind: int, where: bytes, port: int) -> Target:
    if kind == NAME:
        return Target(where.decode("ascii", "replace"), None, port)
    family = socket.AF_INET if kind == IPV4 else socket.AF_INET6
    address = parse_address(socket.inet_ntop(family, where))
    return Target(address, address, port)


def answer(reply: Reply) -> bytes:
    """Section 6, with an empty bound address: clients have no use for it."""
    return bytes([VERSION, reply, 0, IPV4]) + bytes(6)


def answer_for(error: OSError) -> bytes:
    return answer(_OF_ERRNO.get(error.errno or 0, Reply.FAILED))
