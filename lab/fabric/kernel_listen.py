"""A service of a host on the kernel's sockets, as an asyncio server.

The rule: a paused host leaves its callers to the kernel's backlog: they are connected, and hear nothing. A host
that a visitor's tools cannot get through to (silent, or cut off from them) has a filter on its sockets that loses
their SYNs; programs of the lab do not come that far, the rules stop them before they dial.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from ipaddress import ip_address
from typing import Any, Protocol

from lab.fabric.stack import ProtocolFactory, family
from lab.names import Address

Accepted = Callable[[socket.socket, tuple[Any, ...], ProtocolFactory], None]

BACKLOG = 1024
"""Callers that the kernel keeps until they are accepted. Whoever comes when it is full waits a second until its
SYN is sent again: a burst of 1,000 took 7 s with 128, and 0.03 s with this (measured)."""
_ATTACH_FILTER, _DETACH_FILTER = 26, 27
_LOAD_WORD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NETWORK_HEADER = 0xFFF0_0000
"""SKF_NET_OFF: where a socket filter finds the IP header (linux/filter.h)."""
_SOURCE = {4: 12, 6: 8}
"""Where the source address stands in it (RFC 791 §3.1, RFC 8200 §3)."""
_EVERYTHING = 0xFFFF_FFFF
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_REST = 1.0
"""Seconds, as asyncio's own servers rest."""


class Owner(Protocol):
    frozen: bool

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def unbound(self, listener: Listener) -> None: ...


class Listener(asyncio.AbstractServer):
    """Listening sockets, one for each address; each connection goes to `accepted` with the service's factory."""

    def __init__(
        self, owner: Owner, sockets: Sequence[socket.socket], factory: ProtocolFactory, accepted: Accepted
    ) -> None:
        self._owner = owner
        self._sockets = tuple(sockets)
        self._factory = factory
        self._accepted = accepted
        self._context = copy_context()
        self._serving = self._watched = self._resting = False
        self._deaf_to: tuple[Address, ...] = ()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        return self._sockets

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._owner.loop

    def is_serving(self) -> bool:
        return self._serving

    def serve(self) -> None:
        if self._sockets and not self._serving:
            self._serving = True
            for sock in self._sockets:
                sock.listen(BACKLOG)
            self.mind()

    async def start_serving(self) -> None:
        self.serve()

    async def serve_forever(self) -> None:
        self.serve()
        try:
            await self._owner.loop.create_future()
        finally:
            self.close()

    async def wait_closed(self) -> None:
        """Closed is closed: connections live on, and are nobody's to wait for."""

    def close(self) -> None:
        self._serving = False
        self.mind()
        for sock in self._sockets:
            sock.close()
        self._sockets = ()
        self._owner.unbound(self)

    # -- what the network does to it ------------------------------------------------------------------------

    def mind(self) -> None:
        """Accept, or not. Called whenever that changes."""
        wanted = self._serving and not (self._resting or self._owner.frozen)
        if wanted == self._watched:
            return
        self._watched = wanted
        for sock in self._sockets:
            if wanted:
                # A copy, for the context may be entered already; it carries the host, whoever called.
                self._context.copy().run(self._owner.loop.add_reader, sock, self._accept, sock)
            else:
                self._owner.loop.remove_reader(sock)

    def ignore(self, addresses: Sequence[Address]) -> None:
        """Lose every packet from these addresses, and from no other any more."""
        if tuple(addresses) != self._deaf_to:
            self._deaf_to = tuple(addresses)
            for sock in self._sockets:
                _filter(sock, [each for each in addresses if family(each) is sock.family])

    def _accept(self, sock: socket.socket) -> None:
        try:
            while True:
                connection, peer = sock.accept()
                connection.setblocking(False)
                copy_context().run(self._accepted, connection, peer, self._factory)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._rest()

    def _rest(self) -> None:
        """The machine is out of files or memory: let callers wait, instead of asking for more at once."""
        self._resting = True
        self.mind()
        self._owner.loop.call_later(_REST, self._wake)

    def _wake(self) -> None:
        self._resting = False
        self.mind()


def _filter(sock: socket.socket, addresses: Sequence[Address]) -> None:
    if not addresses:
        with suppress(FileNotFoundError):
            sock.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
        return
    import ctypes

    program = drop_from(addresses)
    memory = ctypes.create_string_buffer(program)
    sock_fprog = struct.pack("HL", len(program) // 8, ctypes.addressof(memory))
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, sock_fprog)


def drop_from(addresses: Sequence[Address]) -> bytes:
    """A classic BPF program (bpf(4)) that loses packets from these addresses, of one family, and lets all others
    pass."""
    steps = [step for address in addresses for step in _drop_from_one(address)]
    return b"".join(struct.pack("HBBI", *step) for step in [*steps, (_RETURN, 0, 0, _EVERYTHING)])


def _drop_from_one(address: Address) -> list[tuple[int, int, int, int]]:
    """Word by word; where one differs, on with what stands behind these steps."""
    parsed = ip_address(address)
    words = struct.unpack(f"!{len(parsed.packed) // 4}I", parsed.packed)
    steps = []
    for index, word in enumerate(words):
        to_the_next = 2 * (len(words) - 1 - index) + 1
        steps.append((_LOAD_WORD, 0, 0, _NETWORK_HEADER + _SOURCE[parsed.version] + 4 * index))
        steps.append((_IF_EQUAL, 0, to_the_next, word))
    return [*steps, (_RETURN, 0, 0, 0)]
