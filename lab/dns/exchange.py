"""One question to one server, and its reply, by whatever way it takes.

The rule: EDNS first, and plain DNS for a server that does not understand it (RFC 6891 §6.2.2); a truncated reply
is fetched whole over TCP from the same server (RFC 7766 §5). What comes back is a message, or why there is none.
"""

from __future__ import annotations

import os
from typing import Protocol

from lab.clock import Clock
from lab.dns.standing import Standings
from lab.dns.verdict import Failed
from lab.names import Address, DomainName
from lab.values import dataclass
from lab.wire.dns import Malformed, Message, Question

_NO_EDNS = ("FORMERR", "NOTIMP", "BADVERS")


class Transport(Protocol):
    """How questions leave. TimeoutError: no reply; OSError: unreachable, refused; Malformed: an unreadable one."""

    async def ask(
        self, address: Address, question: Question, timeout: float, *, rd: bool, edns: bool, tcp: bool
    ) -> Message: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """Asks through a transport, and remembers how the servers fared."""

    transport: Transport
    standings: Standings
    clock: Clock

    async def ask(
        self, name: DomainName, type: str, address: Address, timeout: float, recurse: bool = False
    ) -> Message | Failed:
        """The server's reply, or Failed with one of timeout, unreachable, formerr, truncated."""
        question, standing = Question(name, type), self.standings.of(address)
        begun, edns = self.clock.elapsed(), not standing.plain
        ask = self.transport.ask
        try:
            reply = await ask(address, question, timeout, rd=recurse, edns=edns, tcp=False)
            standing.answered(self.clock.elapsed() - begun)
            if edns and reply.rcode in _NO_EDNS:
                standing.plain = True
                reply = await ask(address, question, timeout, rd=recurse, edns=False, tcp=False)
            return await self._whole(question, address, 2 * timeout, recurse) if reply.tc else reply
        except TimeoutError:
            self.standings.silent(address)
            return Failed("timeout", f"no reply in {timeout:.3g} s")
        except OSError as error:
            self.standings.silent(address)
            return Failed("unreachable", (error.strerror or "no way there").lower())
        except Malformed as error:
            return Failed("formerr", f"its reply cannot be read: {error}")

    async def _whole(
        self, question: Question, address: Address, timeout: float, recurse: bool
    ) -> Message | Failed:
        """The reply over TCP. A server that is there over UDP alone is of no use, but it is there."""
        edns = not self.standings.of(address).plain
        try:
            return await self.transport.ask(address, question, timeout, rd=recurse, edns=edns, tcp=True)
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else "no reply"
            return Failed("truncated", f"over UDP there is no room, and over TCP: {why} (RFC 7766 §5)")
