"""The network of a stand-in: connections that leave from a host of another process.

The rule: whoever dials here (a front door, `lab talk`, a scenario) uses plain asyncio and sees what a program of
that host would see: the same refusals, half closes and resets. TLS is spoken here, by whoever dials. A stand-in
serves nothing: its host's own programs do.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import os
from asyncio.transports import _FlowControlMixin
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from lab.fabric.distant.orders import Dial, End, Hold, Order, Post, Say
from lab.fabric.loop import LabLoop
from lab.fabric.stack import Connection, Endpoint, ProtocolFactory, dialled, fill, problem
from lab.fabric.tls import over_tls

if TYPE_CHECKING:
    from lab.fabric.host import Host

_CHUNK = 64 * 1024


class Switch:
    """Which channel is whose; `order` reaches the node of a host, `number` is a channel nobody has."""

    def __init__(self, order: Callable[[Host, Order], None]) -> None:
        self.order = order
        self.ends: dict[int, DistantStream | DistantDatagrams] = {}
        self._last = 0

    def number(self) -> int:
        self._last += 1
        return self._last

    def hear(self, form: dict[str, Any]) -> None:
        """A report about a channel; what is about none is not for here."""
        for word in ("open", "data", "eof", "lost", "hold", "go", "bad"):
            if word in form and form[word] in self.ends:
                self.ends[form[word]].hear(word, form)


class DistantStack:
    """One stand-in's network; see `lab.fabric.stack.Stack`."""

    __slots__ = ("host", "loop", "switch")

    def __init__(self, host: Host, loop: LabLoop, switch: Switch) -> None:
        self.host = host
        self.loop = loop
        self.switch = switch

    async def create_connection(
        self,
        factory: ProtocolFactory,
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        server_hostname: str | None = None,
        local_addr: tuple[str, int] | None = None,
        **_: object,
    ) -> Connection:
        if port is None:
            raise ValueError("a host connects to an address and a port")
        address = dialled(host, self.host.addresses)
        channel = self.switch.number()
        stream = DistantStream(self, channel, address, port)
        dial = Dial(channel, self.host.name, address, port, local_addr[0] if local_addr else "")
        protocol = factory()
        if ssl:
            ready = self.loop.create_future()
            secure: Any = over_tls(lambda: protocol, ssl, self.loop, server_hostname or host or "", ready)()
            await stream.open(dial, secure)
            await ready
            return secure._app_transport, protocol
        await stream.open(dial, protocol)
        return stream, protocol

    async def create_server(self, *_: object, **__: object) -> asyncio.AbstractServer:
        raise problem(errno.EOPNOTSUPP, "what this host serves, its own programs serve")

    async def create_datagram_endpoint(
        self,
        factory: ProtocolFactory,
        *,
        local_addr: tuple[str, int] | None = None,
        remote_addr: tuple[str, int] | None = None,
        **_: object,
    ) -> Endpoint:
        if remote_addr is None:
            raise problem(errno.EOPNOTSUPP, "a visitor's datagrams go to one address")
        protocol = factory()
        assert isinstance(protocol, asyncio.DatagramProtocol)
        endpoint = DistantDatagrams(self, self.switch.number(), protocol)
        await endpoint.open(Post(endpoint.channel, self.host.name, *remote_addr))
        return endpoint, protocol

    def freeze(self) -> None:
        """The node holds its own programs."""

    def thaw(self) -> None:
        """The node lets them go."""

    def reset(self) -> None:
        """The node resets its own connections, and says so."""


class DistantStream(_FlowControlMixin):
    """One end of a TCP connection, whose socket a node has."""

    _start_tls_compatible = True
    _loop: asyncio.AbstractEventLoop
    _extra: dict[str, Any]
    _protocol: Any

    def __init__(self, stack: DistantStack, channel: int, address: str, port: int) -> None:
        super().__init__({"peername": (address, port)}, stack.loop)
        self._stack = stack
        self._channel = channel
        self._opened: asyncio.Future[None] = stack.loop.create_future()
        self._context = copy_context()
        self._closing = self._held = self._eof_written = False
        self._waiting: list[dict[str, Any]] = []

    async def open(self, dial: Dial, protocol: asyncio.BaseProtocol) -> None:
        """OSError when the connection does not come about."""
        self._protocol = protocol
        self._stack.switch.ends[self._channel] = self
        self._order(dial)
        try:
            await self._opened
        except BaseException:
            self._forget()
            self._order(End(self._channel, "abort"))
            raise

    def hear(self, word: str, form: dict[str, Any]) -> None:
        # A copy, for the context may be entered already; it carries the host, whoever brought the report.
        self._context.copy().run(self._hear, word, form)

    def _hear(self, word: str, form: dict[str, Any]) -> None:
        if word == "open":
            self._extra["sockname"] = tuple(form["from"])
            if not self._opened.done():
                self._protocol.connection_made(self)
                self._opened.set_result(None)
        elif word == "lost":
            self._lose(_error(form))
        elif word in ("hold", "go"):
            (self._protocol.pause_writing if word == "hold" else self._protocol.resume_writing)()
        elif self._held:
            self._waiting.append({"word": word, **form})
        elif word == "eof":
            self._end_of_file()
        elif not self._closing:
            self._deliver(base64.b64decode(form["octets"]))

    def _deliver(self, octets: bytes) -> None:
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            fill(self._protocol, octets)
        else:
            self._protocol.data_received(octets)

    def _end_of_file(self) -> None:
        if not self._closing and not self._protocol.eof_received():
            self.close()

    def _lose(self, error: OSError | None) -> None:
        self._forget()
        if not self._opened.done():
            self._opened.set_exception(error or problem(errno.ECONNRESET))
            return
        self._closing = True
        protocol, self._protocol = self._protocol, asyncio.BaseProtocol()
        protocol.connection_lost(error)

    def _forget(self) -> None:
        self._stack.switch.ends.pop(self._channel, None)

    def _order(self, order: Order) -> None:
        self._stack.switch.order(self._stack.host, order)

    # -- what asyncio asks of a transport -----------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return cast(asyncio.BaseProtocol, self._protocol)

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return not (self._held or self._closing)

    def pause_reading(self) -> None:
        self._hold(True)

    def resume_reading(self) -> None:
        self._hold(False)
        waiting, self._waiting = self._waiting, []
        for form in waiting:
            self._loop.call_soon(self._hear, form["word"], form, context=self._context.copy())

    def _hold(self, held: bool) -> None:
        if self._held != held:
            self._held = held
            self._order(Hold(self._channel, held))

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._eof_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        octets = bytes(data)
        if self._channel in self._stack.switch.ends:
            for start in range(0, len(octets), _CHUNK):
                self._order(Say(self._channel, octets[start : start + _CHUNK]))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not (self._eof_written or self._closing):
            self._eof_written = True
            self._order(End(self._channel, "eof"))

    def close(self) -> None:
        self._leave("close")

    def abort(self) -> None:
        self._leave("abort")

    def _leave(self, how: str) -> None:
        if not self._closing:
            self._closing = True
            self._order(End(self._channel, how))

    def _force_close(self, error: BaseException | None) -> None:
        """(asyncio's TLS calls it by this name.)"""
        self._leave("abort")


class DistantDatagrams(asyncio.DatagramTransport):
    """A UDP endpoint whose socket a node has."""

    def __init__(self, stack: DistantStack, channel: int, protocol: asyncio.DatagramProtocol) -> None:
        super().__init__()
        self.channel = channel
        self._stack = stack
        self._protocol = protocol
        self._opened: asyncio.Future[None] = stack.loop.create_future()
        self._context = copy_context()
        self._peer: tuple[str, int] = ("", 0)
        self._closing = False

    async def open(self, post: Post) -> None:
        self._peer = (post.address, post.port)
        self._stack.switch.ends[self.channel] = self
        self._stack.switch.order(self._stack.host, post)
        try:
            await self._opened
        except BaseException:
            self._stack.switch.ends.pop(self.channel, None)
            raise

    def hear(self, word: str, form: dict[str, Any]) -> None:
        self._context.copy().run(self._hear, word, form)

    def _hear(self, word: str, form: dict[str, Any]) -> None:
        match word:
            case "open":
                self._protocol.connection_made(self)
                self._opened.set_result(None)
            case "data":
                self._protocol.datagram_received(base64.b64decode(form["octets"]), self._peer)
            case "bad":
                self._protocol.error_received(problem(form["errno"]))
            case "lost":
                self._lose(_error(form))

    def _lose(self, error: OSError | None) -> None:
        self._stack.switch.ends.pop(self.channel, None)
        if not self._opened.done():
            self._opened.set_exception(error or problem(errno.ENETDOWN))
        else:
            self._protocol.connection_lost(error)

    def is_closing(self) -> bool:
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._peer if name == "peername" else default

    def sendto(self, data: Any, addr: Any = None) -> None:
        if not self._closing:
            self._stack.switch.order(self._stack.host, Say(self.channel, bytes(data)))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._stack.switch.order(self._stack.host, End(self.channel, "close"))

    def abort(self) -> None:
        self.close()


def _error(form: dict[str, Any]) -> OSError | None:
    """Of the class that Python has for its number (ConnectionRefusedError …); None for a polite end."""
    return OSError(form["errno"], form["text"] or os.strerror(form["errno"])) if form["errno"] else None
