"""A host's stub resolver: it asks the host's resolvers in turn, as the C library does from resolv.conf.

The rule: never an exception for what the DNS says. Five seconds a resolver, all of them twice; a resolver that
fails or refuses is passed over for the next, and what the last of them said is the answer. No memory: that is
the resolver's. Identical questions at the same moment share one search.

Law: RFC 1034 §5.3.1 (stubs), RFC 1123 §6.1.3; resolv.conf(5): timeout 5, attempts 2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, ClassVar

from lab.dns.exchange import Exchange, Transport
from lab.dns.keeper import record_form
from lab.dns.once import Once
from lab.dns.special import special
from lab.dns.standing import Standings
from lab.dns.trace import roots, trace
from lab.dns.transport import Network
from lab.dns.verdict import Answered, asked_for, follow
from lab.dns.zone import addresses_of
from lab.errors import WrongUse
from lab.events import NameResolved
from lab.fabric.ambient import AMBIENT, ATTENDED
from lab.fabric.base import Host
from lab.names import ROOT, Address, BadName, DomainName, parse_address
from lab.values import dataclass, made_often
from lab.wire.dns import Malformed, Message, Question, brief, extended_errors, type_number
from lab.wire.records import Answer

PATIENCE = 5.0
ATTEMPTS = 2
CUT_OFF = "the answer does not fit into a datagram (TC), and none comes over TCP"
_NEXT_PLEASE = ("SERVFAIL", "REFUSED", "NOTIMP", "FORMERR")


@made_often
@dataclass(frozen=True, slots=True)
class Told:
    """A resolver's reply, or None when none came; `via` is who was asked last."""

    message: Message | None
    via: str = ""


class Stub:
    """One host's. Registers the console's answer `resolve`, which is what `lab dig` shows."""

    __slots__ = ("_host", "_questions", "_transport")
    questions: ClassVar[Mapping[str, str]] = {"resolve": "dig"}

    def __init__(self, host: Host, transport: Transport | None = None) -> None:
        self._host = host
        self._transport = transport
        self._questions: Once[tuple[DomainName, str], Told] = Once()
        host.console.staff(self)

    @property
    def transport(self) -> Transport:
        """Made when it is first used: a stream of chance takes 2.5 kB, and most hosts of a large lab never ask."""
        if self._transport is None:
            self._transport = Network(self._host.rng("stub queries"))
        return self._transport

    async def resolve(self, name: DomainName, type: str, queue_id: str = "", beside: str = "") -> Answer:
        """The records of a name, aliases followed (`envelope.Resolve`). `beside`: see `NameResolved`."""
        elapsed = self._host.clock.elapsed
        start = elapsed()
        told = await self._told(name, type)
        answer = answer_in(told.message, name, type)
        found = tuple([brief(record.data) for record in answer.records])
        took = round(elapsed() - start, 6)
        why = "; ".join(reasons(told.message))
        self._host.log(NameResolved(name, type, answer.rcode, found, told.via, took, queue_id, why, beside))
        return answer

    async def _told(self, name: DomainName, type: str) -> Told:
        own = special(name, type)
        if own is not None:
            records = own.records if isinstance(own, Answered) else ()
            rcode = "NOERROR" if isinstance(own, Answered) else own.rcode
            return Told(Message(response=True, rcode=rcode, question=Question(name, type), answer=records))
        return await self._questions.do((name, type), partial(self._from_here, name, type))

    def _from_here(self, name: DomainName, type: str) -> Awaitable[Told]:
        """As a task of the host, whoever calls: a question never leaves from the machine's own network. The
        host's own programs are there already."""
        at_home = AMBIENT.get() is self._host and not ATTENDED.get()
        work = self._ask_all(name, type)
        return work if at_home else self._host.spawn(work)

    async def _ask_all(self, name: DomainName, type: str) -> Told:
        last, question = Told(None), Question(name, type)
        for address in self._turns():
            message = await self._ask(address, question)
            if message is not None or last.message is None:
                last = Told(message, address)
            if message is not None and message.rcode not in _NEXT_PLEASE and not message.tc:
                break
        return last

    def _turns(self) -> tuple[Address, ...]:
        """Whom to ask, in turn; a resolver that names no other asks itself."""
        plan = self._host.plan
        return (plan.resolvers or (plan.addresses[:1] if plan.resolver else ())) * ATTEMPTS

    async def _ask(self, address: Address, question: Question, rd: bool = True) -> Message | None:
        """One resolver's reply, over TCP where UDP has no room for it, or cut off (TC) where TCP fails; None when
        none comes."""
        reply, ask = None, self.transport.ask
        try:
            reply = await ask(address, question, PATIENCE, rd=rd, edns=True, tcp=False)
            if reply.tc:
                reply = await ask(address, question, PATIENCE, rd=rd, edns=True, tcp=True)
        except (OSError, Malformed):
            pass
        return reply

    # -- lab dig ------------------------------------------------------------------------------------------

    async def dig(self, request: dict[str, Any]) -> dict[str, Any]:
        """{name, type, server?, rd?, trace?} → what dig shows, as JSON. `server` is a name or an address."""
        name, kind = _read_question(request)
        if request.get("trace"):
            return await self._trace(name, kind)
        server = request.get("server") or ""
        if server:
            address = await self._address(server)
            told = Told(await self._ask(address, Question(name, kind), bool(request.get("rd", True))), address)
        else:
            told = await self._told(name, kind)
        return dig_form(told)

    async def _trace(self, name: DomainName, type: str) -> dict[str, Any]:
        """The same from the client's own way down; the last step's message is the answer."""
        clock, plan = self._host.clock, self._host.plan.resolver
        exchange = Exchange(self.transport, Standings(clock, self._host.rng("trace")), clock)
        start = plan.hints if plan else await roots(self.resolve)
        steps = [step async for step in trace(exchange, self.resolve, start, name, type)]
        last = steps[-1] if steps else None
        told = Told(last.message, last.address) if last else Told(None)
        return {**dig_form(told), "trace": [step.to_json() for step in steps]}

    async def _address(self, server: str) -> Address:
        try:
            return parse_address(server)
        except BadName:
            pass
        name = DomainName.parse(server)
        for kind in ("A", "AAAA"):
            found = addresses_of((await self.resolve(name, kind)).records)
            if found:
                return found[0]
        raise WrongUse(f"the server {server} has no address here", code="D004")


def _read_question(request: dict[str, Any]) -> tuple[DomainName, str]:
    kind = str(request.get("type") or "A").upper()
    try:
        type_number(kind)
    except ValueError as error:
        raise WrongUse(str(error), remedy="For example: A, AAAA, MX, NS, TXT, SOA, CNAME, PTR, ANY") from None
    return DomainName.parse(str(request["name"])), kind


def answer_in(message: Message | None, name: DomainName, type: str) -> Answer:
    """What a resolver's reply says to the question, aliases followed. One that is cut off says nothing; a chain
    of aliases without an end is a failure, whatever the resolver thinks of it."""
    if message is None or message.tc:
        return Answer(name, type, "TIMEOUT")
    _, last = follow(name, type, ROOT, message.answer)
    records = asked_for(last, type, message.answer)
    endless = not records and any(r.name == last and r.type == "CNAME" for r in message.answer)
    return Answer(name, type, "SERVFAIL" if endless else message.rcode, records, last)


def reasons(message: Message | None) -> list[str]:
    """Why it is as it is, in the servers' own words (RFC 8914)."""
    if message is not None and message.tc:
        return [CUT_OFF]
    edns = message.edns if message else None
    return [str(error) for error in extended_errors(edns.options)] if edns and edns.options else []


def dig_form(told: Told) -> dict[str, Any]:
    """A reply as `lab dig --json` prints it."""
    message = told.message or Message(rcode="TIMEOUT")
    return {
        "rcode": message.rcode,
        "aa": message.aa,
        "flags": [flag for flag in ("aa", "tc", "rd", "ra", "ad", "cd") if getattr(message, flag)],
        "server": told.via,
        "why": reasons(message),
        "answers": [record_form(record) for record in message.answer],
        "authority": [record_form(record) for record in message.authority],
        "additional": [record_form(record) for record in message.additional],
        "trace": [],
    }
