"""A great many mail domains, cheaply: a zone is made when someone asks for it.

The rule: a population costs its hosts and nothing else. Domain n is known by its number: its name says it, its
address follows from the block, its name server from the share. So zones (and their parents' delegations) are
arithmetic, not memory; 100,000 hosts are planned in about a second at less than 1 kB each.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import field

from lab.names import Address, DomainName, EmailAddress
from lab.topology import model
from lab.topology.addresses import Space
from lab.topology.draft import Draft
from lab.topology.gather import REVERSE
from lab.topology.plan import HostPlan, MailboxPlan, MailPlan, ZonePlan
from lab.topology.postal import NO_ALIASES, NO_SETTINGS
from lab.topology.services import autoconfig_name, service_records
from lab.topology.teams import numbered
from lab.topology.zoning import addresses, reverse_zone, soa
from lab.values import dataclass
from lab.wire.records import MX, NS, PTR, A, Record


@dataclass(slots=True)
class Population:
    """The domains by their number, from 0. `parent` is the zone that delegates them."""

    shape: model.Population
    parent: DomainName
    servers: dict[DomainName, tuple[Address, ...]]
    ttl: int
    hosts: tuple[HostPlan, ...] = ()
    domains: dict[DomainName, int] = field(default_factory=dict)
    blocks: dict[DomainName, list[int]] = field(default_factory=dict)
    """Reverse zones: the numbers of the first domain in each, and of the one after the last."""
    tls: bool = True
    _names: tuple[DomainName, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._names = tuple(self.servers)

    def server(self, number: int) -> DomainName:
        return self._names[number // self.shape.per_authority]

    def zone(self, number: int) -> ZonePlan:
        """The zone of one domain: SOA, NS, MX, the address of its mail host, and its services."""
        host, ttl, server = self.hosts[number], self.ttl, self.server(number)
        domain = host.name.parent
        records = (
            soa(domain, server, ttl),
            Record(domain, ttl, NS(server)),
            Record(domain, ttl, MX(10, host.name)),
            Record(host.name, ttl, A(host.addresses[0])),
            *service_records(domain, host.name, ttl, self.tls),
            Record(autoconfig_name(domain), ttl, A(host.addresses[0])),
        )
        return ZonePlan(domain, records, (server,))

    def delegations(self, ttl: int) -> Iterator[Record]:
        """What the parent zone says of them, with the addresses of their name servers."""
        data = {server: NS(server) for server in self.servers}
        yield from (Record(domain, ttl, data[self.server(number)]) for domain, number in self.domains.items())
        for server, found in list(self.servers.items())[_PRIMARIES:]:
            yield from addresses(server, found, ttl)

    def reverse_delegations(self, ttl: int) -> Iterator[Record]:
        return (Record(origin, ttl, NS(self.server(first))) for origin, (first, _) in self.blocks.items())

    def reverse(self, origin: DomainName) -> ZonePlan:
        first, _ = self.blocks[origin]
        server = self.server(first)
        pointers = self.pointers(origin)
        records = (soa(origin, server, self.ttl), Record(origin, self.ttl, NS(server)), *pointers)
        return ZonePlan(origin, records, (server,))

    def pointers(self, origin: DomainName) -> Iterator[Record]:
        first, last = self.blocks[origin]
        return (Record(_pointer(host.addresses[0]), self.ttl, PTR(host.name)) for host in self.hosts[first:last])


class Zones(Mapping[DomainName, ZonePlan]):
    """The zones of a plan with a population in it. Equal to a dict of all of them, made one by one."""

    def __init__(self, written: Mapping[DomainName, ZonePlan], population: Population) -> None:
        self._written = written
        self._population = population
        self._grown: dict[DomainName, ZonePlan] = {}

    def __getitem__(self, origin: DomainName) -> ZonePlan:
        people = self._population
        if origin in self._written:
            return self._with_population(origin)
        number = people.domains.get(origin)
        return people.zone(number) if number is not None else people.reverse(origin)

    def _with_population(self, origin: DomainName) -> ZonePlan:
        """A zone of the file, and what the population adds to it; kept, because a parent zone is large."""
        zone, people = self._written[origin], self._population
        if origin not in self._grown:
            more: list[Record] = []
            if origin == people.parent:
                more += people.delegations(zone.records[0].ttl)
            if origin == REVERSE:
                more += people.reverse_delegations(zone.records[0].ttl)
            if origin in people.blocks:
                more += people.pointers(origin)
            if not more:
                return zone
            self._grown[origin] = ZonePlan(origin, (*zone.records, *more), zone.servers)
        return self._grown[origin]

    def __contains__(self, origin: object) -> bool:
        people = self._population
        return origin in self._written or origin in people.domains or origin in people.blocks

    def __iter__(self) -> Iterator[DomainName]:
        yield from self._written
        yield from self._population.domains
        yield from (origin for origin in self._population.blocks if origin not in self._written)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_PRIMARIES = 2
"""So many of the provider's name servers serve its own zone, and have their glue from there."""


def provider(shape: model.Population) -> tuple[DomainName, model.Domain]:
    """The organisation whose name servers serve a population."""
    servers = provider_hosts(shape)
    hosts = {str(server): model.Host() for server in servers}
    return servers[0].parent, model.Domain(name_servers=servers[:_PRIMARIES], hosts=hosts)


def provider_hosts(shape: model.Population | None) -> list[DomainName]:
    if shape is None:
        return []
    count = -(-shape.count // shape.per_authority)
    pattern = f"ns{{n}}.hosting.{_pattern_parent(shape)}"
    return [numbered(pattern, number, count) for number in range(1, count + 1)]


def _pattern_parent(shape: model.Population) -> DomainName:
    return numbered(shape.domain, 1, shape.count).parent


def populate(draft: Draft, space: Space, resolvers: tuple[Address, ...]) -> Population | None:
    """The hosts of the population, and the numbers from which their zones are made."""
    shape = draft.topology.population
    if shape is None:
        return None
    parent = draft.zone_of(_pattern_parent(shape)).origin
    servers = {name: draft.sites[name].addresses for name in provider_hosts(shape) if name in draft.sites}
    if len(servers) < len(provider_hosts(shape)):
        return None  # the provider's domain is somebody else's: told as T014
    people = Population(shape, parent, servers, draft.topology.ttl)
    people.tls = draft.topology.mail.settings.get("starttls") != "no"
    people.hosts = tuple(_hosts(draft.topology, people, space, resolvers))
    return people


def _hosts(
    topology: model.Topology, people: Population, space: Space, resolvers: tuple[Address, ...]
) -> Iterator[HostPlan]:
    shape, mail = people.shape, topology.mail
    settings = mail.settings or NO_SETTINGS
    before, after = _around(shape)
    width, block, last = len(str(shape.count)), "", [0, 0]
    for number, address in enumerate(space.spread(shape.count)):
        domain = DomainName(f"{before}{number + 1:0{width}}{after}")
        people.domains[domain] = number
        if not address.startswith(block) or not block:
            block = address[: address.rindex(".") + 1]
            last = people.blocks.setdefault(reverse_zone(_pointer(address)), [number, number])
        last[1] = number + 1
        box = MailboxPlan(EmailAddress(f"{shape.person}@{domain}"), "secret")
        post = MailPlan(
            (domain,),
            (box,),
            NO_ALIASES,
            (),
            (),
            mail.smarthost,
            mail.policy,
            mail.schedule,
            mail.size_limit,
            settings,
        )
        yield HostPlan(DomainName(f"mail.{domain}"), (address,), domain, resolvers, (), None, post)


def _around(shape: model.Population) -> tuple[str, str]:
    """What stands before and after the number in every name."""
    width = len(str(shape.count))
    name = numbered(shape.domain, 1, shape.count)
    before, _, after = name.partition(f"{1:0{width}}")
    return before, after


def zones_served(people: Population) -> dict[DomainName, list[DomainName]]:
    """The zones of the population by the server that has them."""
    found: dict[DomainName, list[DomainName]] = {server: [] for server in people.servers}
    for domain, number in people.domains.items():
        found[people.server(number)].append(domain)
    for origin, (first, _) in people.blocks.items():
        found[people.server(first)].append(origin)
    return found


def _pointer(address: Address) -> DomainName:
    return DomainName(ipaddress.ip_address(address).reverse_pointer)
