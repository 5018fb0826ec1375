"""A topology becomes a plan: gather, address, delegate, deliver, in this order.

The rule: the same file gives the same plan, whatever the machine and the day. What is wrong on the way is kept as
problems, so that all of them are told at once.
"""

from __future__ import annotations

from dataclasses import replace

from lab.names import ROOT, Address, BadName, DomainName, parse_address
from lab.topology import model
from lab.topology.addresses import OVERFLOW
from lab.topology.addressing import address_hosts
from lab.topology.breaking import fault_plans
from lab.topology.draft import Draft, Site
from lab.topology.gather import STUDENT, full_name, gather, organisations, settle_zones
from lab.topology.lint import lint
from lab.topology.plan import HostPlan, Link, LinkPlan, Plan, ResolverPlan
from lab.topology.population import Population, Zones, populate, provider, provider_hosts, zones_served
from lab.topology.postal import give_homes, mail_plan
from lab.topology.source import Source
from lab.topology.teams import team_domains
from lab.topology.zoning import Where, zone_plans

Hints = tuple[tuple[DomainName, tuple[Address, ...]], ...]


def make_plan(topology: model.Topology, source: Source) -> tuple[Plan, Draft]:
    """The plan, and the draft it was made from, which has every problem that was met."""
    draft = Draft(topology, source)
    organisations(draft, topology.domains, ("domains",))
    organisations(draft, team_domains(topology.teams), ("teams",))
    if topology.population is not None:
        organisations(draft, dict([provider(topology.population)]), ("population",))
    settle_zones(draft)
    gather(draft)
    for server in provider_hosts(topology.population):
        if server in draft.sites:
            draft.sites[server].kind = "dns"
    space = address_hosts(draft)
    give_homes(draft)
    where = {site.name: site.addresses for site in draft.sites.values()}
    zones = zone_plans(draft, where)
    lint(draft, zones)
    hosts = _hosts(draft, where)
    people = populate(draft, space, hosts[-1].resolvers)
    all_hosts = tuple(hosts) if people is None else _peopled(hosts, people)
    plan = Plan(
        name=topology.name,
        hosts=all_hosts,
        zones=zones if people is None else Zones(zones, people),
        links=tuple(_links(draft)),
        ranges=(*topology.ranges, *([OVERFLOW] if space.overflowed else [])),
        source=source.name,
        seed=topology.seed,
        faults=fault_plans(draft, all_hosts),
    )
    return plan, draft


def _hosts(draft: Draft, where: Where) -> list[HostPlan]:
    """From the root outwards: root, registries, name servers, resolvers, mail hosts; the student last."""
    hints = tuple((name, where.get(name, ())) for name in draft.zones[ROOT].servers)
    default = next((site for site in draft.sites.values() if site.resolver is not None), None)
    local = {site.place: site for site in reversed(draft.sites.values()) if site.resolver is not None}
    order = {place: index for index, place in enumerate(draft.organisations)}
    sites = sorted(draft.sites.values(), key=lambda site: (_rank(site), order.get(DomainName(site.place), -1)))
    return [_host(draft, site, local.get(site.place, default), where, hints) for site in sites]


def _peopled(hosts: list[HostPlan], people: Population) -> tuple[HostPlan, ...]:
    served = zones_served(people)
    found = (
        replace(host, zones=(*host.zones, *served[host.name])) if host.name in served else host for host in hosts
    )
    return (*found, *people.hosts)


def _rank(site: Site) -> int:
    if site.name == STUDENT:
        return 9
    if site.resolver is not None:
        return 3
    if site.zones or site.kind == "dns":
        return 0 if ROOT in site.zones else 1 if site.kind == "root" else 2
    return 4 if site.is_mail_host else 5


def _host(draft: Draft, site: Site, near: Site | None, where: Where, hints: Hints) -> HostPlan:
    own = site.addresses if site.resolver is not None else None
    asks = own or _asked(draft, site, where) or (near.addresses if near else ())
    return HostPlan(
        name=site.name,
        addresses=site.addresses,
        organisation=site.place,
        resolvers=tuple(asks),
        zones=tuple(site.zones),
        resolver=_resolver(site.resolver, where, hints) if site.resolver is not None else None,
        mail=mail_plan(draft, site),
        software=tuple(site.shape.software),
        image=site.shape.image,
        command=tuple(site.shape.command),
    )


def _asked(draft: Draft, site: Site, where: Where) -> tuple[Address, ...]:
    """The resolver that the file gives a host, or its organisation."""
    organisation = draft.organisation_of(site.name)
    stated = site.shape.resolver or (organisation.shape.resolver if organisation else None)
    if stated is None:
        return ()
    return located(full_name(stated, DomainName(site.place)), where)


def located(name: DomainName, where: Where) -> tuple[Address, ...]:
    """The addresses of a host; an address stands for itself."""
    try:
        return (parse_address(name),)
    except BadName:
        return where.get(name, ())


def _resolver(shape: model.Resolver, where: Where, hints: Hints) -> ResolverPlan:
    forwards = tuple(address for name in shape.forwards_to for address in located(name, where))
    return ResolverPlan(hints, tuple(shape.serves), forwards, shape.stale)


def _links(draft: Draft) -> list[LinkPlan]:
    return [
        LinkPlan(line.between[0], line.between[1], Link(line.latency, line.jitter, line.loss, line.bandwidth))
        for line in draft.topology.links
    ]
