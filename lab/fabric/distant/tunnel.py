"""A node's end of the visitors' connections: what a front door, `lab talk` or a scenario opens from a host here.

The rule: a visitor's connection is a program's of the host it leaves from: same rules, same faults, same end when
the host goes down. Its octets go to and fro on the node's line, and either side can hold the other back.

    {"open": channel, "from": [address, port]}     the connection stands ("t" says when, here and below)
    {"data": channel, "octets": base64}            from the other end
    {"eof": channel}                               it has no more to say
    {"lost": channel, "errno": n, "text": …}       it is over, or never came about; errno 0: politely
    {"hold"|"go": channel}                         its buffer is full, or has room again
    {"bad": channel, "errno": n}                   (UDP) what the kernel said of a datagram
"""

from __future__ import annotations

import asyncio
import base64
import errno
from collections.abc import Callable, Mapping
from typing import Any

from lab.fabric.distant.orders import Dial, End, Hold, Post, Say
from lab.fabric.host import Host
from lab.names import DomainName

Report = Callable[[dict[str, Any]], None]


class Tunnels:
    """All channels of a node."""

    def __init__(self, hosts: Mapping[DomainName, Host], report: Report) -> None:
        self._hosts = hosts
        self._report = report
        self._open: dict[int, _Stream | _Datagrams] = {}

    def obey(self, order: Dial | Post | Say | End | Hold) -> None:
        match order:
            case Dial(channel):
                self._start(channel, order.host, _Stream(self, channel), order)
            case Post(channel):
                self._start(channel, order.host, _Datagrams(self, channel), order)
            case Say(channel, octets) if channel in self._open:
                self._open[channel].say(octets)
            case End(channel, how) if channel in self._open:
                self._open[channel].end(how)
            case Hold(channel, held) if channel in self._open:
                self._open[channel].hold(held)

    def _start(self, channel: int, host: DomainName, end: _Stream | _Datagrams, order: Dial | Post) -> None:
        here = self._hosts[host]
        if not here.up:
            self.lost(channel, OSError(errno.ENETDOWN, "this host is down"))
            return
        self._open[channel] = end
        here.spawn(self._join(channel, end, order), name="visitor")

    async def _join(self, channel: int, end: _Stream | _Datagrams, order: Dial | Post) -> None:
        loop = asyncio.get_running_loop()
        try:
            if isinstance(end, _Stream) and isinstance(order, Dial):
                local = (order.local, 0) if order.local else None
                await loop.create_connection(lambda: end, order.address, order.port, local_addr=local)
            elif isinstance(end, _Datagrams):
                await loop.create_datagram_endpoint(lambda: end, remote_addr=(order.address, order.port))
        except OSError as error:
            self.lost(channel, error)
        except asyncio.CancelledError:
            self.lost(channel, OSError(errno.ENETDOWN, "this host went down"))
            raise

    def report(self, **form: Any) -> None:
        self._report({**form, "t": asyncio.get_running_loop().time()})

    def lost(self, channel: int, error: BaseException | None) -> None:
        self._open.pop(channel, None)
        number = (error.errno or errno.EIO) if isinstance(error, OSError) else errno.ECONNRESET if error else 0
        text = (error.strerror if isinstance(error, OSError) else None) or ""
        self.report(lost=channel, errno=number, text=text)


class _Stream(asyncio.Protocol):
    """The other end of a TCP connection."""

    def __init__(self, tunnels: Tunnels, channel: int) -> None:
        self._tunnels = tunnels
        self._channel = channel
        self._transport: Any = None
        self._ended = ""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._tunnels.report(open=self._channel, **{"from": list(transport.get_extra_info("sockname"))})
        if self._ended:
            self.end(self._ended)

    def data_received(self, data: bytes) -> None:
        self._tunnels.report(data=self._channel, octets=base64.b64encode(data).decode())

    def eof_received(self) -> bool:
        self._tunnels.report(eof=self._channel)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._tunnels.lost(self._channel, error)

    def pause_writing(self) -> None:
        self._tunnels.report(hold=self._channel)

    def resume_writing(self) -> None:
        self._tunnels.report(go=self._channel)

    def say(self, octets: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def end(self, how: str) -> None:
        if self._transport is None:
            self._ended = how  # it was given up before it stood
        elif how == "abort":
            self._transport.abort()
        elif how == "close":
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write_eof()

    def hold(self, held: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading() if held else self._transport.resume_reading()


class _Datagrams(asyncio.DatagramProtocol):
    """A UDP endpoint that speaks with one address."""

    def __init__(self, tunnels: Tunnels, channel: int) -> None:
        self._tunnels = tunnels
        self._channel = channel
        self._transport: Any = None
        self._ended = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._tunnels.report(open=self._channel, **{"from": list(transport.get_extra_info("sockname"))})
        if self._ended:
            transport.close()

    def datagram_received(self, data: bytes, peer: Any) -> None:
        self._tunnels.report(data=self._channel, octets=base64.b64encode(data).decode())

    def error_received(self, error: Exception) -> None:
        self._tunnels.report(bad=self._channel, errno=getattr(error, "errno", 0) or errno.EIO)

    def connection_lost(self, error: Exception | None) -> None:
        self._tunnels.lost(self._channel, error)

    def say(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(octets)

    def end(self, how: str) -> None:
        self._ended = True
        if self._transport is not None:
            self._transport.close()

    def hold(self, held: bool) -> None:
        """Datagrams wait for nobody."""
