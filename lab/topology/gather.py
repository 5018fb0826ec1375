"""From what the file says to the hosts and zones it means: the first half of the planning.

The rule: nothing is invented that the file names. A name server, an MX inside one of the lab's domains, a resolver
is a host even if `hosts:` does not list it; every zone above a domain is a registry; the lab adds a root, a
student's host, and a resolver where the file has none.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from lab.names import ROOT, BadName, DomainName, parse_address
from lab.topology import model, shorthand
from lab.topology.draft import Draft, Organisation, Site, Zone
from lab.topology.source import Path
from lab.topology.written import read_written
from lab.wire.records import CNAME, MX, NS

STUDENT = DomainName("student")
RESOLVER = DomainName("resolver")
A_ROOT = DomainName("a.root")
REVERSE = DomainName("in-addr.arpa")


def gather(draft: Draft) -> None:
    """Organisations are in the draft, and what was written by hand in their zones; hosts and zones follow."""
    _zones(draft)
    read_written(draft)
    follow_zone_files(draft)
    for organisation in draft.organisations.values():
        _declared(draft, organisation)
    _resolvers(draft)
    _name_servers(draft)
    for organisation in draft.organisations.values():
        _exchangers(draft, organisation)
    _site(draft, STUDENT, "", ())


def organisations(draft: Draft, domains: dict[DomainName, model.Domain], root: Path) -> None:
    """Enter domains that stand at `root` in the file."""
    for domain, shape in domains.items():
        path = (*root, str(domain)) if root == ("domains",) else root
        if domain in draft.organisations:
            draft.complain("T014", f"{domain} is already an organisation of this lab", path, key=True)
        else:
            draft.organisations[domain] = Organisation(domain, shape, path, domain)


def settle_zones(draft: Draft) -> None:
    """A domain inside another's is part of its zone, unless it has name servers or a zone file of its own."""
    for organisation in draft.organisations.values():
        shape = organisation.shape
        if shape.name_servers or shape.zone_file or shape.delegation is not None:
            continue
        above = draft.organisation_of(organisation.domain.parent)
        if above is not None:
            organisation.zone = _top(draft, above).zone


def _top(draft: Draft, organisation: Organisation) -> Organisation:
    """The organisation whose zone this one's records are in."""
    shape = organisation.shape
    if shape.name_servers or shape.zone_file or shape.delegation is not None:
        return organisation
    above = draft.organisation_of(organisation.domain.parent)
    return _top(draft, above) if above else organisation


def _zones(draft: Draft) -> None:
    topology = draft.topology
    root = topology.root
    draft.zones[ROOT] = Zone(ROOT, list(root.name_servers) or [A_ROOT], ("root",), root.ttl)
    for origin in _registries(draft):
        shape = topology.registries.get(origin, model.Registry())
        servers = list(shape.name_servers) or [DomainName(f"ns.{origin}")]
        draft.zones[origin] = Zone(origin, servers, ("registries", str(origin)), shape.ttl)
    for organisation in draft.organisations.values():
        if organisation.has_zone:
            draft.zones[organisation.domain] = _own_zone(draft, organisation)


def _own_zone(draft: Draft, organisation: Organisation) -> Zone:
    shape = organisation.shape
    servers = list(shape.name_servers) or [DomainName(f"ns.{organisation.domain}")]
    ttl = shape.ttl if shape.ttl is not None else draft.topology.ttl
    return Zone(organisation.domain, servers, organisation.path, ttl, shape.delegation)


def _registries(draft: Draft) -> list[DomainName]:
    """Every zone above a domain that is not itself a domain of the file, from the top down, by name."""
    found = dict.fromkeys(draft.topology.registries)
    for organisation in draft.organisations.values():
        if organisation.has_zone:
            found.update(dict.fromkeys(_above(draft, organisation.domain)))
    return sorted(found, key=lambda name: (len(name.labels), name))


def follow_zone_files(draft: Draft) -> None:
    """A zone file says itself who serves the zone, unless the topology does."""
    for organisation in draft.organisations.values():
        zone = draft.zones.get(organisation.domain)
        if zone is not None and zone.written.whole and not organisation.shape.name_servers:
            found = (r.data.target for r in zone.written.at(zone.origin) if isinstance(r.data, NS))
            zone.servers = list(dict.fromkeys(found)) or zone.servers


def _above(draft: Draft, domain: DomainName) -> Iterator[DomainName]:
    for name in domain.parent.ancestors():
        if name in draft.organisations:
            return
        if not name.is_root:
            yield name


def _declared(draft: Draft, organisation: Organisation) -> None:
    domain, path = organisation.domain, organisation.path
    for key, shape in organisation.shape.hosts.items():
        name = _host_name(draft, key, organisation)
        if name is not None:
            site = _site(draft, name, str(organisation.zone), (*path, "hosts", key), shape)
            if shape.mail is not None:
                site.is_mail_host, site.kind = True, "mail"
    if organisation.shape.address:
        host = model.Host(address=organisation.shape.address)
        _site(draft, domain, str(organisation.zone), (*path, "address"), host)


def _host_name(draft: Draft, key: str, organisation: Organisation) -> DomainName | None:
    path = (*organisation.path, "hosts", key)
    try:
        name = shorthand.domain(key)
    except PydanticCustomError as error:
        hint = str((error.context or {})["hint"])
        draft.complain("T007", str((error.context or {})["plain"]), path, key=True, hint=hint)
        return None
    if "." not in name and name != organisation.domain:
        return DomainName(f"{name}.{organisation.domain}")
    if not name.is_within(organisation.domain):
        hint = f"list it under the domain it belongs to, or call it {name.split('.')[0]}.{organisation.domain}"
        draft.complain("T017", f"{name} is not in {organisation.domain}", path, key=True, hint=hint)
        return None
    if name in draft.sites:
        draft.complain("T017", f"{name} is already a host of this lab", path, key=True)
        return None
    return name


def _resolvers(draft: Draft) -> None:
    for name, shape in draft.topology.resolvers.items():
        place = draft.organisation_of(name)
        site = _site(draft, name, str(place.zone) if place else "", ("resolvers", str(name)), kind="dns")
        site.resolver = shape
        site.shape = site.shape.model_copy(update={key: getattr(shape, key) for key in _said(shape)})
    if not draft.topology.resolvers:
        _site(draft, RESOLVER, "", (), kind="dns").resolver = model.Resolver()


def _said(shape: model.Machine) -> set[str]:
    """What a resolver or registry says of the host it stands on."""
    return {"address", *model.Machine.model_fields} & shape.model_fields_set


def _name_servers(draft: Draft) -> None:
    for zone in draft.zones.values():
        for name in zone.servers:
            if is_address(name):
                continue
            _serving(draft, zone, name)


def _serving(draft: Draft, zone: Zone, name: DomainName) -> None:
    organisation = draft.organisation_of(name)
    kind = "root" if zone.path[0] in ("root", "registries") else "dns"
    if organisation is not None:
        _site(draft, name, str(organisation.zone), (*zone.path, "name_servers"), kind="dns")
    elif zone.path[0] in ("root", "registries"):
        place = "" if zone.origin.is_root else str(zone.origin)
        registry = draft.topology.root if zone.origin.is_root else draft.topology.registries.get(zone.origin)
        said = {key: getattr(registry, key) for key in _said(registry)} if registry else {}
        if name != zone.servers[0]:
            said.pop("address", None)
        host = model.Host().model_copy(update=said)
        _site(draft, name, place, (*zone.path, "address"), host, kind)


def _exchangers(draft: Draft, organisation: Organisation) -> None:
    """Whoever an MX names is a mail host, if it is of this lab; a domain with people and no MX is its own."""
    for index, mx in enumerate(organisation.shape.mx):
        path = (*organisation.path, "mx", index, "exchange")
        _exchanger(draft, full_name(mx.exchange, organisation.domain), path)
    for record in draft.zone_of(organisation.domain).written.at(organisation.domain):
        if isinstance(record.data, MX):
            _exchanger(draft, record.data.exchange, organisation.path)
    own = draft.sites.get(organisation.domain)
    if own is not None and organisation.shape.people and not organisation.shape.mx:
        own.is_mail_host = True
    if organisation.shape.home is not None:
        _exchanger(draft, full_name(organisation.shape.home, organisation.domain), (*organisation.path, "home"))


def _exchanger(draft: Draft, exchange: DomainName, path: Path) -> None:
    name = aliased(draft, exchange)
    owner = draft.organisation_of(name)
    if owner is not None and not is_address(name):
        site = _site(draft, name, str(owner.zone), path, kind="mail")
        site.is_mail_host = True
        site.kind = site.kind if site.kind != "other" else "mail"


def aliased(draft: Draft, name: DomainName) -> DomainName:
    """The host that a name stands for, when a hand-written CNAME says that it stands for another."""
    for _ in range(8):
        records = draft.zone_of(name).written.at(name)
        target = next((r.data.target for r in records if isinstance(r.data, CNAME)), None)
        if target is None:
            break
        name = target
    return name


def full_name(name: DomainName, domain: DomainName) -> DomainName:
    """`mail` alone is a host of the domain it is written under."""
    return DomainName(f"{name}.{domain}") if "." not in name and name not in (ROOT, domain) else name


def is_address(name: DomainName) -> bool:
    try:
        parse_address(name)
    except BadName:
        return False
    return True


def _site(
    draft: Draft,
    name: DomainName,
    place: str,
    path: Path,
    shape: model.Host | None = None,
    kind: str = "other",
) -> Site:
    """The host of this name, entered now if it is new."""
    site = draft.sites.get(name)
    if site is None:
        site = draft.sites[name] = Site(name, place, path, kind, shape or model.Host())
    elif site.kind == "other":
        site.kind = kind
    return site
