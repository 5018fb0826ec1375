"""Down the tree: from a cut to the servers of the next, until one says more than where to ask.

The rule: nothing is spent without limit. A client's question has one purse of questions and seconds for all
that it leads to (RFC 9520 §3.1), a search for the address of a server never leads in a circle, and a server
that was of no use is not asked again for the same question.

Law: RFC 1034 §5.3.3 (the loop), RFC 9609 (hints are for priming), RFC 2181 §5.4.1 (what is learned, by rank),
RFC 1034 §7.1 (glueless servers are names like others).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from lab.clock import Clock
from lab.dns.cache import Cache
from lab.dns.exchange import Exchange
from lab.dns.lesson import Lesson, lesson
from lab.dns.verdict import (
    MOST_SERVERS,
    Answered,
    Failed,
    Nothing,
    Referral,
    Verdict,
    targets,
)
from lab.dns.zone import RRset, addresses_of
from lab.events import Event, HopAnswered
from lab.names import ROOT, Address, DomainName
from lab.values import dataclass, made_often

MOST_QUESTIONS = 64
"""What one question of a client may cost (RFC 9520 §3.1; NXNSAttack, 2020)."""
MOST_NESTED = 6
"""How deep the search for a server's address may lead to another's."""
MOST_SEARCHES = 64
"""How many searches for servers' addresses one question of a client may lead to; they may cost no question each,
and would otherwise be as many as servers to the power of `MOST_NESTED`."""
MOST_PLACES = 40
"""Addresses of one zone's servers that are thought of."""
TURNS = 3

Places = dict[Address, DomainName]
"""Where servers are, and which."""

Trouble = dict[Address, tuple[str, str]]
"""Servers that were of no use: which, and how."""


@made_often
@dataclass(frozen=True, slots=True)
class Cut:
    """A zone and the names of its servers. `glue` came with the referral; `fixed` are root hints and forwarders,
    which need no search."""

    zone: DomainName
    servers: tuple[DomainName, ...]
    glue: RRset = ()
    fixed: tuple[tuple[Address, DomainName], ...] = ()


@dataclass(slots=True)
class Purse:
    """What is left to spend on one client's question."""

    deadline: float
    questions: int = MOST_QUESTIONS
    searches: int = MOST_SEARCHES

    @property
    def is_spent(self) -> bool:
        return self.questions <= 0 or self.searches <= 0


@made_often
@dataclass(frozen=True, slots=True)
class Errand:
    """What is looked for, and for the sake of what: `because` holds the questions above this one."""

    name: DomainName
    type: str
    purse: Purse
    because: tuple[tuple[DomainName, str], ...] = ()

    def nested(self, name: DomainName, type: str) -> Errand | None:
        """An errand for the sake of this one; None when it leads in a circle or too deep (R6)."""
        path = (*self.because, (self.name, self.type))
        return None if (name, type) in path or len(path) >= MOST_NESTED else Errand(name, type, self.purse, path)

    def renamed(self, name: DomainName) -> Errand:
        return Errand(name, self.type, self.purse, self.because)


@dataclass(frozen=True, slots=True)
class Descent:
    """The way down. `top` are the root hints or, with `forwarding`, servers that do the rest; `look_up` finds a
    server's addresses, as any name's."""

    exchange: Exchange
    cache: Cache
    clock: Clock
    sink: Callable[[Event], None]
    top: tuple[tuple[Address, DomainName], ...]
    forwarding: bool
    look_up: Callable[[Errand], Awaitable[RRset]]

    async def find(self, errand: Errand) -> Verdict:
        """What the tree says to the errand; never a referral."""
        cut = self._start(errand) or await self._prime(errand)
        while True:
            verdict = await self._ask_zone(cut, errand)
            if not isinstance(verdict, Referral):
                return verdict
            cut = Cut(verdict.zone, verdict.servers, verdict.glue)

    def _start(self, errand: Errand) -> Cut | None:
        """The deepest cut with servers that can be reached (R1); None: not even the root's are known."""
        if self.forwarding:
            return Cut(ROOT, (), fixed=self.top)
        above = errand.name.parent if errand.type == "DS" else errand.name
        for zone in above.ancestors():
            known = self.cache.lead(zone, "NS")
            servers = targets(known)[:MOST_SERVERS] if known else ()
            if servers and any(not name.is_within(zone) or self.cache.places(name) for name in servers):
                return Cut(zone, servers)
        return None

    async def _prime(self, errand: Errand) -> Cut:
        """The root's servers, asked of those that the hints name (R2)."""
        hints = Cut(ROOT, (), fixed=self.top)
        if (errand.name, errand.type) == (ROOT, "NS"):
            return hints
        verdict = await self._ask_zone(hints, Errand(ROOT, "NS", errand.purse))
        return (
            Cut(ROOT, targets(verdict.records)[:MOST_SERVERS], fixed=self.top)
            if isinstance(verdict, Answered)
            else hints
        )

    # -- the servers of one zone --------------------------------------------------------------------------

    async def _ask_zone(self, cut: Cut, errand: Errand) -> Verdict:
        """Ask a zone's servers, one after the other, again with more patience, until one is of use."""
        trouble: Trouble = {}
        for turn in range(TURNS):
            places = self._places(cut)
            if trouble:
                places = {at: server for at, server in places.items() if _may_still(trouble.get(at))}
            verdict = await self._ask_each(cut, places, errand, turn, trouble)
            if verdict is None and turn == 0:
                verdict = await self._ask_the_unplaced(cut, errand, trouble)
            if verdict is not None:
                return verdict
        return Failed("servfail", _summary(cut, trouble))

    async def _ask_each(
        self, cut: Cut, places: Places, errand: Errand, turn: int, trouble: Trouble
    ) -> Verdict | None:
        for address in self.exchange.standings.order(list(places), cut.zone):
            server = places[address]
            verdict = await self._ask(cut, server, address, errand, turn)
            if not isinstance(verdict, Failed):
                return verdict
            trouble[address] = (address if server.is_root else server, verdict.outcome)
        return None

    async def _ask_the_unplaced(self, cut: Cut, errand: Errand, trouble: Trouble) -> Verdict | None:
        """Servers that came without an address: each is looked up only when those before it were of no use."""
        for server in cut.servers:
            if errand.purse.is_spent:
                break
            if not self._addresses(cut, server):
                places = await self._place(server, errand)
                verdict = await self._ask_each(cut, places, errand, 0, trouble)
                if verdict is not None:
                    return verdict
        return None

    async def _place(self, server: DomainName, errand: Errand) -> Places:
        """Look a server's address up like any other name (R6)."""
        for kind in ("A", "AAAA"):
            nested = errand.nested(server, kind)
            if nested is None or errand.purse.is_spent:
                continue
            errand.purse.searches -= 1
            if found := addresses_of(await self.look_up(nested), None):
                return dict.fromkeys(found[:MOST_PLACES], server)
        return {}

    def _places(self, cut: Cut) -> Places:
        """The servers whose addresses are known now."""
        found = [(address, name) for name in cut.servers for address in self._addresses(cut, name)]
        return dict(found[:MOST_PLACES]) or dict(cut.fixed)

    def _addresses(self, cut: Cut, name: DomainName) -> Sequence[Address]:
        return self.cache.places(name) or addresses_of(cut.glue, name)

    # -- one server ---------------------------------------------------------------------------------------

    async def _ask(self, cut: Cut, server: DomainName, address: Address, errand: Errand, turn: int) -> Verdict:
        """Ask one server once, learn from it, and tell what it said."""
        purse = errand.purse
        standing = self.exchange.standings.of(address)
        patience = min(standing.patience(turn), purse.deadline - self.clock.elapsed())
        if purse.questions <= 0 or patience <= 0:
            return Failed("servfail", "this search has cost enough (RFC 9520)")
        purse.questions -= 1
        reply = await self.exchange.ask(errand.name, errand.type, address, patience, recurse=self.forwarding)
        if isinstance(reply, Failed):
            verdict: Verdict = reply
            detail = reply.detail
        else:
            learned = lesson(errand.name, errand.type, cut.zone, reply)
            verdict, detail = learned.verdict, learned.shown
            self._learn(errand, learned)
        outcome = verdict.outcome
        if outcome in ("lame", "refused", "servfail"):
            self.exchange.standings.lame(address, cut.zone)
        host = "" if server.is_root else server
        self.sink(HopAnswered(errand.name, errand.type, cut.zone, host, address, outcome, detail))
        return verdict

    def _learn(self, errand: Errand, learned: Lesson) -> None:
        """Remember what was said."""
        verdict = learned.verdict
        if isinstance(verdict, Nothing):
            self.cache.deny(errand.name, errand.type, verdict.rcode, verdict.soa)
        for rrset, rank in learned.rrsets:
            self.cache.put(rrset, rank)


def _may_still(trouble: tuple[str, str] | None) -> bool:
    """Whether to ask a server again: who was silent may only be slow."""
    return trouble is None or trouble[1] == "timeout"


def _summary(cut: Cut, trouble: Trouble) -> str:
    zone = "the root" if cut.zone.is_root else cut.zone
    if not trouble:
        return f"no address is known of any server of {zone}"
    return f"no answer from the servers of {zone}: {', '.join(f'{who} ({how})' for who, how in trouble.values())}"
