"""`lab dig --trace`: the client itself goes down from the root, and shows every step.

The rule: each step is one server's own words (RFC 1034 §5.3.3), read by the same `verdict` as a resolver's; the
host's resolver is asked only for the way to the root and for servers that come without an address. How it looks
on a screen is the command line's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from lab.dns.exchange import Exchange
from lab.dns.keeper import record_form
from lab.dns.standing import FIRST_WAIT
from lab.dns.verdict import Alias, Answered, Failed, Nothing, Referral, Verdict, classify, shown, targets
from lab.dns.zone import RRset, addresses_of
from lab.names import ROOT, Address, DomainName
from lab.values import dataclass
from lab.wire.dns import Message
from lab.wire.records import Answer

LOWEST = 32
"""Zones below each other at most; no name has more labels that are cuts in a lab."""

Look = Callable[[DomainName, str], Awaitable[Answer]]
"""A stub's `resolve`."""

Servers = tuple[tuple[DomainName, tuple[Address, ...]], ...]
"""Names, with the addresses that came along."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one server said about the name, asked as a server of `zone`."""

    zone: DomainName
    server: DomainName
    address: str
    verdict: Verdict
    message: Message | None = None

    @property
    def records(self) -> RRset:
        match self.verdict:
            case Answered(records=records) | Alias(records=records) | Referral(records=records):
                return records
            case Nothing(soa=soa):
                return soa
            case _:
                return ()

    def to_json(self) -> dict[str, Any]:
        return {
            "zone": self.zone.fqdn,
            "server": self.server,
            "address": self.address,
            "outcome": self.verdict.outcome,
            "detail": shown(self.verdict),
            "records": [record_form(record) for record in self.records],
        }


async def roots(look: Look) -> Servers:
    """The root's servers, as the host's resolver knows them."""
    return tuple((name, ()) for name in targets((await look(ROOT, "NS")).records))


async def trace(
    exchange: Exchange, look: Look, start: Servers, name: DomainName, type: str
) -> AsyncIterator[Step]:
    """Every step from `start`, the root's servers, to the answer. At each cut the servers are asked in turn until
    one is of use."""
    zone, servers = ROOT, start
    for _ in range(LOWEST):
        verdict: Verdict = Failed("servfail", f"{zone.fqdn} has no server that can be found")
        async for step in _one_zone(exchange, look, zone, servers, name, type):
            verdict = step.verdict
            yield step
        if not isinstance(verdict, Referral):
            return
        glue = verdict.glue
        zone, servers = verdict.zone, tuple((host, addresses_of(glue, host)) for host in verdict.servers)


async def _one_zone(
    exchange: Exchange, look: Look, zone: DomainName, servers: Servers, name: DomainName, type: str
) -> AsyncIterator[Step]:
    """Ask a zone's servers until one is of use; its step is the last."""
    for server, known in servers:
        address = next(iter(known or addresses_of((await look(server, "A")).records)), None)
        if address is None:
            yield Step(zone, server, "", Failed("unreachable", "its address cannot be found"))
            continue
        reply = await exchange.ask(name, type, address, 2 * FIRST_WAIT)
        if isinstance(reply, Failed):
            yield Step(zone, server, address, reply)
            continue
        step = Step(zone, server, address, classify(name, type, zone, reply), reply)
        yield step
        if not isinstance(step.verdict, Failed):
            return
