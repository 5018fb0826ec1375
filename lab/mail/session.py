"""An SMTP connection to one address, held by the agent: the automaton of `wire.smtp_client` on the loop's sockets.

The rule: a session reports and never decides. Every reply goes to `saw` the moment it comes; `hello` and `send`
return what came of it. Whatever happens to the connection, `send` returns a fate for each recipient.

Time limits: RFC 5321 §4.5.3.2, a limit for each command, in lab time.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lab.events import Failure, Stage
from lab.wire.smtp_client import (
    ClientEvent,
    Fate,
    Finished,
    Outgoing,
    Ready,
    Replied,
    Secure,
    SmtpClient,
    Unwilling,
)

if TYPE_CHECKING:
    import ssl

CONNECT_LIMIT = 30.0
"""Seconds, by default. The RFC names no limit here; Postfix waits 30 s, a kernel left alone 127."""

LIMITS: Mapping[Stage, float] = {
    Stage.GREETING: 300.0,  # §4.5.3.2.1
    Stage.HELO: 300.0,
    Stage.STARTTLS: 300.0,
    Stage.AUTH: 300.0,
    Stage.MAIL: 300.0,  # §4.5.3.2.2
    Stage.RCPT: 300.0,  # §4.5.3.2.3
    Stage.DATA: 120.0,  # §4.5.3.2.4
    Stage.EOM: 600.0,  # §4.5.3.2.6
    Stage.QUIT: 60.0,
}

Saw = Callable[[Replied], None]
Opened = Callable[[int], None]
"""Is told the port at this end."""


class Session(asyncio.Protocol):
    """Made by `connect`. `ready` is false once it can carry no further message."""

    __slots__ = (
        "_client",
        "_deadline",
        "_early",
        "_failure",
        "_limit",
        "_loop",
        "_opened",
        "_saw",
        "_sealing",
        "_tls",
        "_transport",
        "_unsent",
        "_waiter",
        "greeting",
        "messages",
    )

    def __init__(self, helo: str, opened: Opened, saw: Saw, tls: ssl.SSLContext | None = None) -> None:
        self._client = SmtpClient(helo, tls is not None)
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._sealing: asyncio.Task[None] | None = None
        self._opened = opened
        self._saw = saw
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Ready | Unwilling | Finished] | None = None
        self._early: Ready | Unwilling | Finished | None = None
        """What came of it before anyone waited."""
        self._limit: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._unsent = 0
        """Octets that had not left yet when they were looked at last."""
        self._failure = Failure.CLOSED
        self.greeting = ""
        self.messages = 0
        """Messages sent in it so far."""

    @property
    def ready(self) -> bool:
        return self._client.is_ready and self._transport is not None and not self._transport.is_closing()

    @property
    def extensions(self) -> Mapping[str, str]:
        return self._client.extensions

    # -- what the agent asks ---------------------------------------------------------------------------------

    async def hello(self) -> Ready | Unwilling:
        """Wait for the greeting and say hello."""
        outcome = await self._wait()
        assert not isinstance(outcome, Finished)
        return outcome

    async def send(self, message: Outgoing) -> tuple[Fate, ...]:
        """Send a message; a fate for each of its recipients, in their order."""
        if not self.ready:
            return (Fate(Stage.MAIL, self._failure),) * len(message.recipients)
        self.messages += 1
        events = self._client.send(message)
        self._flush()
        outcome = events[0] if events else await self._wait()
        assert isinstance(outcome, Finished)
        return outcome.fates

    def quit(self) -> None:
        """Say goodbye and let the connection end by itself."""
        if self.ready:
            self._client.quit()
            self._flush()
            self._arm()
        elif not self._client.is_closed and self._client.stage is not Stage.QUIT:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> Ready | Unwilling | Finished:
        if self._early is not None:
            outcome, self._early = self._early, None
            return outcome
        self._waiter = self._loop.create_future()
        self._arm()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    # -- what the loop calls ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._opened(int(transport.get_extra_info("sockname", ("", 0))[1]))

    def data_received(self, octets: bytes) -> None:
        client = self._client
        events = client.receive(octets)
        self._heed(events)
        self._flush()
        if client.is_closed and self._transport is not None:
            unread = self._transport.get_write_buffer_size() > 0  # it may never be: then nothing would ever close
            self._transport.abort() if unread else self._transport.close()
            self._disarm()
        elif events and not client.is_ready:  # a reply that comes an octet at a time has one limit, as silence has
            self._arm()

    def connection_lost(self, error: Exception | None) -> None:
        if isinstance(error, OSError):
            self._failure = failure(error)
        self._disarm()
        self._heed(self._client.lost(self._failure))

    def _heed(self, events: list[ClientEvent]) -> None:
        for event in events:
            if isinstance(event, Replied):
                if not self.greeting and event.stage is Stage.GREETING:
                    self.greeting = event.reply.text
                self._saw(event)
            elif isinstance(event, Secure):
                self._sealing = self._loop.create_task(self._turn_to_tls())
            else:
                self._settle(event)

    def _settle(self, outcome: Ready | Unwilling | Finished) -> None:
        if self._waiter is None:
            self._early = outcome
        elif not self._waiter.done():
            self._waiter.set_result(outcome)

    def _flush(self) -> None:
        octets, transport = self._client.data_to_send(), self._transport
        if octets and transport is not None:
            transport.write(octets)
            self._unsent = transport.get_write_buffer_size()

    async def _turn_to_tls(self) -> None:
        assert self._transport is not None
        assert self._tls is not None
        try:
            secure = await self._loop.start_tls(self._transport, self, self._tls)
            if secure is None:
                raise ConnectionResetError(errno.ECONNRESET, "the host went away")
        except OSError as error:
            self._failure = failure(error) if error.errno in _FAILURES else Failure.CLOSED
            self._heed(self._client.lost(self._failure))
            self.abort()
        else:
            self._transport = secure
            self._client.secured()
            self._flush()
            self._arm()

    # -- time limits -----------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """A limit for the reply that is waited for now. A timer that stands already is left to find out when it
        strikes: most sessions are over long before, and never set a second one."""
        self._deadline = self._loop.time() + LIMITS.get(self._client.stage, 300.0)
        if self._limit is None or self._deadline < self._limit.when():
            self._disarm()
            self._limit = self._loop.call_at(self._deadline, self._strike)

    def _disarm(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _is_sending(self) -> bool:
        """A text still leaves, over a slow line: its reply is waited for when it is out (§4.5.3.2.5)."""
        before, self._unsent = self._unsent, self._transport.get_write_buffer_size() if self._transport else 0
        return self._unsent < before

    def _strike(self) -> None:
        self._limit = None
        if self._client.is_ready:
            return
        if self._deadline > self._loop.time():
            self._limit = self._loop.call_at(self._deadline, self._strike)
            return
        if self._is_sending():
            self._arm()
            return
        self._failure = Failure.TIMED_OUT
        self._heed(self._client.lost(Failure.TIMED_OUT))
        self.abort()


async def connect(
    address: str,
    port: int,
    helo: str,
    opened: Opened,
    saw: Saw,
    limit: float = CONNECT_LIMIT,
    tls: ssl.SSLContext | None = None,
) -> Session | Failure:
    """Connect from the ambient host's address. `opened` is called at once, before anything is seen; `tls` is used
    where the host offers it."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limit):
            _, session = await loop.create_connection(lambda: Session(helo, opened, saw, tls), address, port)
    except OSError as error:
        return failure(error)
    return session


_FAILURES: Mapping[int, Failure] = {
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.ETIMEDOUT: Failure.TIMED_OUT,
    errno.EHOSTUNREACH: Failure.UNREACHABLE,
    errno.ENETUNREACH: Failure.UNREACHABLE,
    errno.ECONNRESET: Failure.RESET,
    errno.EPIPE: Failure.RESET,
}


def failure(error: OSError) -> Failure:
    """What the kernel's word for it means here."""
    if isinstance(error, TimeoutError):
        return Failure.TIMED_OUT
    return _FAILURES.get(error.errno or 0, Failure.UNREACHABLE)
