"""References between the things of a topology: hosts that are named, name servers, delegations.

The rule: a name that leads nowhere is an error at the place where it is written, with the nearest name there is.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.names import DomainName
from lab.topology.codes import CODES
from lab.topology.draft import Draft, Organisation
from lab.topology.gather import aliased, full_name, is_address
from lab.topology.shorthand import closest
from lab.topology.source import Path
from lab.wire.zonefile import relative


def _codes(draft: Draft) -> None:
    for index, code in enumerate(draft.topology.faults_on_purpose):
        if code not in CODES:
            hint = closest(code, CODES) or "codes are like T021; lab check shows them"
            draft.complain("T060", f"there is no fault '{code}'", ("faults_on_purpose", index), hint=hint)


def _links(draft: Draft) -> None:
    places = {"*", *draft.sites, *draft.organisations, *(site.place for site in draft.sites.values())}
    for index, link in enumerate(draft.topology.links):
        for end, place in enumerate(link.between):
            if place not in places:
                sentence = f"'{place}' is neither a host nor a domain of this lab"
                hint = closest(place, sorted(places))
                draft.complain("T013", sentence, ("links", index, "between", end), hint=hint)


def _host_references(draft: Draft) -> None:
    """`resolver:`, `smarthost:`, `home:` and `forwards_to:` name hosts."""
    for name, path, domain in _references(draft):
        full = full_name(name, domain)
        if full not in draft.sites and not is_address(full):
            hint = closest(full, _candidates(draft, path))
            draft.complain("T013", f"there is no host {full} in this lab", path, hint=hint)
        elif path[-1] == "resolver" and not is_address(full) and draft.sites[full].resolver is None:
            hint = "name it under 'resolvers:' at the top of the file"
            draft.complain("T013", f"{full} is not a resolver", path, hint=hint)


def _candidates(draft: Draft, path: Path) -> list[DomainName]:
    resolvers_only = path[-1] == "resolver" or "forwards_to" in path
    return [site.name for site in draft.sites.values() if site.resolver is not None or not resolvers_only]


def _references(draft: Draft) -> Iterator[tuple[DomainName, Path, DomainName]]:
    for organisation in draft.organisations.values():
        domain, shape, path = organisation.domain, organisation.shape, organisation.path
        if shape.resolver is not None:
            yield shape.resolver, (*path, "resolver"), domain
        if shape.home is not None:
            yield shape.home, (*path, "home"), domain
        for key, host in shape.hosts.items():
            if host.resolver is not None:
                yield host.resolver, (*path, "hosts", key, "resolver"), domain
            if host.mail is not None and host.mail.smarthost is not None:
                yield host.mail.smarthost, (*path, "hosts", key, "mail", "smarthost"), domain
    for name, resolver in draft.topology.resolvers.items():
        for index, other in enumerate(resolver.forwards_to):
            yield other, ("resolvers", str(name), "forwards_to", index), name


def _two_jobs(draft: Draft) -> None:
    for site in draft.sites.values():
        if site.resolver is not None and site.zones:
            sentence = f"{site.name} cannot be resolver and name server ({site.zones[0]}) at once"
            hint = "give one of the two jobs to another host"
            draft.complain("T016", sentence, ("resolvers", str(site.name)), key=True, hint=hint)


def _delegations(draft: Draft) -> None:
    """Whom the parent points to, where the file says that by itself."""
    for organisation in draft.organisations.values():
        stated, path = organisation.shape.delegation, (*organisation.path, "delegation")
        if stated is None:
            continue
        if not stated and not _delegated_by_hand(draft, organisation):
            hint = f"or write the NS into the records of {organisation.domain.parent}"
            sentence = f"nobody points to {organisation.domain}: it cannot be found"
            draft.complain("T049", sentence, path, hint=hint, warning=True)
        for server in stated:
            _served_by(draft, organisation.domain, server, path)


def _delegated_by_hand(draft: Draft, organisation: Organisation) -> bool:
    above = draft.zone_of(organisation.domain.parent)
    return any(r.type == "NS" for r in above.written.at(organisation.domain))


def _served_by(draft: Draft, origin: DomainName, server: DomainName, path: Path) -> None:
    site = draft.sites.get(server)
    if site is not None and origin not in site.zones:
        sentence = f"{server} does not serve {origin}, and the parent points to it"
        hint = "add it to the domain's name_servers, or point to " + ", ".join(draft.zones[origin].servers)
        draft.complain("T030", sentence, path, token=str(server), hint=hint)


def _name_servers(draft: Draft) -> None:
    for zone in draft.zones.values():
        for index, server in enumerate(zone.servers if zone.path else ()):
            name_checks(draft, server, "NS", zone.origin, (*zone.path, "name_servers", index))


def name_checks(draft: Draft, target: DomainName, kind: str, owner: DomainName, path: Path) -> None:
    """What an MX or NS may not name: an address, an alias, nobody."""
    address, alias = ("T021", "T022") if kind == "MX" else ("T023", "T024")
    article = "an MX" if kind == "MX" else "an NS"
    if is_address(target):
        sentence = f"the {kind} of {owner} names an address, {target}"
        draft.complain(
            address, sentence, path, token=str(target), hint=f"{article} names a host, never an address"
        )
    elif (host := aliased(draft, target)) != target:
        sentence = f"the {kind} of {owner} names an alias, {target}"
        draft.complain(alias, sentence, path, token=str(target), hint=f"name the host itself, {host}")
    elif not target.is_root and not has_address(draft, target):
        sentence = f"the {kind} of {owner} names {target}, and no host of this lab is called so"
        likely = [f"{target.partition('.')[0]}.{owner}", *draft.sites]
        draft.complain("T025", sentence, path, token=str(target), hint=closest(target, likely))


def meant(draft: Draft, origin: DomainName, name: DomainName) -> DomainName | None:
    """What a name in a zone would be without the origin behind it, if that is a name of this lab."""
    if origin.is_root or name == origin or not name.is_within(origin):
        return None
    rest = DomainName(relative(name, origin))
    known = rest in draft.sites or any(above in draft.organisations for above in rest.ancestors())
    return rest if known and "." in rest else None


def has_address(draft: Draft, name: DomainName) -> bool:
    written = draft.zone_of(name).written.at(name)
    return name in draft.sites or any(r.type in ("A", "AAAA") for r in written)


NAME_RULES = (_codes, _links, _host_references, _two_jobs, _delegations, _name_servers)
