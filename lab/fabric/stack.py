"""A host's network stack: what stands behind the loop's sockets while a host's program runs.

`LabLoop` sends `create_server`, `create_connection` and `create_datagram_endpoint` here. There are two stacks:
`memory` (sim) and `kernel` (local). What they share is decided in this file, as pure functions:

- A host binds its own addresses only. None, "", "0.0.0.0" and "::" are all of them (of that family);
  127.0.0.1, ::1 and "localhost" are its own first address of that family.
- A host dials addresses of the plan's ranges only; every other is ENETUNREACH, by construction.
- `transport.abort()` resets the connection (SO_LINGER 0 on the kernel); `close()` says goodbye (FIN).
- Names are not looked up: a program asks its resolver and connects to an address.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol

from lab.names import Address

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
Connection = tuple[asyncio.Transport, asyncio.BaseProtocol]
Endpoint = tuple[asyncio.DatagramTransport, asyncio.BaseProtocol]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONNECT_RETRIES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Seconds after each SYN until the next one; after the last the caller gets ETIMEDOUT, 127 s in all
(Linux, tcp_syn_retries 6)."""


class Stack(Protocol):
    """The network of one host. Keyword options are asyncio's; those that make no sense here are ignored."""

    async def create_connection(
        self, factory: ProtocolFactory, host: str | None, port: int | None, **options: Any
    ) -> Connection: ...

    async def create_server(
        self, factory: ProtocolFactory, host: str | Sequence[str] | None, port: int | None, **options: Any
    ) -> asyncio.AbstractServer: ...

    async def create_datagram_endpoint(self, factory: ProtocolFactory, **options: Any) -> Endpoint: ...

    def freeze(self) -> None:
        """The host is paused: connections still open, nothing is read, accepted or sent."""

    def thaw(self) -> None: ...

    def reset(self) -> None:
        """The host went down: listeners are closed, connections reset, sockets gone."""


def problem(number: int, detail: str = "") -> OSError:
    """The OSError of an errno, of the class Python has for it (ConnectionRefusedError …)."""
    text = os.strerror(number)
    return OSError(number, f"{text}: {detail}" if detail else text)


@lru_cache(maxsize=4096)
def canonical(text: str) -> Address | None:
    """The canonical text of an address literal; None when it is none."""
    try:
        return Address(str(ipaddress.ip_address(text)))
    except ValueError:
        return None


def family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def own_addresses(where: str | None, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """The host's addresses that `where` asks to bind; EADDRNOTAVAIL when it has no such one."""
    if where in (None, ""):
        return addresses
    assert where is not None
    found = _of_own(where, addresses)
    if not found:
        raise problem(errno.EADDRNOTAVAIL, f"{where} is no address of this host")
    return found


def _of_own(where: str, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    if where in addresses:
        return (Address(where),)
    if where in ("0.0.0.0", "::"):
        return tuple(address for address in addresses if family(address) is family(where))
    if is_loopback(where):
        return tuple(address for address in addresses if where == "localhost" or family(address) is family(where))[
            :1
        ]
    literal = canonical(where)
    return (literal,) if literal in addresses and literal is not None else ()


def is_loopback(where: str) -> bool:
    return where in ("localhost", "::1") or where.startswith("127.")


def dialled(where: str | None, addresses: tuple[Address, ...]) -> Address:
    """The address a program dials: a literal as it is, the loopback as the host's own. gaierror for a name."""
    if where is None or where == "" or is_loopback(where):
        return own_addresses(where or "localhost", addresses)[0]
    literal = canonical(where)
    if literal is None:
        raise socket.gaierror(socket.EAI_NONAME, f"'{where}' is no address; ask the host's resolver first")
    return literal


@lru_cache(maxsize=4096)
def source_among(own: tuple[Address, ...], to: str) -> Address:
    """The address from which a host that has these speaks to another: itself, or the first of the family."""
    if to in own:
        return Address(to)
    kind = family(to)
    for address in own:
        if family(address) is kind:
            return address
    raise problem(errno.ENETUNREACH, f"this host has no address to reach {to} from")


def fill(protocol: asyncio.BufferedProtocol, octets: bytes) -> None:
    """Hand octets to a protocol that brings its own buffers (asyncio's TLS does)."""
    rest = memoryview(octets)
    while rest:
        buffer = memoryview(protocol.get_buffer(len(rest)))
        size = min(len(buffer), len(rest))
        buffer[:size] = rest[:size]
        protocol.buffer_updated(size)
        rest = rest[size:]


class Ranges:
    """The plan's address ranges; nothing else is ever dialled."""

    __slots__ = ("_networks",)

    def __init__(self, ranges: Sequence[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in ranges)

    def __contains__(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._networks)

    def require(self, address: str) -> None:
        """ENETUNREACH for an address outside of the lab."""
        if address not in self:
            raise problem(errno.ENETUNREACH, f"{address} is not in this lab, and nothing leaves it")
