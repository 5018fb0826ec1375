"""What a server's response means to a resolver that asked it within a zone.

The rule: a pure function of the question, the zone and the message. Only what is at or below the zone counts
(R3), a referral must go strictly down towards the name (R4), and content decides, not the AA bit alone (R5).

Law: RFC 1034 §5.3.3, RFC 2181 §5.4.1, RFC 2308 §2, RFC 4697 §2.1, RFC 5452 §6.
"""

from __future__ import annotations

from lab.dns.zone import RRset
from lab.dns.zones import MOST_ALIASES
from lab.names import DomainName
from lab.values import dataclass, made_often
from lab.wire.dns import Message, brief
from lab.wire.records import AAAA, CNAME, NS, SOA, A, Record


@made_often
@dataclass(frozen=True, slots=True)
class Answered:
    """The records asked for, behind the aliases that led to them."""

    records: RRset
    outcome = "answer"


@dataclass(frozen=True, slots=True)
class Alias:
    """The name is another name for `target`, of which this server did not say more."""

    records: RRset
    target: DomainName
    outcome = "cname"


@made_often
@dataclass(frozen=True, slots=True)
class Referral:
    """Other servers know: those of `zone`. `glue`: their addresses, as far as this server may speak of them."""

    zone: DomainName
    servers: tuple[DomainName, ...]
    records: RRset
    glue: RRset
    outcome = "referral"


@dataclass(frozen=True, slots=True)
class Nothing:
    """No such name (NXDOMAIN), or no such type at it (NOERROR). Without an SOA nothing to remember."""

    rcode: str
    soa: RRset

    @property
    def outcome(self) -> str:
        return "nxdomain" if self.rcode == "NXDOMAIN" else "nodata"


@dataclass(frozen=True, slots=True)
class Failed:
    """This server is of no use for this question."""

    outcome: str
    detail: str


Verdict = Answered | Alias | Referral | Nothing | Failed

MOST_SERVERS = 20
"""Of one zone; the root has 13, and a zone that names thousands means no good (NXNSAttack, 2020)."""

_FAILURES = {
    "SERVFAIL": Failed("servfail", "it failed itself"),
    "REFUSED": Failed("refused", "it does not answer for this name"),
    "FORMERR": Failed("formerr", "it did not understand the question"),
    "NOTIMP": Failed("formerr", "it does not know how to do that"),
    "BADVERS": Failed("formerr", "it does not know this version of EDNS"),
}


def classify(name: DomainName, type: str, zone: DomainName, message: Message) -> Verdict:
    """What `message` says to (name, type), asked of a server of `zone`."""
    if message.rcode not in ("NOERROR", "NXDOMAIN"):
        return _FAILURES.get(message.rcode) or Failed("lame", f"its reply is {message.rcode}")
    if message.answer:
        aliases, last = follow(name, type, zone, message.answer)
        found = asked_for(last, type, message.answer)
        if found and last.is_within(zone):
            return Answered(aliases + found)
        if aliases:
            return Alias(aliases, last)
    return _without_answer(name, zone, message)


def asked_for(name: DomainName, type: str, records: RRset) -> RRset:
    """Those of this name and type."""
    return tuple([r for r in records if r.name == name and (r.data.type == type or type == "ANY")])


def follow(name: DomainName, type: str, zone: DomainName, answer: RRset) -> tuple[RRset, DomainName]:
    """The aliases from a name on, as far as this zone can vouch for them, and the name at their end."""
    path: list[Record] = []
    seen = [name]
    while type not in ("CNAME", "ANY") and name.is_within(zone) and len(seen) <= MOST_ALIASES:
        step = _alias_of(name, answer)
        if step is None or not isinstance(step.data, CNAME) or step.data.target in seen:
            break
        path += [r for r in answer if r.type == "DNAME" and name != r.name and name.is_within(r.name)]
        path.append(step)
        name = step.data.target
        seen.append(name)
    return tuple(path), name


def _alias_of(name: DomainName, answer: RRset) -> Record | None:
    for record in answer:
        if isinstance(record.data, CNAME) and record.name == name:
            return record
    return None


def is_endless(answer: RRset) -> bool:
    """Whether more aliases lead through it than are followed."""
    return len(answer) > MOST_ALIASES and [r.type for r in answer].count("CNAME") > MOST_ALIASES


def _without_answer(name: DomainName, zone: DomainName, message: Message) -> Verdict:
    soa: RRset = ()
    servers = []
    for record in message.authority:
        if isinstance(record.data, NS):
            servers.append(record)
        elif not soa and isinstance(record.data, SOA) and _between(record.name, zone, name):
            soa = (record,)
    if message.rcode == "NXDOMAIN":
        return Nothing("NXDOMAIN", soa)
    if soa:
        return Nothing("NOERROR", soa)
    if servers:
        return _referral(name, zone, servers, message)
    if message.aa:
        return Nothing("NOERROR", ())
    return Failed("lame", "an empty reply that claims no authority")


def _referral(name: DomainName, zone: DomainName, found: list[Record], message: Message) -> Verdict:
    cut = found[0].name
    if cut != zone and _between(cut, zone, name):
        records = tuple([r for r in found if r.name == cut])
        servers = targets(records)[:MOST_SERVERS]
        return Referral(cut, servers, records, tuple([r for r in addresses(message, zone) if r.name in servers]))
    if cut == zone and message.aa:
        return Nothing("NOERROR", ())
    way = "to itself" if cut == zone else "upward" if zone.is_within(cut) else "sideways"
    return Failed("lame", f"it refers {way}, to {cut.fqdn}, for a name in {zone.fqdn} (RFC 4697 §2.1)")


def _between(origin: DomainName, zone: DomainName, name: DomainName) -> bool:
    return origin.is_within(zone) and name.is_within(origin)


def targets(servers: RRset) -> tuple[DomainName, ...]:
    """The hosts of an NS RRset."""
    return tuple([record.data.target for record in servers if isinstance(record.data, NS)])


def addresses(message: Message, zone: DomainName) -> RRset:
    """The additional addresses that the zone's servers may speak of (R3)."""
    return tuple([r for r in message.additional if isinstance(r.data, _PLACES) and r.name.is_within(zone)])


_PLACES = (A, AAAA)


def shown(verdict: Verdict) -> str:
    """The verdict in a few words."""
    match verdict:
        case Answered(records=records):
            return ", ".join(brief(record.data) for record in records)
        case Alias(target=target):
            return f"→ {target}"
        case Referral(zone=zone, servers=servers):
            return f"→ {zone.fqdn} NS {', '.join(servers)}"
        case Nothing(rcode=rcode):
            return "no such name" if rcode == "NXDOMAIN" else "no record of this type"
        case Failed(detail=detail):
            return detail
