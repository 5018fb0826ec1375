"""One client's connection to a service that speaks in lines.

The rule: it carries, it does not understand. Lines come out one by one, however they came in; what is said is
gathered and sent before the next wait, so that a pipelined group is answered in one write; a client that does not
read holds back what it asked for. It runs as a task of its host, and ends with it.

Silence ends it after one to two times `patience`, and so does a command that trickles in without end: real seconds
where the loop tells them from lab time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from lab.fabric.base import Host
from lab.mail.tls import turn_to_tls

HIGH_WATER = 65_536
"""Octets unread, above which the client has to wait; and unsent, above which nothing more is answered."""
AT_ONCE = 100
"""Pipelined commands that are answered before others have their turn."""
TRICKLE = 300
"""Octets that have to come, where no command does, while the server is patient: less is no line on earth."""


class Conversation(asyncio.Protocol):
    """`serve` is spawned when a client has come; the connection is closed when it returns."""

    __slots__ = (
        "_commands",
        "_drained",
        "_ended",
        "_gained",
        "_gone",
        "_heard",
        "_host",
        "_input",
        "_loop",
        "_output",
        "_patience",
        "_serve",
        "_stirred",
        "_timer",
        "_transport",
        "_unsent",
        "_woken",
        "farewell",
        "peer",
    )

    _transport: asyncio.Transport

    def __init__(
        self,
        host: Host,
        serve: Callable[[Conversation], Coroutine[Any, Any, None]],
        patience: float = 600.0,
        farewell: bytes = b"",
    ) -> None:
        """`farewell` is said to a client that was silent for too long."""
        self._host = host
        self._serve = serve
        self._patience = patience
        self.farewell = farewell
        self.peer = ""
        """The client's address."""
        self._loop = asyncio.get_running_loop()
        self._input = bytearray()
        self._output: list[bytes] = []
        self._heard: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._ended = self._stirred = self._woken = False
        self._timer: asyncio.TimerHandle | None = None
        self._commands = self._unsent = self._gained = 0

    # -- what the transport calls ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if peer else ""
        self._wait_for_silence()
        self._host.spawn(self._run(), "mail reader's server")

    def data_received(self, octets: bytes) -> None:
        self._gained += len(octets)
        self._input += octets
        if len(self._input) > HIGH_WATER:
            self._transport.pause_reading()
        _tell(self._heard)

    def eof_received(self) -> bool:
        """A client that has said all it wants to say is still answered; TLS ends for both at once."""
        self._ended = True
        _tell(self._heard)
        _tell(self._gone)
        return self._transport.get_extra_info("sslcontext") is None

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        _tell(self._heard)
        _tell(self._gone)
        _tell(self._drained)

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        self._stirred = True
        _tell(self._drained)
        self._drained = None

    # -- what the service calls ------------------------------------------------------------------------------

    async def line(self, longest: int) -> bytes | None:
        """The next line, its end included; None when no more comes. A longer one comes cut, one octet too long."""
        kept = b""
        while (end := self._input.find(b"\n")) < 0:
            if len(self._input) > longest:
                kept = kept or bytes(self._input[: longest + 1])
                self._input.clear()
            if not await self._more():
                return None
        line = kept or bytes(self._input[: end + 1])
        del self._input[: end + 1]
        return line[: longest + 1]

    async def octets(self) -> bytes | None:
        """What has come, however much; b"" when `wake` was called meanwhile; None when no more comes."""
        await self.flush()
        if not (self._input or self._ended or self._woken):
            self._transport.resume_reading()
            self._heard = self._loop.create_future()
            await self._heard
            self._heard = None
        self._woken = False
        octets = bytes(self._input)
        self._input.clear()
        return None if self._ended and not octets else octets

    def wake(self) -> None:
        """Let `octets` return, though the client has said nothing."""
        self._woken = True
        _tell(self._heard)

    def say(self, octets: bytes) -> None:
        """Sent at the next `line`, `flush` or `breathe`."""
        self._output.append(octets)
        self._unsent += len(octets)

    async def breathe(self) -> None:
        """Between two commands: let others have their turn now and then, and send what is much already."""
        self._stirred = True
        self._commands += 1
        if self._unsent > HIGH_WATER:
            await self.flush()
        if self._commands >= AT_ONCE:
            self._commands = 0
            await asyncio.sleep(0)

    async def flush(self) -> None:
        """Send, and wait while the client does not keep up. ConnectionResetError when it has gone."""
        if self._output:
            self._transport.write(b"".join(self._output))
            self._output.clear()
            self._unsent = 0
            self._stirred = True
        while self._drained is not None and not self._transport.is_closing():
            await self._drained
        if self._transport.is_closing():
            raise ConnectionResetError

    async def turn_to_tls(self) -> None:
        """The go-ahead has been said: what the client sent behind its command is forgotten."""
        await self.flush()
        self._input.clear()
        self._transport = await turn_to_tls(self._host, self._transport, self)

    async def reset(self) -> NoReturn:
        """Break the connection off, behind what has been said."""
        await self.flush()
        self._transport.abort()
        raise ConnectionResetError

    async def outlast(self, wait: Coroutine[Any, Any, None]) -> None:
        """Say nothing until that is over. ConnectionResetError when the client has gone before."""
        await self.flush()
        self._gone = self._loop.create_future()
        waiting = self._host.spawn(wait, "a server stalls")
        try:
            await asyncio.wait((waiting, self._gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            self._gone = None
        if self._ended:
            raise ConnectionResetError

    # -- below -----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._serve(self)
            await self.flush()
        except OSError:
            pass  # the client is gone, or its TLS was none
        finally:
            self._transport.close()

    async def _more(self) -> bool:
        """Send what is to be said and take in what comes; whether anything came."""
        await self.flush()
        if self._ended:
            return False
        before = len(self._input)
        self._transport.resume_reading()
        self._heard = self._loop.create_future()
        await self._heard
        self._heard = None
        return len(self._input) > before

    def _wait_for_silence(self) -> None:
        wait = getattr(self._loop, "call_patiently", self._loop.call_later)
        self._stirred, self._gained = False, 0
        self._timer = wait(self._patience, self._hang_up_on_silence)

    def _hang_up_on_silence(self) -> None:
        if self._transport.is_closing() or (self._drained is not None and not self._stirred):
            self._transport.abort()  # what was said last is read by nobody
        elif self._heard is None or self._stirred or self._gained >= TRICKLE:
            self._wait_for_silence()
        else:
            self._transport.write(self.farewell)
            self._transport.close()
            self._wait_for_silence()


def _tell(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
