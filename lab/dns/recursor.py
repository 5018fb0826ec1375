"""A recursive resolver as a server: what its clients get on port 53.

The rule: RA is set, AA and AD never (nothing is validated), RD and CD come back as they were; without RD only
memory speaks; a stranger gets REFUSED. Everything else is the resolver's.

Law: RFC 4035 §3.2.2 (CD), RFC 6840 §5.7 (AD), RFC 5358 §4 (no open resolver), RFC 8906 §3 (header).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import field
from typing import Any

from lab.dns.authority import REMEMBERED, Authority, host_authority
from lab.dns.keeper import record_form
from lab.dns.resolver import Outcome, Resolver
from lab.dns.response import (
    PAYLOAD,
    Likeness,
    is_truncated,
    likeness,
    objection,
    read_alike,
    response_to,
    room_for,
    said_again,
)
from lab.dns.server import Asker, Reply
from lab.dns.transport import Network
from lab.dns.zone import RRset
from lab.fabric.base import Host
from lab.fabric.console import Answer
from lab.names import DomainName
from lab.recall import known_again
from lab.topology.plan import ResolverPlan, ZonePlan
from lab.values import dataclass, made_often
from lab.wire.dns import ExtendedError, Malformed, Message, Question, decode, ede, encode

MOST_CLIENTS = 1_000
"""Questions that wait for an answer at the same time (BIND's `recursive-clients`); more are SERVFAIL at once."""
_MOST_ASKERS = 4_096


@made_often
@dataclass(frozen=True, slots=True)
class _Said:
    """What was asked, the records that answered it, and the whole reply."""

    name: DomainName
    type: str
    answer: RRset
    octets: bytes


@dataclass(slots=True)
class Recursor:
    """A resolver's front. `serves` are the networks it answers (empty: everyone); a name in one of `authority`'s
    zones is answered with authority, when a host is both."""

    resolver: Resolver
    spawn: Callable[[Coroutine[Any, Any, Any], str], Any]
    authority: Authority
    serves: tuple[str, ...] = ()
    _allowed: dict[str, bool] = field(default_factory=dict)
    _waiting: int = 0
    _said: dict[Likeness, _Said] = field(default_factory=dict)

    def respond(self, octets: bytes, asker: Asker, reply: Reply) -> None:
        """A `server.Responder`."""
        like = likeness(octets, asker.stream)
        said = self._said.get(like)
        if said is not None and self._still_holds(said, asker):
            reply(said_again(said.octets, octets))
            return
        try:
            query = read_alike(like) if len(octets) <= PAYLOAD else decode(octets)
            if query.question is None:
                query = decode(octets)
        except Malformed:
            _complain(octets, reply)
            return
        if not query.response:
            self._answer(query, like, octets, asker, reply)

    def _still_holds(self, said: _Said, asker: Asker) -> bool:
        """Whether memory has the very same to say as before: then nothing is decoded, and nothing encoded."""
        return self.resolver.still_says(said.name, said.type, said.answer) and self.allows(asker.address)

    def _remember(self, question: Question, answer: RRset, octets: bytes, like: Likeness) -> None:
        """Only what is whole and came in a datagram: so much is small."""
        if is_truncated(octets):
            return
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[like] = _Said(question.name, question.type, answer, octets)

    def _answer(self, query: Message, like: Likeness, octets: bytes, asker: Asker, reply: Reply) -> None:
        """`query` is what all octets of this likeness say; the ID and spelling of these go into the answer."""
        question = query.question
        rcode = objection(query)
        if question is None:
            reply(encode(response_to(query, rcode, recursive=True)))
        elif rcode:
            reply(said_again(encode(response_to(query, rcode, recursive=True)), octets))
        elif not self.allows(asker.address):
            why = ExtendedError(ede.PROHIBITED, f"{asker.address} is in no network that this resolver serves")
            reply(said_again(encode(response_to(query, "REFUSED", recursive=True, why=why)), octets))
        elif self.authority.zones.origin_of(question.name, question.type) is not None:
            self.authority.respond(octets, asker, reply)
        else:
            self._recurse(query, question, like, octets, asker, reply)

    def _recurse(
        self, query: Message, question: Question, like: Likeness, octets: bytes, asker: Asker, reply: Reply
    ) -> None:
        name, kind = question.name, question.type
        known = self.resolver.known(name, kind) if query.rd else self._from_memory(name, kind)
        if known is not None:
            said = _encoded(query, known, room_for(query, asker.stream))
            if query.rd and not asker.stream and known.answer and known.why is None:
                self._remember(question, known.answer, said, like)
            reply(said_again(said, octets))
        elif self._waiting >= MOST_CLIENTS:
            reply(said_again(encode(response_to(query, "SERVFAIL", recursive=True, why=_BUSY)), octets))
        else:
            self._waiting += 1
            self.spawn(self._resolve(query, question, octets, asker, reply), f"answer {name} {kind}")

    def allows(self, address: str) -> bool:
        """Whether a client is in a network that is served (R19)."""
        if not self.serves:
            return True
        if address not in self._allowed:
            if len(self._allowed) >= _MOST_ASKERS:
                self._allowed.clear()
            parsed = ipaddress.ip_address(address)
            networks = [ipaddress.ip_network(text, strict=False) for text in self.serves]
            self._allowed[address] = any(parsed in network for network in networks)
        return self._allowed[address]

    def _from_memory(self, name: DomainName, type: str) -> Outcome:
        """Without RD: what is known, else where one would ask next (R14)."""
        known = self.resolver.recall(name, type)
        return known or Outcome("NOERROR", authority=self.resolver.closest_cut(name))

    async def _resolve(
        self, query: Message, question: Question, octets: bytes, asker: Asker, reply: Reply
    ) -> None:
        try:
            outcome = await self.resolver.search(question.name, question.type)
        finally:
            self._waiting -= 1
        reply(said_again(_encoded_once(query, outcome, room_for(query, asker.stream)), octets))

    @property
    def askers(self) -> int:
        """Clients whose network is remembered."""
        return len(self._allowed)


_BUSY = ExtendedError(ede.OTHER, f"{MOST_CLIENTS} questions wait for an answer already")


def _complain(octets: bytes, reply: Reply) -> None:
    """What is due to octets that are no message."""
    try:
        decode(octets)
    except Malformed as malformed:
        if malformed.reply is not None:
            reply(malformed.reply)


def _encoded(query: Message, outcome: Outcome, room: int) -> bytes:
    message = response_to(
        query,
        outcome.rcode,
        answer=outcome.answer,
        authority=outcome.authority,
        recursive=True,
        why=outcome.why,
    )
    return encode(message, room)


@known_again(most=1000)
def _encoded_once(query: Message, outcome: Outcome, room: int) -> bytes:
    """The same of what was found out just now: no second has gone by, and others find the same."""
    return _encoded(query, outcome, room)


def host_recursor(host: Host, zones: Mapping[DomainName, ZonePlan]) -> Recursor:
    """A host's resolver for its clients, and the keeper's way to what it remembers; with the host's own zones."""
    plan = host.plan.resolver
    assert plan is not None
    resolver = host_resolver(host, plan)
    serves = (*plan.serves, *host.addresses) if plan.serves else ()
    host.console.update(memory_answers(resolver))
    return Recursor(resolver, host.spawn, host_authority(host, zones), serves)


def host_resolver(host: Host, plan: ResolverPlan) -> Resolver:
    """A resolver that asks over a host's sockets, and tells the host's log."""
    return Resolver(
        Network(host.rng("dns queries")),
        host.clock,
        host.rng("dns servers"),
        plan.hints,
        host.log,
        plan.forwards_to,
        plan.stale,
        host.spawn,
    )


def memory_answers(resolver: Resolver) -> dict[str, Answer]:
    """The console's answers about what a resolver remembers: `cache` and `flush`."""

    async def show(request: dict[str, Any]) -> dict[str, Any]:
        return {"entries": cache_form(resolver)}

    async def flush(request: dict[str, Any]) -> dict[str, Any]:
        name = request.get("name")
        return {"flushed": resolver.cache.flush(DomainName.parse(name) if name else None)}

    return {"cache": show, "flush": flush}


def cache_form(resolver: Resolver) -> list[dict[str, Any]]:
    """Everything remembered, with the seconds it has left, as rows."""
    rows: list[dict[str, Any]] = []
    for (name, kind), entry, left in resolver.cache.entries():
        if not entry.records:
            what = "no such name" if entry.rcode == "NXDOMAIN" else "no record of this type"
            rows.append({"name": name.fqdn, "ttl": left, "type": kind or "ANY", "data": what, "rank": "denied"})
        for record in entry.records:
            rows.append({**record_form(record), "ttl": left, "rank": entry.rank.name.lower()})
    return rows
