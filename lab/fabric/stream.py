"""One end of a TCP connection in memory, as an asyncio transport.

The rule: what a program sees here is what it would see on a kernel, and the parity suite holds that. Octets
arrive in order, after what the way costs (`way`); FIN and RST stand in the same queue. A `close` with unread
input resets (RFC 2525 §2.17); input for an end that is gone is answered by a reset.

In each direction:   write → backlog (above the window) → passage → the peer's inbox → data_received
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Iterable
from contextvars import Context
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from lab.fabric.stack import fill, problem
from lab.fabric.tls import bury
from lab.fabric.way import Passage, Way

if TYPE_CHECKING:
    from lab.fabric.memory import Listener, MemoryStack

Socket = tuple[str, int]

WINDOW = 1 << 20
"""Octets that may be under way or unread before the sender has to hold some back."""
SEGMENT = 1 << 18
"""The most that arrives at once: asyncio reads 256 KiB at a time."""
HIGH_WATER = 1 << 16


class Flag(Enum):
    ACK = "the handshake is over"
    FIN = "no more octets"
    RST = "forget this connection"

    def __len__(self) -> int:
        return 0


Item = bytes | Flag


class StreamEnd(asyncio.Transport):
    """What one program holds of a connection; `peer` is the other end."""

    __slots__ = (
        "_accepted",
        "_backlog",
        "_broken",
        "_closing",
        "_context",
        "_delivery",
        "_ended",
        "_eof_seen",
        "_eof_sent",
        "_gone",
        "_high",
        "_inbox",
        "_listener",
        "_loop",
        "_low",
        "_passage",
        "_paused",
        "_protocol",
        "_stack",
        "_waiting",
        "_writing_paused",
        "local",
        "peer",
        "remote",
        "unread",
    )

    _start_tls_compatible = True

    peer: StreamEnd

    def __init__(self, stack: MemoryStack, context: Context, local: Socket, remote: Socket) -> None:
        self._stack: MemoryStack = stack
        self._loop: asyncio.AbstractEventLoop = stack.network.loop
        self._context = context
        self.local = local
        self.remote = remote
        self.unread = 0
        """Octets of the peer's that are on their way here or wait in the inbox."""
        self._protocol: Any = _UNBORN
        self._listener: Listener | None = None
        self._inbox: deque[Item] = deque()
        self._backlog: deque[memoryview | bytes] = deque()
        self._waiting = 0
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._accepted = self._delivery = self._paused = self._writing_paused = False
        self._closing = self._gone = self._broken = self._eof_sent = self._eof_seen = self._ended = False

    # -- the life of a connection ----------------------------------------------------------------------------

    def meet(self, caller: StreamEnd, listener: Listener) -> None:
        """A SYN came in; the program hears of it when the ACK is there."""
        self._listener = listener
        self._face(caller)
        caller._face(self)

    def _face(self, peer: StreamEnd) -> None:
        network = self._stack.network
        way = Way(network.rules, self._stack.host, peer._stack.host)
        self.peer = peer
        ends = (self.local, self.remote)
        self._passage: Passage[Item] = Passage(
            network.loop, network.context, way, peer.arrive, self._give_up, network.wiretap, ends
        )

    def greet(self) -> None:
        """The SYN-ACK came back: send the ACK."""
        self._passage.put(Flag.ACK)

    def _accept(self) -> None:
        if not self._listener or not self._listener.serving:
            self._gone = True
            self._passage.put_last(Flag.RST)
            return
        try:
            self.open(self._listener.factory())
        except Exception as error:
            self._fail(error, "Error on transport creation for incoming connection")

    def open(self, protocol: asyncio.BaseProtocol) -> None:
        """The connection stands: the program may speak, and hears what has arrived already."""
        self._stack.ends[self] = None
        self._protocol = protocol
        protocol.connection_made(self)
        self._accepted = True
        self._listen()

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if not self._backlog:
            self._leave(self._goodbye(), None)

    def _goodbye(self) -> Flag:
        return Flag.RST if any(isinstance(item, bytes) for item in self._inbox) else Flag.FIN

    def abort(self) -> None:
        self._force_close(None)

    def _force_close(self, error: BaseException | None) -> None:
        self._closing = True
        self._backlog.clear()
        self._waiting = 0
        self._leave(Flag.RST, error)

    def _leave(self, word: Flag, error: BaseException | None) -> None:
        """The socket is given back: say the last word, and tell the program in the next round."""
        if self._gone:
            return
        self._closing = self._gone = True
        if word is Flag.FIN and not self._eof_sent:
            self._passage.put(word)
        elif word is Flag.RST and not self._broken:
            self._passage.put_last(word)
        self._inbox.clear()
        self._stack.ends.pop(self, None)
        self._loop.call_soon(self._end, error, context=self._context)

    def _end(self, error: BaseException | None) -> None:
        protocol, self._protocol = self._protocol, _UNBORN
        protocol.connection_lost(error)
        self._ended = True
        if self.peer._ended:
            self._part()

    def _part(self) -> None:
        """Both programs are done with it. Two ends that know each other are a circle, and would stay until the
        collector comes: a third of the time that a message took was the collector's."""
        peer = self.peer
        self._passage.lead_nowhere()
        peer._passage.lead_nowhere()
        del self.peer, peer.peer

    def _fail(self, error: BaseException, message: str) -> None:
        """The program's own callback failed: a defect, told to the loop."""
        self._loop.call_exception_handler(
            {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
        )
        self._force_close(error)

    def vanish(self) -> None:
        """The power is gone: the peer sees a reset, the program sees nothing any more."""
        self._gone = self._closing = True
        self._inbox.clear()
        self._backlog.clear()
        bury(self._protocol)
        self._protocol = _UNBORN
        self._passage.put_last(Flag.RST)

    # -- sending ---------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if not isinstance(data, bytes):
            data = _octets(data)
        if self._eof_sent:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data or self._gone:
            return
        if self._broken:
            self._leave(Flag.RST, self._breakage())
            return
        self._send(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        if self._closing or self._eof_sent:
            return
        self._eof_sent = True
        if not self._backlog:
            self._passage.put(Flag.FIN)

    def can_write_eof(self) -> Literal[True]:
        return True

    def _send(self, data: bytes) -> None:
        peer, size = self.peer, len(data)
        if not self._backlog and size <= SEGMENT and peer.unread < WINDOW:
            peer.unread += size
            self._passage.put(data)
            return
        self._backlog.append(memoryview(data))
        self._waiting += len(data)
        self._drain()
        if self._waiting > self._high and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()

    def _drain(self) -> None:
        """Send from the backlog as much as the window lets."""
        while self._backlog and (room := WINDOW - self.peer.unread) > 0:
            chunk = self._backlog.popleft()
            size = min(room, SEGMENT)
            if len(chunk) > size:
                self._backlog.appendleft(chunk[size:])
            segment = bytes(chunk[:size])
            self._waiting -= len(segment)
            self.peer.unread += len(segment)
            self._passage.put(segment)

    def _acknowledged(self) -> None:
        """The peer has read: go on with what was held back."""
        if self._gone:
            return
        self._drain()
        if self._writing_paused and self._waiting <= self._low:
            self._writing_paused = False
            self._loop.call_soon(self._resume_writing, context=self._context)
        if not self._backlog and self._closing:
            self._leave(self._goodbye(), None)
        elif not self._backlog and self._eof_sent:
            self._passage.put(Flag.FIN)

    def _resume_writing(self) -> None:
        if not self._gone:
            self._protocol.resume_writing()

    def _give_up(self) -> None:
        if not self._gone:
            self._force_close(problem(errno.ETIMEDOUT))

    # -- receiving -------------------------------------------------------------------------------------------

    def arrive(self, item: Item) -> None:
        """An item came out of the line."""
        is_octets = isinstance(item, bytes)
        if self._gone:
            if is_octets:
                self._passage.put_last(Flag.RST)
        elif is_octets or item is Flag.FIN:
            self._inbox.append(item)
            if not self._delivery:
                self._listen()
        elif item is Flag.RST:
            self._break()
        else:
            self._loop.call_soon(self._accept, context=self._context)

    def _listen(self) -> None:
        if self._inbox and self._accepted and not (self._delivery or self._paused or self._closing):
            self._delivery = True
            self._loop.call_soon(self._deliver, context=self._context)

    def _deliver(self) -> None:
        self._delivery = False
        if self._paused or self._closing or not self._inbox:
            return
        inbox = self._inbox
        item = inbox.popleft()
        if isinstance(item, bytes):
            self._receive(self._with_what_follows(item) if inbox else item)
        elif item is Flag.FIN:
            self._receive_eof()
        else:
            self._leave(Flag.RST, self._breakage())
        if inbox:
            self._listen()

    def _with_what_follows(self, octets: bytes) -> bytes:
        """As much of the inbox as one read of a socket would return."""
        parts, size = [octets], len(octets)
        while self._inbox and isinstance(part := self._inbox[0], bytes) and size + len(part) <= SEGMENT:
            parts.append(part)
            size += len(part)
            self._inbox.popleft()
        return b"".join(parts)

    def _receive(self, octets: bytes) -> None:
        self.unread -= len(octets)
        protocol = self._protocol
        try:
            if isinstance(protocol, asyncio.BufferedProtocol):
                fill(protocol, octets)
            else:
                protocol.data_received(octets)
        except Exception as error:
            self._fail(error, "Fatal error: protocol.data_received() call failed.")
        if self.peer._backlog:
            self.peer._acknowledged()

    def _receive_eof(self) -> None:
        self._eof_seen = True
        try:
            stays = self._protocol.eof_received()
        except Exception as error:
            self._fail(error, "Fatal error: protocol.eof_received() call failed.")
            return
        if not stays:
            self.close()

    def _break(self) -> None:
        """A reset came. It is read after the octets before it; who reads no more hears of it when it writes."""
        self._broken = True
        self._passage.clear()
        if self._backlog:
            self._backlog.clear()
            self._leave(Flag.RST, self._breakage())
        elif not self._eof_seen:
            self._inbox.append(Flag.RST)
            self._listen()

    def _breakage(self) -> OSError:
        # Linux tcp_reset: EPIPE where a FIN had come before, else ECONNRESET.
        return problem(errno.EPIPE if self._eof_seen else errno.ECONNRESET)

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused and not self._closing:
            self._paused = False
            self._listen()

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    # -- what asyncio asks of a transport --------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername":
            return self.remote
        return self.local if name == "sockname" else default

    def get_write_buffer_size(self) -> int:
        return self._waiting

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low


def _octets(data: bytearray | memoryview[Any]) -> bytes:
    if not isinstance(data, (bytearray, memoryview)):
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
    return bytes(data)


_UNBORN = asyncio.BaseProtocol()
"""Stands in where there is no program yet, or no more."""
