"""Names: why the exchangers of a domain, or the address of one, could not be found or were not the right ones.

The rule: a search that failed says nothing about the name, so the mail waits; a no is an answer, and for good
(RFC 5321 §5.1). RFC 1034 §4.3.1 (answers), RFC 2308 (no such name, no data), RFC 9520 (failures).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab.dns.zones import MOST_ALIASES
from lab.events import ExchangersFound
from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.diagnoses.search import AGAIN, Search, failed, fqdn, met, mx_question, points
from lab.journey.model import State
from lab.journey.world import hop
from lab.names import DomainName

# -- the resolver -----------------------------------------------------------------------------------------


def _resolver_silent(case: Case) -> Found | None:
    search = failed(case, "TIMEOUT")
    if search is None:
        return None
    cut = case.world.line(search.entry.host, search.resolver, search.entry.n, "cut")
    return search.found(fix="lab heal" if cut else f"lab heal {search.resolver}")


def _forwarder(case: Case) -> Found | None:
    """The resolver asks others in place of the root, and these did not answer."""
    search = failed(case, "SERVFAIL")
    resolver = case.world.at(search.event.via) if search else None
    asked = search.useless if search else []
    if (
        search is None
        or not asked
        or resolver is None
        or not (resolver.resolver and resolver.resolver.forwards_to)
    ):
        return None
    address = hop(asked[-1]).address
    host = case.world.at(address)
    return search.found(*met(search.world, asked), server=host.name if host else address)


def _resolver_refuses(case: Case) -> Found | None:
    search = failed(case, "REFUSED")
    return search.found(*filter(None, [search.event.why])) if search else None


# -- servers ----------------------------------------------------------------------------------------------


def _servers(*outcomes: str, detail: str = "", above: bool = False) -> Predicate:
    """All that was met in the zone where the search ended; `above`: the zone is one that only delegates."""

    def applies(case: Case) -> Found | None:
        search = failed(case, "SERVFAIL")
        useless = search.useless if search else []
        if search is None or not useless or not all(hop(one).outcome in outcomes for one in useless):
            return None
        if not all(detail in hop(one).detail for one in useless):
            return None
        if above and DomainName(search.zone) == case.world.zone_of(search.event.name):
            return None
        cut = search.cut
        notes = [*([points(cut)] if cut and not above else []), *met(search.world, useless)]
        return search.found(*notes, server=hop(useless[0]).server or hop(useless[0]).address)

    return applies


def _slow(case: Case) -> Found | None:
    """The servers answer, later than anyone waits for."""
    found = _servers("timeout")(case)
    server = found.facts["server"] if found else ""
    slow = (
        [one for one in case.world.broken(server, found.entries[0].n) if "slow" in str(one.event)] if found else []
    )
    return found if slow else None


def _parted(case: Case) -> Found | None:
    """The resolver and the servers are on two sides of a cut."""
    found = _servers("timeout")(case)
    search = failed(case, "SERVFAIL")
    if found is None or search is None:
        return None
    cut = case.world.line(search.resolver, found.facts["server"], search.entry.n, "cut")
    return found if cut else None


def _search_failed(case: Case) -> Found | None:
    """The resolver says so, and nothing more is known."""
    search = failed(case)
    return search.found(*filter(None, [search.event.why]), rcode=search.event.rcode) if search else None


# -- aliases ----------------------------------------------------------------------------------------------


def _aliases(search: Search) -> list[str]:
    """The aliases on the way: "x.b.be → y.b.be"."""
    seen = [hop(one) for one in search.asked if hop(one).outcome == "cname"]
    return list(dict.fromkeys(f"{one.name} {one.detail}" for one in seen))


def _alias_circle(case: Case) -> Found | None:
    search = failed(case, "SERVFAIL")
    if search is None or not search.asked or hop(search.asked[-1]).outcome != "cname":
        return None
    return search.found(*_aliases(search))


def _too_many_aliases(case: Case) -> Found | None:
    """Counted in the zones themselves, whichever software followed them."""
    search = failed(case, "SERVFAIL")
    chain = _chain(search) if search and not search.useless else []
    if search is None or len(chain) <= MOST_ALIASES or len(set(chain)) < len(chain):
        return None
    return search.found(" → ".join([search.event.name, *chain]), count=str(len(chain)), most=str(MOST_ALIASES))


def _chain(search: Search) -> list[str]:
    """Where the name's alias leads, and where that leads; no further than to a name that was met before."""
    chain: list[str] = []
    name = search.event.name
    while (target := search.world.said(name, "CNAME", search.entry.n)) and target[0] not in chain:
        name = DomainName(target[0])
        chain.append(name)
    return chain


def _dangling_alias(case: Case) -> Found | None:
    search = failed(case, "NXDOMAIN")
    aliases = _aliases(search) if search and search.event.type == "MX" else []
    return search.found(*aliases, target=hop(search.asked[-1]).name) if search and aliases else None


# -- answers ----------------------------------------------------------------------------------------------


def _stale(case: Case) -> Found | None:
    search = mx_question(case)
    return outdated(search) if search else None


def outdated(search: Search) -> Found | None:
    """The resolver answered from memory what the zone no longer says."""
    if search.event.rcode != "NOERROR" or not search.event.answers:
        return None
    now = search.world.said(search.event.name, "MX", search.entry.n)
    if not now or {*now} & {*search.event.answers} == {*search.event.answers}:
        return None
    notes = (f"the resolver remembers {', '.join(search.event.answers)}", f"the zone says now {', '.join(now)}")
    gone = [one for one in search.event.answers if one not in now]
    come = [one for one in now if one not in search.event.answers] or now
    return search.found(*notes, remembered=_only(gone), now=_only(come))


def _wrong_address(case: Case) -> Found | None:
    """The address in the DNS is not the exchanger's."""
    trouble = case.trouble if case.state is not State.DELIVERED else None
    host = case.world.host(trouble.exchanger) if trouble else None
    if trouble is None or host is None or not trouble.address or trouble.address in host.addresses:
        return None
    facts = {"exchanger": host.name, "address": trouble.address, "right": host.addresses[0]}
    zone = case.world.zone_of(host.name) or ""
    note = f"{fqdn(zone)} says: {host.name} A {', '.join(case.world.said(host.name, 'A', trouble.entry.n))}"
    return Found({**facts, "zone": zone}, (trouble.entry,), (note, f"{host.name} has {host.addresses[0]}"))


def _stale_no(case: Case) -> Found | None:
    search = failed(case, "NXDOMAIN") or mx_question(case)
    if search is None or search.event.answers or search.event.rcode not in ("NXDOMAIN", "NOERROR"):
        return None
    now = case.world.said(search.event.name, search.event.type, search.entry.n)
    if not now or case.world.zone_of(search.event.name) != search.zone:
        return None
    return search.found(f"the zone says now {search.event.type} {', '.join(now)}", now=_only(now))


def _only(records: Iterable[str]) -> str:
    return ", ".join(one.split(" ")[-1] for one in records)


def _nxdomain(case: Case) -> Found | None:
    search = failed(case, "NXDOMAIN")
    if search is None:
        return _unrouteable(case)
    if search.event.type != "MX" and search.event.name != case.last.destination:
        return None
    return search.found(*met(search.world, search.asked[-1:]))


_NO_SUCH = re.compile(r"unrouteable|host not found|domain does not exist", re.IGNORECASE)
"""How mail agents that do not show their questions say it: Exim, Postfix, OpenSMTPD."""


def _unrouteable(case: Case) -> Found | None:
    left = case.last.left
    if case.state is not State.BOUNCED or left is None or case.trouble is not None:
        return None
    if not _NO_SUCH.search(case.fate.detail) or case.world.zone_of(case.last.destination) == case.last.destination:
        return None
    return Found({"name": case.last.destination}, (left,))


def _nodata(case: Case) -> Found | None:
    attempt = case.attempt
    if attempt is None or attempt.route is None or attempt.rule != "no-address":
        return None
    assert isinstance(attempt.route.event, ExchangersFound)
    return Found({"name": attempt.route.event.destination}, (attempt.route, *attempt.lookups("A")))


_LATER = "a question without an answer says nothing about the name; the mail waits and is tried again"

RESOLVING: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D109",
        "the sender's resolver gives no answer",
        "{resolver}, the resolver that {host} asks, gave no answer in time.",
        _LATER,
        "RFC 5321 §5.1, RFC 1123 §6.1.3",
        "{fix}{onward}",
        "A mail host asks a resolver for every name. Without one it knows nothing, not even whether a domain "
        "exists; so nothing is given up, and everything waits.",
        _resolver_silent,
        ("lab status", "lab dig {name} {type}"),
    ),
    Diagnosis(
        "D120",
        "the resolver's own resolver does not answer",
        "{resolver} asks {server} in place of the root, and has no answer from it.",
        "a forwarder leaves the search to another resolver, and knows what that one knows",
        "RFC 5321 §5.1, RFC 9499 §6",
        "lab heal {server}{onward}",
        "A forwarder does not walk down from the root: it asks a resolver above it, and keeps the answers. "
        "When that one is gone it knows nothing that it did not know before.",
        _forwarder,
        ("lab dig {name} {type}", "lab status"),
    ),
    Diagnosis(
        "D110",
        "the sender's resolver refuses to work for it",
        "{resolver} refuses to look names up for {host}.",
        "a resolver serves its own networks, and says REFUSED to all others",
        "RFC 5358 §4, RFC 8914 §4.19",
        "Let it serve that network (`serves:` of the resolver), or let the host ask another one (`resolver:`).",
        "A resolver that works for everyone can be used against others, so it has a list of networks that it "
        "serves. A host outside of them gets REFUSED, for every name.",
        _resolver_refuses,
        ("lab config {host}",),
    ),
)
"""What comes before all others: there is nobody to ask."""

DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D126",
        "the resolver is cut off from the name servers",
        "{resolver} and {server} are cut off from each other, so nobody here finds {name}.",
        _LATER,
        "RFC 5321 §5.1, RFC 2182 §3.1",
        "lab heal{onward}",
        "In a partition of the network each side is well and knows only itself. What the resolver remembers "
        "works on until its TTL is over. Name servers of a zone ought to be in several places, on both sides.",
        _parted,
        (AGAIN, "lab status"),
    ),
    Diagnosis(
        "D112",
        "the servers above the domain's cannot be had",
        "No server of {zone} answers, so nobody finds the way down to {name}.",
        _LATER,
        "RFC 5321 §5.1, RFC 1034 §5.3.3",
        "lab heal {server}{onward}",
        "The way to a name leads from the root down. Where a registry's servers are gone, all names below it "
        "are gone with them, as soon as what resolvers remember has run out.",
        _servers("timeout", "unreachable", "servfail", above=True),
        (AGAIN, "lab explain delegation"),
    ),
    Diagnosis(
        "D125",
        "the domain's name servers are too slow",
        "{server} answers for {zone} so late that nobody waits for it any more.",
        _LATER,
        "RFC 5321 §5.1, RFC 1035 §7.2",
        "lab heal {server}{onward}",
        "A resolver waits about a second, then two, then four, and gives up; a mail host waits five for its "
        "resolver. An answer that comes later is thrown away, as one that nobody asked for.",
        _slow,
        (AGAIN,),
    ),
    Diagnosis(
        "D124",
        "answers are cut off, and TCP is closed",
        "What {server} says of {zone} does not fit into a datagram, and over TCP it does not answer.",
        "a truncated answer is to be asked for again over TCP, which every server has to serve",
        "RFC 7766 §5, RFC 2181 §9",
        "lab heal {server}{onward}",
        "The TC bit says: this is not all. A resolver must not take such an answer for the whole one; it "
        "asks again over TCP. Where a firewall lets only UDP to port 53 pass, small answers come and large "
        "ones never.",
        _servers("truncated"),
        (AGAIN,),
    ),
    Diagnosis(
        "D108",
        "the domain's name servers fail",
        "{server} is there and answers SERVFAIL for {zone}: it cannot serve the zone itself.",
        _LATER,
        "RFC 5321 §5.1, RFC 1035 §4.1.1",
        "lab heal {server}{onward}",
        "SERVFAIL of the zone's own server is a trouble of that server: a zone file that it could not read, "
        "a secondary whose copy has expired. The resolver tries the others, then says SERVFAIL too.",
        _servers("servfail"),
        (AGAIN,),
    ),
    Diagnosis(
        "D106",
        "the domain's name servers are silent",
        "No server of {zone} answers: {server} is silent.",
        _LATER,
        "RFC 5321 §5.1, RFC 1035 §7.2",
        "lab heal {server}{onward}",
        "The question left and nothing came back, neither an answer nor an error. The resolver asks again "
        "with more patience, then gives up with SERVFAIL, which says nothing about the name.",
        _servers("timeout"),
        (AGAIN,),
    ),
    Diagnosis(
        "D107",
        "the domain's name server is not running",
        "Nothing answers names at {server}: the machine is there, its name server is not running.",
        _LATER,
        "RFC 5321 §5.1, RFC 1035 §7.2",
        "lab heal {server}{onward}",
        "The machine answers that the port is closed (ICMP port unreachable), so the resolver need not wait. "
        "It has nobody else to ask, and says SERVFAIL.",
        _servers("unreachable", detail="refused"),
        (AGAIN, "lab status"),
    ),
    Diagnosis(
        "D118",
        "the domain's name servers cannot be reached",
        "There is no way to the servers of {zone}: the network says that {server} is unreachable.",
        _LATER,
        "RFC 5321 §5.1, RFC 1035 §7.2",
        "lab heal {server}{onward}",
        "A router on the way says that it knows no way to that network. A second name server in another "
        "network is what RFC 2182 asks for, for this very case.",
        _servers("unreachable"),
        (AGAIN, "lab status"),
    ),
    Diagnosis(
        "D127",
        "a chain of aliases that is too long",
        "{name} is an alias of an alias …: {count} of them, and no more than {most} are followed.",
        "chains of aliases are followed, but not without end",
        "RFC 1034 §3.6.2, RFC 1912 §2.4",
        "Let the CNAME of {name} name the end of the chain{onward}",
        "Every alias may cost another search, and a chain may be a circle, so resolvers count: BIND and Unbound "
        "break off after 11, Knot Resolver after 13. Then the search has failed.",
        _too_many_aliases,
        ("lab dig {name} CNAME",),
    ),
    Diagnosis(
        "D113",
        "aliases in a circle",
        "{name} is an alias that leads back to itself.",
        "an alias has to lead to a name that is none",
        "RFC 1034 §3.6.2, RFC 2181 §10.1",
        "Give one of the names records of its own in place of its CNAME{onward}",
        "A CNAME says: everything about this name stands elsewhere. When elsewhere says the same the other "
        "way round, a resolver breaks off, and the search has failed.",
        _alias_circle,
        ("lab dig {name} CNAME",),
    ),
    Diagnosis(
        "D114",
        "an alias leads to a name that does not exist",
        "{name} exists, but it is an alias for {target}, and there is no such name.",
        "NXDOMAIN speaks of the last name of a chain of aliases",
        "RFC 2308 §2.1, RFC 6604 §2",
        "Correct the CNAME of {name}, or make {target}{onward}",
        "Whoever asks for an alias gets the answer for the name that it stands for; NXDOMAIN then means that "
        "this one does not exist.",
        _dangling_alias,
        ("lab dig {name} CNAME",),
    ),
    Diagnosis(
        "D119",
        "the exchanger's address in the DNS is wrong",
        "The DNS says that {exchanger} is at {address}; it is at {right}.",
        "whoever asks the zone goes where it says",
        "RFC 5321 §5.1, RFC 1912 §2.1",
        'lab zone {zone} --remove "{exchanger}. A {address}" --add "{exchanger}. A {right}"{onward}',
        "The MX names the right host, and its address record leads elsewhere: to nobody, or to a host that "
        "does not take this mail. Resolvers remember the wrong address for as long as its TTL says.",
        _wrong_address,
        ("lab dig {exchanger}", "lab explain T039"),
    ),
    Diagnosis(
        "D115",
        "the resolver remembers an old MX",
        "{resolver} still remembers the old exchanger, {remembered}; the zone says {now} by now.",
        "an answer may be used until its TTL has run out, whatever the zone says meanwhile",
        "RFC 1034 §3.6, RFC 1035 §3.2.1",
        "Keep the old host running until what resolvers remember has run out:  lab clock +1h",
        "Nobody tells resolvers of a change; they find out when what they remember has run out. So one "
        "lowers the TTL days before a move, and lets the old host go only when the last old answer has "
        "expired.",
        _stale,
        ("lab dig {name} MX", "lab explain ttl"),
    ),
    Diagnosis(
        "D116",
        "the resolver remembers that there was no such name",
        "{resolver} remembers that there was no {type} for {name}; by now there is one, {now}.",
        "a no is remembered too, for as long as the zone's SOA says",
        "RFC 2308 §5",
        "Send it again when the no has expired:  lab clock +1h",
        "Who asks before a record is there makes the resolver remember that it is not; the last number of "
        "the SOA says how long. So one makes records first, and tries them out afterwards.",
        _stale_no,
        ("lab dig {name} {type}", "lab explain ttl"),
    ),
    Diagnosis(
        "D101",
        "the domain does not exist",
        "There is no domain {name}: the DNS answers NXDOMAIN.",
        "NXDOMAIN is for good: the name does not exist, so no host can ever take mail for it",
        "RFC 5321 §5.1, RFC 2308 §2.1",
        "Write the address as it really is, and send it again.",
        "NXDOMAIN says that neither the name nor anything below it exists. That is an answer, not a failure: "
        "asking again would bring the same, and so the sender is told at once. Most are misspelt. NODATA is "
        "different: the name exists, only not with this type of record.",
        _nxdomain,
        ("lab dig {name} MX --trace",),
    ),
    Diagnosis(
        "D102",
        "the domain exists, and has neither MX nor address",
        "{name} exists, but has neither an MX nor an address of its own: nobody takes its mail.",
        "without an MX the domain's own address would be its exchanger; without that there is none",
        "RFC 5321 §5.1, RFC 2308 §2.2",
        'Give it an exchanger:  lab zone {name} --add "@ MX 10 HOST"{onward}',
        "NODATA, as against NXDOMAIN: the name is there, for a web server or a name below it perhaps, but "
        "not with the type of record that was asked for. That is an answer, and for good.",
        _nodata,
        ("lab dig {name} MX", "lab explain implicit-mx"),
    ),
    Diagnosis(
        "D100",
        "the search in the DNS failed",
        "{resolver} could not find out about {name}: it says {rcode}.",
        _LATER,
        "RFC 5321 §5.1, RFC 9520 §3.1",
        "lab heal {resolver}{onward}",
        "SERVFAIL means that the search failed, for whatever reason; it says nothing about the name. Newer "
        "resolvers add why (RFC 8914). What its servers answered is in the resolver's own log.",
        _search_failed,
        (AGAIN,),
    ),
)
