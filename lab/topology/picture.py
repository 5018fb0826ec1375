"""What a drawing of a mini-Internet shows, whoever draws it: the tree of zones above, organisations below.

The rule: the picture is a function of the plan, nothing is started. Reverse zones are left out, and of many
organisations only the first are shown, with a word on how many more there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lab.names import ROOT, DomainName
from lab.topology.plan import HostPlan, LinkPlan, Plan
from lab.values import dataclass
from lab.wire.records import MX, NS, Record

FEW = 48
"""So many organisations are legible on a screen."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One MX: `domain`'s mail goes to `host`, the lower preference first."""

    domain: DomainName
    preference: int
    host: DomainName


@dataclass(frozen=True, slots=True)
class Group:
    """An organisation with its hosts, or the lab's own hosts under the name ""."""

    name: str
    hosts: tuple[HostPlan, ...]
    exchanges: tuple[Exchange, ...] = ()
    people: int = 0


@dataclass(frozen=True, slots=True)
class Delegation:
    """`parent` points to `child`."""

    parent: DomainName
    child: DomainName


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    upper: tuple[tuple[DomainName, tuple[HostPlan, ...]], ...]
    """The root and the registries: zone and servers, from the top down."""
    groups: tuple[Group, ...]
    delegations: tuple[Delegation, ...]
    links: tuple[LinkPlan, ...]
    more: int = 0


def picture(plan: Plan) -> Picture:
    """The drawing's content."""
    places = list(dict.fromkeys(host.organisation for host in plan.hosts))
    upper = list(_upper(plan))
    organisations = [place for place in places if place and DomainName(place) not in upper]
    shown = organisations[:FEW]
    groups = tuple(_group(plan, place) for place in [*shown, ""])
    return Picture(
        plan.name,
        tuple((origin, tuple(_servers(plan, origin))) for origin in upper),
        tuple(group for group in groups if group.hosts),
        tuple(_delegations(plan, {*upper, *map(DomainName, shown)}, upper)),
        plan.links,
        len(organisations) - len(shown),
    )


def _upper(plan: Plan) -> Iterator[DomainName]:
    """Zones whose servers belong to no organisation: the root, be, com, ac.uk."""
    own = {host.organisation for host in plan.hosts if host.mail or host.resolver} - {""}
    for host in plan.hosts:
        if host.organisation in own:
            continue
        for origin in host.zones:
            if origin.is_root or (origin == host.organisation and _only_delegates(plan, origin)):
                yield origin


def _only_delegates(plan: Plan, origin: DomainName) -> bool:
    records = islice(plan.zones[origin].records, 200)
    return any(r.type == "NS" and r.name != origin for r in records)


def _servers(plan: Plan, origin: DomainName) -> Iterator[HostPlan]:
    names = plan.zones[origin].servers
    return (host for host in plan.hosts if host.name in names)


def _group(plan: Plan, place: str) -> Group:
    hosts = [host for host in plan.hosts if host.organisation == place and ROOT not in host.zones]
    if not place:
        return Group("", tuple(hosts))
    records = plan.zones[DomainName(place)].records if DomainName(place) in plan.zones else ()
    people = sum(len(host.mail.mailboxes) for host in hosts if host.mail)
    return Group(place, tuple(hosts), tuple(_exchanges(records)), people)


def _exchanges(records: tuple[Record, ...]) -> Iterator[Exchange]:
    found = [(r.name, r.data) for r in records if isinstance(r.data, MX)]
    for name, data in sorted(found, key=lambda pair: (len(pair[0]), pair[0], pair[1].preference)):
        yield Exchange(name, data.preference, data.exchange)


def _delegations(plan: Plan, shown: set[DomainName], upper: list[DomainName]) -> Iterator[Delegation]:
    for parent in upper:
        children = (r.name for r in plan.zones[parent].records if isinstance(r.data, NS) and r.name != parent)
        yield from (Delegation(parent, child) for child in dict.fromkeys(children) if child in shown)
