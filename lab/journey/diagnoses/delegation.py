"""Delegations: why the way down to a domain's servers leads nowhere, or to the wrong place.

The rule: what the zone above says of a zone is held against what is true of its servers: who has the zone, and
where. RFC 1034 §4.2.1 (delegation and glue), §4.2.2 (both sides agree), RFC 1912 §2.8 (lame).
"""

from __future__ import annotations

from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found
from lab.journey.diagnoses.search import AGAIN, Search, failed, met, points, serves
from lab.journey.world import Cut, hop
from lab.names import DomainName
from lab.topology.plan import HostPlan


def _wrong_glue(case: Case) -> Found | None:
    """The parent's address of a server is not the server's."""
    search = failed(case, "SERVFAIL")
    for entry in search.useless if search else ():
        one = hop(entry)
        host = case.world.host(one.server)
        if search and host is not None and one.address not in host.addresses:
            cut = search.cut
            notes = [*([points(cut)] if cut else []), f"{host.name} has the address {', '.join(host.addresses)}"]
            facts = {"server": one.server, "address": one.address, **_fix(search, cut, host, one.address)}
            return search.found(*notes, *met(search.world, [entry]), **facts)
    return None


def _fix(search: Search, cut: Cut | None, host: HostPlan, wrong: str) -> dict[str, str]:
    """What to type: the zone above says it wrongly, or it is right and its server tells something else."""
    if cut is not None and wrong not in cut.glue.get(host.name, ()):
        above = search.world.plan.zones[cut.parent].servers[0]
        return {"fix": f"lab heal {above}", "above": above}
    where = cut.parent if cut else "ZONE"
    lines = f'--remove "{host.name}. A {wrong}" --add "{host.name}. A {host.addresses[0]}"'
    return {"fix": f"lab zone {where} {lines}"}


def _lame(case: Case) -> Found | None:
    search = failed(case, "SERVFAIL")
    lame = [one for one in search.useless if hop(one).outcome in ("lame", "refused")] if search else []
    if search is None or not lame:
        return None
    cut, server, outcome = search.cut, hop(lame[0]).server, hop(lame[0]).outcome
    host = case.world.host(server)
    has_it = host is not None and DomainName(search.zone) in host.zones
    how = "does not serve it: a lame delegation" if not has_it else _LAME[outcome]
    notes = [*([points(cut)] if cut else []), serves(case.world, search.zone), *met(case.world, lame)]
    parent = cut.parent.fqdn if cut else "the parent"
    return search.found(*notes, server=server, parent=parent, how=how)


_LAME = {
    "lame": "answers as if it did not have it: it is lame",
    "refused": "refuses to answer for it: it is lame",
}
"""Of a server that should know."""


def _no_way(case: Case) -> tuple[Search, Cut] | None:
    """The search ended at a delegation whose servers have no address."""
    search = failed(case, "SERVFAIL")
    if search is None or search.useless or not search.asked:
        return None
    by_name = [one for one in search.asked if hop(one).name == search.event.name]
    if not by_name or hop(by_name[-1]).outcome != "referral":
        return None
    cut = case.world.cut(hop(by_name[-1]).zone, search.event.name, search.entry.n)
    return (search, cut) if cut else None


def _missing_glue(case: Case) -> Found | None:
    way = _no_way(case)
    if way is None:
        return None
    search, cut = way
    inside = [one for one in cut.servers if DomainName(one).is_within(cut.zone) and not cut.glue.get(one)]
    if len(inside) < len(cut.servers):
        return None
    host = case.world.host(inside[0])
    address = host.addresses[0] if host and host.addresses else "ADDRESS"
    facts = {"zone": cut.zone.fqdn, "parent": cut.parent.fqdn, "server": inside[0], "address": address}
    return search.found(points(cut), f"the address of {inside[0]} stands in {cut.zone.fqdn} only", **facts)


def _circle(case: Case) -> Found | None:
    """Two zones, each served by a host whose name lies in the other."""
    way = _no_way(case)
    if way is None:
        return None
    search, cut = way
    last = hop(search.asked[-1])
    other = case.world.cut(last.zone, last.name, search.entry.n) if last.outcome == "referral" else None
    if other is None or other.zone == cut.zone or not DomainName(other.servers[0]).is_within(cut.zone):
        return None
    facts = {"zone": cut.zone.fqdn, "server": cut.servers[0], "other": other.zone.fqdn, "back": other.servers[0]}
    return search.found(points(cut), points(other), **facts)


def _server_without_address(case: Case) -> Found | None:
    way = _no_way(case)
    if way is None:
        return None
    search, cut = way
    seen = [hop(one) for one in search.asked if hop(one).name in cut.servers]
    notes = dict.fromkeys(f"{one.server} on {one.name}: {one.detail}" for one in seen if one.outcome != "referral")
    facts = {"zone": cut.zone.fqdn, "parent": cut.parent.fqdn, "server": cut.servers[0]}
    return search.found(points(cut), *notes, **facts)


def _not_delegated(case: Case) -> Found | None:
    """The domain has a zone, and the zone above does not point to it."""
    search = failed(case, "NXDOMAIN")
    zone = case.world.zone_of(search.event.name) if search else None
    if search is None or zone is None or not search.asked or DomainName(search.zone) == zone:
        return None
    if zone == search.zone or not zone.is_within(DomainName(search.zone)):
        return None
    if case.world.cut(search.zone, zone, search.entry.n) is not None:
        return None
    servers = case.world.plan.zones[zone].servers
    label = zone.removesuffix("." + search.zone)
    host = case.world.host(servers[0])
    inside = host is not None and servers[0].is_within(zone)
    glue = f' --add "{servers[0]}. A {host.addresses[0]}"' if host and inside else ""
    facts = {"child": zone.fqdn, "origin": search.zone, "label": label, "server": servers[0], "glue": glue}
    return search.found(serves(case.world, zone), *met(search.world, search.asked[-1:]), **facts)


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D105",
        "wrong glue",
        "The glue for {server} is wrong: the zone above sends everyone to {address}.",
        "glue is a copy of the name server's address, and has to agree with it",
        "RFC 1034 §4.2.2, RFC 1912 §2.3",
        "{fix}, then  lab clock +2h",
        "A name server whose name lies in the zone that it serves cannot be found by its name alone, so the "
        "zone above gives its address along: glue. When the server moves and the glue does not, everyone "
        "asks a place where it no longer is.",
        _wrong_glue,
        (AGAIN, "lab explain glue"),
    ),
    Diagnosis(
        "D103",
        "lame delegation",
        "{parent} points to {server} for {zone}, and {server} {how}.",
        "every server that a zone is delegated to has to answer for it with authority",
        "RFC 1912 §2.8, RFC 4697 §2.2",
        "Give {server} the zone, or point the NS records in {parent} to a server that has it{onward}",
        "Delegation is a promise of the zone above: whoever it names knows the answers. A server that was "
        "named and knows nothing of the zone refuses, or sends the asker elsewhere. Most come from a server "
        "that was changed in one of the two places only.",
        _lame,
        (AGAIN, "lab explain delegation"),
    ),
    Diagnosis(
        "D104",
        "missing glue",
        "{server} serves {zone} and lies inside it, and {parent} gives no address for it: glue is missing.",
        "a name server inside the zone that it serves needs its address beside the delegation",
        "RFC 1034 §4.2.1",
        'lab zone {parent} --add "{server}. A {address}"{onward}',
        "To find the server one would have to ask the server. The zone above breaks the circle by giving its "
        "address along with its name, in a referral; without that nobody gets in.",
        _missing_glue,
        (AGAIN, "lab explain glue"),
    ),
    Diagnosis(
        "D122",
        "two delegations that need each other",
        "To find {server} of {zone} one needs {other}, whose server {back} lies in {zone} again: a circle.",
        "somewhere on the way a server's address has to be given along with its name",
        "RFC 1034 §4.2.1, RFC 1912 §2.3",
        "Give one of the zones a name server whose name lies inside it, with glue{onward}",
        "Neither delegation needs glue by the letter of the law, since each server's name lies in another "
        "zone. Together they do: each address can be found only through the other.",
        _circle,
        (AGAIN, "lab explain glue"),
    ),
    Diagnosis(
        "D117",
        "a name server without an address",
        "{parent} points to {server} for {zone}, and no such host is to be found.",
        "a zone is delegated to hosts by their names, and these have to lead to addresses",
        "RFC 1034 §4.2.1, RFC 1912 §2.8",
        "Name a server that exists in {parent}, or give {server} an address{onward}",
        "The delegation names a host elsewhere, so a resolver looks that name up first, as any other. When "
        "it has no address the search ends there.",
        _server_without_address,
        (AGAIN, "lab dig {server}"),
    ),
    Diagnosis(
        "D111",
        "nobody points to the domain",
        "{child} has a zone and servers, but the zone above, {zone}, does not point to it: NXDOMAIN.",
        "a name is found from the root downwards; without a delegation the zone above denies it",
        "RFC 1034 §4.2.1, RFC 2308 §2.1",
        'lab zone {origin} --add "{label} NS {server}."{glue}, then  lab clock +2m{onward}',
        "A zone can be perfect and invisible: who asks comes from above, and is told there that no such name "
        "exists. The registry has to enter the NS records.",
        _not_delegated,
        (AGAIN, "lab explain delegation"),
    ),
)
