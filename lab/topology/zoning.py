"""Zones filled with records: SOA, NS, MX, addresses, services, delegations with their glue, and the reverse zones.

The rule: a parent's NS set is the child's (unless the file says otherwise), and every server of a delegation that
lies in the parent's own part of the tree comes with its address (RFC 1034 §4.2.1, RFC 9471 §2). A zone given as a
file is served as it is.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import field

from lab.names import ROOT, Address, DomainName
from lab.topology.draft import Draft, Organisation, Zone
from lab.topology.gather import REVERSE, full_name
from lab.topology.plan import ZonePlan
from lab.topology.services import autoconfig_name, service_records
from lab.values import dataclass
from lab.wire.records import AAAA, MX, NS, PTR, SOA, A, Rdata, Record

NEGATIVE_TTL = 60
REVERSE_SIX = DomainName("ip6.arpa")

Where = dict[DomainName, tuple[Address, ...]]


@dataclass(slots=True)
class _Index:
    """What belongs to which zone, by the zone's origin: gathered once, so that many zones cost what few do."""

    where: Where
    hosts: dict[DomainName, list[DomainName]] = field(default_factory=lambda: defaultdict(list))
    organisations: dict[DomainName, list[Organisation]] = field(default_factory=lambda: defaultdict(list))
    cuts: dict[DomainName, list[Zone]] = field(default_factory=lambda: defaultdict(list))
    pointers: dict[DomainName, list[Record]] = field(default_factory=lambda: defaultdict(list))


def zone_plans(draft: Draft, where: Where) -> dict[DomainName, ZonePlan]:
    """Every zone of the draft, the reverse zones among them, with all its records."""
    index = _Index(where)
    _add_reverse(draft, index)
    for zone in draft.zones.values():
        for server in zone.servers:
            if server in draft.sites:
                draft.sites[server].zones.append(zone.origin)
    for name in where:
        index.hosts[draft.zone_of(name).origin].append(name)
    for organisation in draft.organisations.values():
        index.organisations[organisation.zone].append(organisation)
    for zone in draft.zones.values():
        if not zone.origin.is_root:
            index.cuts[draft.zone_of(zone.origin.parent).origin].append(zone)
    return {zone.origin: _plan(draft, zone, index) for zone in draft.zones.values()}


def _plan(draft: Draft, zone: Zone, index: _Index) -> ZonePlan:
    written = tuple(zone.written.records)
    if zone.written.whole:
        return ZonePlan(zone.origin, written, tuple(zone.servers))
    derived = (
        *_apex(zone),
        *_exchangers(zone, index),
        *_hosts(zone, index),
        *_services(draft, zone, index),
        *_cuts(draft, zone, index),
        *index.pointers[zone.origin],
    )
    return ZonePlan(zone.origin, tuple(_merged(derived, written)), tuple(zone.servers))


def _merged(derived: Iterable[Record], written: tuple[Record, ...]) -> Iterator[Record]:
    """What is written replaces a derived SOA or address of the same name; all else stands side by side."""
    replaced = {(r.name, r.type) for r in written if r.type in ("SOA", "A", "AAAA")}
    replaced |= {(r.name, kind) for r in written if r.type == "CNAME" for kind in ("A", "AAAA")}
    found = [*(r for r in derived if (r.name, r.type) not in replaced), *written]
    yield from (r for r in found if r.type == "SOA")
    yield from dict.fromkeys(r for r in found if r.type != "SOA")


def soa(origin: DomainName, primary: DomainName, ttl: int) -> Record:
    keeper = DomainName.parse("hostmaster", origin)
    return Record(origin, ttl, SOA(primary, keeper, 1, 3600, 900, 604_800, NEGATIVE_TTL))


def _apex(zone: Zone) -> Iterator[Record]:
    yield soa(zone.origin, zone.servers[0], zone.ttl)
    for server in zone.servers:
        yield Record(zone.origin, zone.ttl, NS(server))


def _exchangers(zone: Zone, index: _Index) -> Iterator[Record]:
    for organisation in index.organisations[zone.origin]:
        ttl = zone.ttl if organisation.shape.ttl is None else organisation.shape.ttl
        for mx in organisation.shape.mx:
            exchange = full_name(mx.exchange, organisation.domain)
            yield Record(organisation.domain, ttl, MX(mx.preference, exchange))


def _services(draft: Draft, zone: Zone, index: _Index) -> Iterator[Record]:
    """What mail programs look for, in every domain whose mail has a home."""
    for organisation in index.organisations[zone.origin]:
        home = draft.sites.get(organisation.home) if organisation.home is not None else None
        if home is not None:
            shape = home.shape.mail or draft.topology.mail
            tls = {**draft.topology.mail.settings, **shape.settings}.get("starttls") != "no"
            yield from service_records(organisation.domain, home.name, zone.ttl, tls)
            name = autoconfig_name(organisation.domain)
            if name not in index.where:
                yield from addresses(name, home.addresses, zone.ttl)


def _hosts(zone: Zone, index: _Index) -> Iterator[Record]:
    for name in index.hosts[zone.origin]:
        yield from addresses(name, index.where[name], zone.ttl)


def addresses(name: DomainName, found: Iterable[Address], ttl: int) -> Iterator[Record]:
    """The A and AAAA records of a host."""
    for address in found:
        data: Rdata = AAAA(address) if ":" in address else A(address)
        yield Record(name, ttl, data)


def _cuts(draft: Draft, zone: Zone, index: _Index) -> Iterator[Record]:
    """NS and glue for every zone right below this one."""
    glued: dict[DomainName, None] = {}
    for child in index.cuts[zone.origin]:
        for server in child.servers if child.delegation is None else child.delegation:
            yield Record(child.origin, zone.ttl, NS(server))
            if server.is_within(zone.origin) and draft.zone_of(server) is not zone:
                glued[server] = None
    for server in glued:
        yield from addresses(server, index.where.get(server, ()), zone.ttl)


def _add_reverse(draft: Draft, index: _Index) -> None:
    """Reverse zones for every address (RFC 1035 §3.5, RFC 3596 §2.5).

    One zone a /24 (a /64 for IPv6), served by the name servers of its first host's domain; the root's servers have
    in-addr.arpa, as they had until 2011.
    """
    root = draft.zones[ROOT]
    found = [(ipaddress.ip_address(address), name) for name, own in index.where.items() for address in own]
    for address, name in sorted(found, key=lambda pair: (pair[0].version, int(pair[0]))):
        owner = DomainName(address.reverse_pointer)
        origin = reverse_zone(owner)
        top = REVERSE if address.version == 4 else REVERSE_SIX
        draft.zones.setdefault(top, Zone(top, root.servers, (), root.ttl))
        if origin not in draft.zones:
            draft.zones[origin] = Zone(origin, _keepers(draft, name), (), draft.topology.ttl)
        index.pointers[origin].append(Record(owner, draft.zones[origin].ttl, PTR(name)))


def _keepers(draft: Draft, name: DomainName) -> list[DomainName]:
    """Who serves the reverse zone of a host: its domain's name servers, the root's for the lab's own hosts."""
    organisation = draft.organisation_of(name)
    return draft.zones[organisation.zone if organisation else ROOT].servers


def reverse_zone(owner: DomainName) -> DomainName:
    keep = 18 if owner.endswith("ip6.arpa") else 5
    return DomainName(".".join(owner.split(".")[-keep:]))
