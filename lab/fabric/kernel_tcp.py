"""One end of a TCP connection of a host, on a socket of the kernel, as an asyncio transport.

The rule: octets and their order are the kernel's; when they leave is the lab's (`way`). `mind` watches the socket
for as much as may happen now: a host that stands still reads and sends nothing.

    the program                      the way                   the kernel
    write, write_eof         →       delay, loss, cut    →     send, shutdown
    close: it has left       →       FIN, in its turn    →     close, which resets when there was unread input
    abort: it has left       →       RST, once           →     close with SO_LINGER of 0 seconds: RST
                                     no way through            close in repair mode: nothing is said

A program of the machine that visits the lab delays nothing: what it sends passes the way when it comes in.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from asyncio.transports import _FlowControlMixin
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Protocol, cast

from lab.fabric.stack import fill, problem
from lab.fabric.tls import bury
from lab.fabric.way import Passage, Way
from lab.values import dataclass

CHUNK = 256 * 1024
"""The most that is read at once, as asyncio does."""
_NOW = struct.pack("ii", 1, 0)
"""SO_LINGER on, for 0 seconds: close(2) sends RST."""
_TCP_REPAIR = 19
"""In repair mode close(2) sends nothing (tcp(7); it takes CAP_NET_ADMIN, which the namespace gives us)."""
_FIN = b""

Address = tuple[Any, ...]


class _Rst:
    """The last segment of a connection that is forgotten."""

    def __len__(self) -> int:
        return 0


Segment = bytes | _Rst


@dataclass(slots=True)
class Traffic:
    """What the lab's programs have handed to the kernel and not yet got from it. Each stays above 0 by what came
    to nothing (octets that nobody read before he left), and below by what others sent."""

    octets: int = 0
    datagrams: int = 0
    calls: int = 0


class Owner(Protocol):
    """The stack that a connection belongs to."""

    frozen: bool

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    @property
    def context(self) -> Context:
        """Where the network's own timers run: in no host, so that a paused one does not hold them."""

    @property
    def traffic(self) -> Traffic: ...

    def opened(self, stream: Stream) -> None: ...

    def closed(self, stream: Stream) -> None: ...


class Stream(_FlowControlMixin):
    """What a program holds of a connection. `back` is the way from a peer that is no program of the lab."""

    _start_tls_compatible = True
    _loop: asyncio.AbstractEventLoop
    _protocol: Any

    def __init__(self, owner: Owner, sock: socket.socket, peer: Address, way: Way, back: Way | None) -> None:
        super().__init__({"sockname": sock.getsockname()[:2], "peername": peer[:2]}, owner.loop)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._owner = owner
        self._traffic = owner.traffic
        self._socket = sock
        self._fd = sock.fileno()
        self._back = back
        self._context = copy_context()
        self._unsent: deque[bytes | memoryview] = deque()
        self._out: Passage[Segment] = Passage(owner.loop, owner.context, way, self._emit, self._timed_out)
        self._in = Passage(owner.loop, owner.context, back, self._come, self.abort) if back else None
        self._paused = self._ended = self._closing = self._eof_written = False
        self._left = False
        """The program is done with it; the socket may have to say goodbye yet."""
        self._shut = False
        self._reads = self._writes = False

    def start(self, protocol: asyncio.BaseProtocol) -> None:
        self.set_protocol(protocol)
        self._owner.opened(self)
        self._call(protocol.connection_made, self)
        self.mind()

    # -- what asyncio asks of a transport -----------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return cast(asyncio.BaseProtocol, self._protocol)

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return not (self._paused or self._closing)

    def pause_reading(self) -> None:
        self._paused = True
        self.mind()

    def resume_reading(self) -> None:
        self._paused = False
        self.mind()

    def get_write_buffer_size(self) -> int:
        return self._out.size + sum(map(len, self._unsent))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._eof_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data and not self._left:
            self._out.put(bytes(data))
            if self._unsent or self._out:
                self._maybe_pause_protocol()  # type: ignore[attr-defined]

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not (self._eof_written or self._closing):
            self._eof_written = True
            self._out.put(_FIN)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.mind()
            self._leave_if_written()

    def abort(self) -> None:
        self._force_close(None)

    # -- watching the socket ------------------------------------------------------------------------------

    def mind(self) -> None:
        """Watch the socket for what may happen to it now. Called whenever that changes."""
        moves = not (self._shut or self._owner.frozen)
        hears = self._back is None or self._back.is_open()
        self._watch_input(moves and hears and not (self._paused or self._closing or self._ended))
        self._watch_output(moves and bool(self._unsent))

    def _watch_input(self, wanted: bool) -> None:
        if wanted and not self._reads:
            self._watch(self._loop.add_reader, self._readable)
        elif self._reads and not wanted:
            self._loop.remove_reader(self._fd)
        self._reads = wanted

    def _watch_output(self, wanted: bool) -> None:
        if wanted and not self._writes:
            self._watch(self._loop.add_writer, self._writable)
        elif self._writes and not wanted:
            self._loop.remove_writer(self._fd)
        self._writes = wanted

    def _watch(self, add: Callable[..., None], callback: Callable[[], None]) -> None:
        # A copy, for the context may be entered already; it carries the host, whoever called `mind`.
        self._context.copy().run(add, self._fd, callback)

    # -- out ----------------------------------------------------------------------------------------------

    def _emit(self, segment: Segment) -> None:
        """It has passed the way: the kernel's turn."""
        if self._shut:
            return
        if isinstance(segment, _Rst):
            self._shut_down(reset=True)
            return
        self._unsent.append(segment)
        if len(self._unsent) == 1 and not self._owner.frozen:
            self._writable()

    def _writable(self) -> None:
        try:
            while self._unsent and self._write_some():
                pass
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._break(error)
            return
        if self._protocol_paused:  # type: ignore[attr-defined]
            self._loop.call_soon(self._maybe_resume_protocol, context=self._context.copy())  # type: ignore[attr-defined]
        if self._unsent or self._writes:
            self.mind()
        if self._closing:
            self._leave_if_written()
            self._shut_if_all_is_said()

    def _write_some(self) -> bool:
        """Write the first segment; whether all of it went."""
        segment = self._unsent[0]
        if not segment and not self._left:
            self._socket.shutdown(socket.SHUT_WR)
        sent = self._socket.send(segment) if segment else 0
        self._traffic.octets += sent
        if sent < len(segment):
            self._unsent[0] = memoryview(segment)[sent:]
            return False
        self._unsent.popleft()
        return True

    # -- in -----------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._break(error)
            return
        self._traffic.octets -= len(data)
        if not data:
            self._ended = True
            self.mind()
        if self._in is None or self._in.is_clear():
            self._deliver(data)
        else:
            self._in.put(data)

    def _come(self, data: bytes) -> None:
        """It has passed the way in; from here on the host has to be awake."""
        self._loop.call_soon(self._deliver, data, context=self._context.copy())

    def _deliver(self, data: bytes) -> None:
        if self._closing:
            return
        if not data:
            self._deliver_end()
        elif isinstance(self._protocol, asyncio.BufferedProtocol):
            self._call(fill, self._protocol, data)
        else:
            self._call(self._protocol.data_received, data)

    def _deliver_end(self) -> None:
        if not self._call(self._protocol.eof_received):
            self.close()

    def _call(self, callback: Callable[..., Any], *args: Any) -> Any:
        try:
            return callback(*args)
        except Exception as error:
            message = f"Fatal error: protocol.{callback.__name__}() call failed."
            self._loop.call_exception_handler(
                {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            )
            self._force_close(error)
            return True

    # -- the end: of the program's part, then of the socket -------------------------------------------------

    def _leave(self, error: BaseException | None) -> None:
        """The program hears in the next round that it is over, as asyncio has it."""
        self._left = self._closing = True
        self._loop.call_soon(self._over, error, context=self._context.copy())

    def _leave_if_written(self) -> None:
        if self._closing and not self._left and not self._unsent:
            self._leave(None)
            if not self._eof_written:
                self._out.put(_FIN)
            self._shut_if_all_is_said()

    def _force_close(self, error: BaseException | None) -> None:
        """End it the hard way: one RST, if there is a way through. (asyncio's TLS calls it by this name.)"""
        if self._left:
            return
        self._leave(error)
        self._unsent.clear()
        self._out.put_last(_Rst())
        if not self._out and not self._shut:
            self._shut_down(silently=True)
        self.mind()

    def _timed_out(self) -> None:
        """The way gave up (RFC 9293 §3.8.3): nothing of what is left to say comes through."""
        if not self._left:
            self._leave(problem(errno.ETIMEDOUT))
        self._shut_down(silently=True)

    def _break(self, error: OSError) -> None:
        """The kernel says that it is over."""
        if not self._left:
            self._leave(error)
        self._shut_down()

    def _shut_if_all_is_said(self) -> None:
        if self._left and not self._unsent and not self._out:
            self._shut_down()

    def _shut_down(self, reset: bool = False, silently: bool = False) -> None:
        if self._shut:
            return
        self._shut = True
        self.mind()
        with suppress(OSError):
            if silently:
                self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
            elif reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
        self._socket.close()
        self._owner.closed(self)

    def _over(self, error: BaseException | None) -> None:
        protocol, self._protocol = self._protocol, asyncio.BaseProtocol()
        protocol.connection_lost(error)

    def vanish(self) -> None:
        """Its host lost power: the peer sees a reset, the program nothing any more."""
        self._left = self._closing = True
        self._unsent.clear()
        self._out.clear()
        bury(self._protocol)
        self._protocol = asyncio.BaseProtocol()
        self._shut_down(reset=True)
