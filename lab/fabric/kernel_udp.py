"""A UDP endpoint of a host on the kernel's sockets, as an asyncio transport.

The rule: a datagram leaves from the address it was asked at: an endpoint on several addresses is a socket on each.
Links, cuts and faults are asked for every datagram as it leaves. When it comes to nothing only a
connected endpoint hears of it (`error_received`), by the lab's rules as by the kernel's ICMP.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Protocol, cast

from lab.fabric.kernel_tcp import Traffic
from lab.fabric.stack import problem

LARGEST = 65507
"""Octets in a datagram over IPv4."""
_BURST = 64
"""Datagrams read in one go, before others get their turn."""
_MANY = 1024

Peer = tuple[str, int]


class Post(Protocol):
    """The stack that an endpoint belongs to."""

    frozen: bool

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    @property
    def context(self) -> Context:
        """Where timers of the network run: in no host, so that a paused one does not hold them."""

    @property
    def traffic(self) -> Traffic: ...

    def reach(self, address: str) -> str:
        """The address that a program means by this one; OSError outside of the lab."""

    def leaving(self, address: str, octets: int) -> float | None:
        """Seconds until a datagram to this address is handed to the kernel; None: it is lost. OSError: what
        the sender's kernel would say."""

    def coming(self, peer: Peer, octets: int) -> float | None:
        """Likewise for one that came in; what a program of the lab sent has passed the rules already."""

    def unposted(self, endpoint: Datagrams) -> None: ...


class Datagrams(asyncio.DatagramTransport):
    """Bound sockets; `remote` is set when they are connected."""

    def __init__(self, post: Post, sockets: Sequence[socket.socket], remote: Peer | None) -> None:
        super().__init__({"sockname": sockets[0].getsockname()[:2], "peername": remote})
        self._post = post
        self._protocol = asyncio.DatagramProtocol()
        self._sockets = tuple(sockets)
        self._remote = remote
        self._context = copy_context()
        self._reads = self._closing = False
        self._connected = remote is not None and _connects(self._sockets[0], remote)
        self._asked_at: dict[Peer, socket.socket] = {}

    def start(self, protocol: asyncio.DatagramProtocol) -> None:
        self._protocol = protocol
        protocol.connection_made(self)
        self.mind()

    @property
    def names(self) -> tuple[Peer, ...]:
        """Address and port of each socket."""
        return tuple(sock.getsockname()[:2] for sock in self._sockets)

    # -- what asyncio asks of a transport -----------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.DatagramProtocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def close(self) -> None:
        self._leave(None)

    def abort(self) -> None:
        self._leave(None)

    def sendto(self, data: Any, addr: Any = None) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._remote and addr not in (None, self._remote):
            raise ValueError(f"Invalid address: must be None or {self._remote}")
        if self._closing:
            return
        try:
            self._send(bytes(data), self._remote or (addr[0], addr[1]))
        except OSError as error:
            self._protocol.error_received(error)

    # -- out ----------------------------------------------------------------------------------------------

    def _send(self, octets: bytes, to: Peer) -> None:
        if len(octets) > LARGEST:
            raise problem(errno.EMSGSIZE)
        to = (self._post.reach(to[0]), to[1])
        try:
            delay = self._post.leaving(to[0], len(octets))
        except OSError as error:
            if self._remote:
                self._post.loop.call_soon(self._hear, error, context=self._context.copy())
            return
        if delay is not None:
            self._carry(delay, self._socket_for(to), octets, to)

    def _socket_for(self, to: Peer) -> socket.socket:
        """The one that was asked, or the first that can reach it."""
        asked_at = self._asked_at.pop(to, None)
        if asked_at is not None:
            return asked_at
        kind = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
        found = next((sock for sock in self._sockets if sock.family == kind), None)
        if found is None:
            raise problem(errno.ENETUNREACH, f"this host has no address to reach {to[0]} from")
        return found

    def _carry(self, delay: float, sock: socket.socket, octets: bytes, to: Peer) -> None:
        if delay:
            self._post.loop.call_later(delay, self._emit, sock, octets, to, context=self._post.context)
        else:
            self._emit(sock, octets, to)

    def _emit(self, sock: socket.socket, octets: bytes, to: Peer) -> None:
        try:
            # What is late is sent even when its program has closed: it was on the wire.
            if self._remote is not None and not self._connected:
                sock.connect(self._remote)
                self._connected = True
            sock.send(octets) if self._connected else sock.sendto(octets, to)
            self._post.traffic.datagrams += 1
        except (BlockingIOError, InterruptedError):
            return  # no room in the kernel: a datagram may be lost
        except OSError as error:
            if self._remote:
                self._post.loop.call_soon(self._hear, error, context=self._context.copy())

    # -- in -----------------------------------------------------------------------------------------------

    def mind(self) -> None:
        """Read, or not. Called whenever that changes."""
        wanted = not (self._closing or self._post.frozen)
        if wanted == self._reads:
            return
        self._reads = wanted
        for sock in self._sockets:
            if wanted:
                self._context.copy().run(self._post.loop.add_reader, sock, self._readable, sock)
            else:
                self._post.loop.remove_reader(sock)

    def forget_what_waits(self) -> None:
        """What came while the host stood still is lost."""
        for sock in self._sockets:
            with suppress(OSError):
                while True:
                    sock.recv(1)

    def _readable(self, sock: socket.socket) -> None:
        with suppress(BlockingIOError, InterruptedError):
            for _ in range(_BURST):
                if self._closing or self._post.frozen:
                    return
                self._read(sock)

    def _read(self, sock: socket.socket) -> None:
        try:
            octets, peer = sock.recvfrom(LARGEST + 1)
            self._post.traffic.datagrams -= 1
        except (BlockingIOError, InterruptedError):
            raise
        except OSError as error:
            self._hear(error)
            return
        if self._remote not in (None, peer[:2]):
            return
        delay = self._post.coming(peer[:2], len(octets))
        if delay:
            self._post.loop.call_later(delay, self._receive, sock, octets, peer[:2], context=self._context.copy())
        elif delay is not None:
            self._receive(sock, octets, peer[:2])

    def _receive(self, sock: socket.socket, octets: bytes, peer: Peer) -> None:
        if self._closing:
            return
        if len(self._sockets) > 1:
            self._remember(peer, sock)
        try:
            self._protocol.datagram_received(octets, peer)
        except Exception as error:
            self._fail(error)

    def _remember(self, peer: Peer, sock: socket.socket) -> None:
        if len(self._asked_at) >= _MANY:
            self._asked_at.clear()
        self._asked_at[peer] = sock

    def _hear(self, error: OSError) -> None:
        if not self._closing:
            self._protocol.error_received(error)

    def _fail(self, error: Exception) -> None:
        message = "Fatal error: protocol.datagram_received() call failed."
        self._post.loop.call_exception_handler(
            {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
        )
        self._leave(error)

    # -- the end ------------------------------------------------------------------------------------------

    def vanish(self) -> None:
        """The power is gone: the program sees nothing any more."""
        self._closing = True
        self._let_go()

    def _leave(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._let_go()
        call: Callable[..., Any] = self._protocol.connection_lost
        self._post.loop.call_soon(call, error, context=self._context.copy())

    def _let_go(self) -> None:
        self.mind()
        self._post.unposted(self)
        for sock in self._sockets:
            sock.close()


def _connects(sock: socket.socket, remote: Peer) -> bool:
    """Have the kernel tell of ICMP errors. Not to a host that is unreachable now: its route would refuse,
    where from afar nobody knows before the first datagram."""
    try:
        sock.connect(remote)
    except OSError:
        return False
    return True
