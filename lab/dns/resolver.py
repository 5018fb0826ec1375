"""A recursive resolver: from a name to its records, out of memory or by asking down from the root.

The rule: no sockets, no clock and no chance of its own. It asks through a `Transport`, so that whole Internets
play in process, and tells a sink of every hop (`events.HopAnswered`). The loop is RFC 1034 §5.3.3:

    cache → best known cut → ask its servers → what does it mean? → answer | alias | lower cut | next server

Here is the client's side of it: memory, aliases, the same question in flight once (RFC 5452 §5), stale data
(RFC 8767). `descent` goes down the tree, `exchange` asks one server, `verdict` says what its reply means,
`standing` whom to ask first, `cache` how long to remember.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import field
from functools import partial
from random import Random
from typing import Any

from lab.clock import Clock
from lab.dns.cache import Cache, Rank
from lab.dns.descent import Descent, Errand, Purse
from lab.dns.exchange import Exchange, Transport
from lab.dns.once import Once
from lab.dns.special import special
from lab.dns.standing import Standings
from lab.dns.verdict import Alias, Answered, Failed, Nothing, is_endless
from lab.dns.zone import RRset
from lab.dns.zones import MOST_ALIASES
from lab.events import Event
from lab.names import ROOT, Address, DomainName
from lab.values import dataclass, made_often
from lab.wire.dns import ExtendedError, ede
from lab.wire.records import CNAME

LONGEST_SEARCH = 9.0
"""Seconds; a stub gives up after ten."""
STALE_AFTER = 1.8
"""Seconds a client waits before it gets stale data (RFC 8767 §5)."""

Hints = tuple[tuple[DomainName, tuple[Address, ...]], ...]


@made_often
@dataclass(frozen=True, slots=True)
class Outcome:
    """What the resolver found. `authority` is the SOA of a no, or the known servers of the closest cut."""

    rcode: str
    answer: RRset = ()
    authority: RRset = ()
    why: ExtendedError | None = None
    """Beside SERVFAIL or stale data."""


def _failure(code: int, text: str) -> Outcome:
    return Outcome("SERVFAIL", why=ExtendedError(code, text))


_ENDLESS = _failure(ede.OTHER, f"more than {MOST_ALIASES} aliases, or a circle of them")
_AGAIN = _failure(ede.CACHED_ERROR, "it failed a moment ago, and nobody was asked again (RFC 9520)")
_TOO_LONG = _failure(ede.NO_REACHABLE_AUTHORITY, "it takes too long")


def _whole(answer: RRset) -> Outcome:
    """Chains are followed, endless ones are an error (RFC 1034 §3.6.2)."""
    return _ENDLESS if is_endless(answer) else Outcome("NOERROR", answer)


def _start_task(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work, name=name)


@dataclass(slots=True)
class Resolver:
    """One resolver and its memory. `forwards_to`: let these do the work; `stale`: rather old data than none."""

    transport: Transport
    clock: Clock
    rng: Random
    hints: Hints = ()
    sink: Callable[[Event], None] = lambda event: None
    forwards_to: tuple[Address, ...] = ()
    stale: bool = False
    spawn: Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]] = _start_task
    cache: Cache = field(init=False)
    descent: Descent = field(init=False)
    _searches: Once[tuple[DomainName, str], Outcome] = field(init=False, default_factory=Once)

    def __post_init__(self) -> None:
        self.cache = Cache(self.clock, self.stale)
        standings = Standings(self.clock, self.rng)
        exchange = Exchange(self.transport, standings, self.clock)
        top = tuple((address, name) for name, known in self.hints for address in known)
        forwarders = tuple((address, ROOT) for address in self.forwards_to)
        self.descent = Descent(
            exchange, self.cache, self.clock, self.sink, forwarders or top, bool(forwarders), self._records
        )

    # -- a client's question ------------------------------------------------------------------------------

    async def resolve(self, name: DomainName, type: str) -> Outcome:
        """The whole answer; never raises for what the DNS says."""
        return self.known(name, type) or await self.search(name, type)

    def known(self, name: DomainName, type: str) -> Outcome | None:
        """The answer that needs nobody to be asked."""
        outcome = self.recall(name, type)
        return outcome and self._rather_stale(name, type, outcome)

    def still_says(self, name: DomainName, type: str, answer: RRset) -> bool:
        """Whether these very records, and no alias, are what memory has to say now."""
        return self.cache.get(name, type) is answer and not self.cache.failed(name, type)

    def search(self, name: DomainName, type: str) -> Awaitable[Outcome]:
        """The answer that is not known. Identical questions share one search (R15)."""
        search = self._searches.do((name, type), partial(self._search, name, type))
        return self._patiently(name, type, search) if self.stale else search

    def _rather_stale(self, name: DomainName, type: str, outcome: Outcome) -> Outcome:
        """Old data in the place of a failure, where they are kept (R16)."""
        old = self.cache.stale(name, type) if outcome.rcode == "SERVFAIL" else None
        return Outcome("NOERROR", old, why=ExtendedError(ede.STALE)) if old else outcome

    async def _patiently(self, name: DomainName, type: str, search: Coroutine[Any, Any, Outcome]) -> Outcome:
        """The outcome of the search, or of none that takes longer than one waits where there is stale data to
        give (R16)."""
        if not self.cache.stale(name, type):
            return self._rather_stale(name, type, await search)
        task = self.spawn(search, f"resolve {name} {type}")
        done, _ = await asyncio.wait([task], timeout=STALE_AFTER)
        return self._rather_stale(name, type, task.result() if done else _TOO_LONG)

    async def _search(self, name: DomainName, type: str) -> Outcome:
        purse = Purse(self.clock.elapsed() + LONGEST_SEARCH)
        outcome = await self._pursue(Errand(name, type, purse))
        if outcome.rcode == "SERVFAIL":
            self.cache.fail(name, type)
        return outcome

    def recall(self, name: DomainName, type: str) -> Outcome | None:
        """The whole answer from memory alone; None when a part of it is missing (R14)."""
        chain: RRset = ()
        while not is_endless(chain):
            if self.cache.failed(name, type):
                return _AGAIN
            match self._known(name, type):
                case Alias(records=records, target=name):
                    chain += records
                case Answered(records=records):
                    return _whole(chain + records)
                case Nothing(rcode=rcode, soa=soa):
                    return Outcome(rcode, chain, soa)
                case _:
                    return None
        return _ENDLESS

    def closest_cut(self, name: DomainName) -> RRset:
        """The servers of the deepest zone known above a name, for a client that wants no recursion."""
        known = (self.cache.get(zone, "NS", Rank.REFERRAL) for zone in name.ancestors())
        return next((servers for servers in known if servers), ())

    # -- the search ---------------------------------------------------------------------------------------

    async def _pursue(self, errand: Errand) -> Outcome:
        """Follow a name and its aliases to their end."""
        chain: RRset = ()
        while not is_endless(chain):
            match self._known(errand.name, errand.type) or await self.descent.find(errand):
                case Answered(records=records):
                    return _whole(chain + records)
                case Nothing(rcode=rcode, soa=soa):
                    return Outcome(rcode, chain, soa)
                case Alias(records=records, target=target):
                    chain += records
                    errand = errand.renamed(target)
                case Failed(detail=detail):
                    return _failure(ede.NO_REACHABLE_AUTHORITY, detail)
        return _ENDLESS

    async def _records(self, errand: Errand) -> RRset:
        return (await self._pursue(errand)).answer

    def _known(self, name: DomainName, type: str) -> Answered | Alias | Nothing | None:
        """What needs nobody to be asked."""
        own = special(name, type)
        if own is not None:
            return own
        if records := self.cache.get(name, type):
            return Answered(records)
        alias = self.cache.get(name, "CNAME") if type != "CNAME" else None
        if alias and isinstance(alias[0].data, CNAME):
            return Alias(alias, alias[0].data.target)
        denial = self.cache.denied(name, type)
        return Nothing(denial.rcode, denial.soa) if denial else None
