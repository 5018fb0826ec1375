"""One zone's records, checked as a name server would check them on loading, and explained.

The rule: only a zone with something written by hand is looked at; what the lab derives is right by construction.
RFC 1034 §3.6.2 and §4.2.1, RFC 1035 §5.2, RFC 2181 §5 and §10, RFC 1912.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field

from lab.errors import Place, Problem
from lab.names import DomainName
from lab.topology.codes import law
from lab.topology.draft import Draft, Zone
from lab.topology.gather import aliased, is_address
from lab.topology.lint_names import has_address, meant
from lab.topology.shorthand import closest
from lab.values import dataclass
from lab.wire.records import AAAA, CNAME, DNAME, MX, NS, PTR, SRV, A, Record
from lab.wire.zonefile import Entry, relative


@dataclass(slots=True)
class _Look:
    """A zone under inspection."""

    draft: Draft
    zone: Zone
    records: Sequence[Record]
    entries: dict[Record, Entry] = field(default_factory=dict)
    sets: dict[DomainName, dict[str, list[Record]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def __post_init__(self) -> None:
        self.entries = {entry.record: entry for entry in self.zone.written.entries}
        for record in self.records:
            self.sets[record.name][record.type].append(record)

    @property
    def origin(self) -> DomainName:
        return self.zone.origin

    def complain(
        self,
        code: str,
        sentence: str,
        record: Record | None,
        *,
        hint: str = "",
        word: str = "",
        warning: bool = False,
    ) -> None:
        """At the record if a person wrote it, else at the zone's place in the topology file."""
        entry = self.entries.get(record) if record else None
        if entry is None:
            self.draft.complain(code, sentence, self.zone.path, key=True, hint=hint, warning=warning)
            return
        at = entry.excerpt.find(word, entry.place.column - 1) if word else -1
        place = Place(entry.place.file, entry.place.line, at + 1, len(word)) if at >= 0 else entry.place
        self.draft.problems.append(Problem(code, sentence, place, entry.excerpt, hint, law(code), warning))

    def cut_above(self, name: DomainName) -> DomainName | None:
        """The delegation that a name lies below (or at)."""
        for above in name.ancestors():
            if above == self.origin or not above.is_within(self.origin):
                return None
            if "NS" in self.sets.get(above, {}):
                return above
        return None


def lint_zone(draft: Draft, zone: Zone, records: Sequence[Record]) -> None:
    """Add what is wrong with this zone's records to the draft's problems."""
    look = _Look(draft, zone, records)
    for rule in _RULES:
        rule(look)


def _soa(look: _Look) -> None:
    found = look.sets.get(look.origin, {})
    if not found.get("SOA"):
        hint = f"begin it with  @ SOA ns.{look.origin}. hostmaster.{look.origin}. 1 1h 15m 1w 5m"
        look.complain("T031", f"the zone {look.origin} has no SOA", None, hint=hint)
    for record in found.get("SOA", [])[1:]:
        look.complain("T032", f"a second SOA in the zone {look.origin}", record, hint="keep one")
    if not found.get("NS"):
        hint = f"add  @ NS ns.{look.origin}."
        look.complain("T048", f"the zone {look.origin} names no name server of its own", None, hint=hint)


def _outside(look: _Look) -> None:
    for record in look.records:
        if not record.name.is_within(look.origin):
            sentence = f"{record.name} does not belong to the zone {look.origin}"
            look.complain("T033", sentence, record, hint="write it into the zone it belongs to")


def _below_cuts(look: _Look) -> None:
    for record in look.records:
        cut = look.cut_above(record.name)
        if (
            cut is None
            or isinstance(record.data, A | AAAA)
            or (record.name == cut and record.type in ("NS", "DS"))
        ):
            continue
        sentence = f"{record.name} {record.type} lies below the delegation of {cut}, and is never seen"
        look.complain("T034", sentence, record, hint=f"write it into the zone {cut}")


def _below_dnames(look: _Look) -> None:
    redirected = [name for name, found in look.sets.items() if "DNAME" in found]
    for record in look.records:
        above = next((n for n in redirected if record.name != n and record.name.is_within(n)), None)
        if above is not None:
            look.complain("T037", f"{record.name} lies below the DNAME {above}, and is never seen", record)


def _aliases(look: _Look) -> None:
    for name, found in look.sets.items():
        for kind in ("CNAME", "DNAME"):
            for record in found.get(kind, [])[1:]:
                look.complain("T028", f"{name} has more than one {kind}", record, hint="keep one")
        others = [kind for kind in found if kind not in ("CNAME", "RRSIG", "NSEC")]
        if "CNAME" in found and others:
            sentence = f"{name} is an alias (CNAME), and has {_listed(others)} records too"
            where = _written_one(look, [*found["CNAME"], *found[others[0]]])
            look.complain("T027", sentence, where, hint="an alias has nothing else: drop one of the two")


def _glue(look: _Look) -> None:
    """In-domain name servers of a delegation need their address here."""
    for name, found in look.sets.items():
        if name == look.origin or look.cut_above(name) != name:
            continue
        for record in found.get("NS", []):
            target = record.data.target if isinstance(record.data, NS) else name
            if target.is_within(name) and not _addressed(look, target):
                sentence = (
                    f"{name} is delegated to {target}, which lies inside it, and its address is missing here"
                )
                hint = f"add glue:  {relative(target, look.origin)} A …"
                look.complain("T029", sentence, record, hint=hint, word=_word(look, target))


def _siblings(look: _Look, name: DomainName) -> list[DomainName]:
    return [domain for domain in look.draft.organisations if domain.parent == name.parent]


def _word(look: _Look, name: DomainName) -> str:
    """A name as it is written in this zone."""
    return relative(name, look.origin).rstrip(".")


def _addressed(look: _Look, name: DomainName) -> bool:
    found = look.sets.get(name, {})
    return "A" in found or "AAAA" in found


def _lame(look: _Look) -> None:
    """Delegations by hand to hosts that do not serve the zone."""
    for name, found in look.sets.items():
        if look.cut_above(name) != name:
            continue
        for record in found["NS"]:
            target = record.data.target if isinstance(record.data, NS) else name
            site = look.draft.sites.get(target)
            if record in look.entries and site is not None and name not in site.zones:
                sentence = f"{target} does not serve {name}, and this points to it"
                hint = "" if name in look.draft.zones else closest(name, _siblings(look, name))
                look.complain("T030", sentence, record, hint=hint, word=_word(look, target))


def _missing_dots(look: _Look) -> None:
    for record in look.entries:
        for name in (record.name, *_targets(record)):
            rest = meant(look.draft, look.origin, name)
            if rest is not None and (rest.is_within(look.origin) or not _addressed(look, name)):
                sentence = f"{rest} has no final dot here, and so means {name}"
                look.complain("T035", sentence, record, hint=f"write {rest}.", word=str(rest))


def _targets(record: Record) -> Iterator[DomainName]:
    match record.data:
        case NS(target) | CNAME(target) | DNAME(target) | PTR(target) | SRV(_, _, _, target):
            yield target
        case MX(_, exchange):
            yield exchange


def _mail_and_name_servers(look: _Look) -> None:
    """What hand-written MX and NS records name."""
    for record in look.entries:
        if isinstance(record.data, MX | NS):
            target = record.data.exchange if isinstance(record.data, MX) else record.data.target
            _target(look, record, target)
    for name, found in look.sets.items():
        mx = found.get("MX", [])
        null = [record for record in mx if isinstance(record.data, MX) and record.data.exchange.is_root]
        if null and len(mx) > 1:
            look.complain("T026", f"{name} takes no mail (a null MX), and has other exchangers too", null[0])


def _target(look: _Look, record: Record, target: DomainName) -> None:
    kind, article = record.type, "an MX" if record.type == "MX" else "an NS"
    if kind == "NS" and record.name != look.origin and target.is_within(record.name):
        return  # what its glue says, or does not say, is `_glue`'s part
    bare = DomainName(relative(target, look.origin)) if target != look.origin else target
    if is_address(target) or is_address(bare):
        sentence = f"the {kind} of {record.name} names an address, {bare if is_address(bare) else target}"
        code = "T021" if kind == "MX" else "T023"
        look.complain(code, sentence, record, hint=f"{article} names a host, never an address", word=str(bare))
    elif (host := aliased(look.draft, target)) != target:
        code = "T022" if kind == "MX" else "T024"
        sentence = f"the {kind} of {record.name} names an alias, {target}"
        look.complain(code, sentence, record, hint=f"name the host itself, {host}", word=str(bare))
    elif not (
        target.is_root
        or _addressed(look, target)
        or has_address(look.draft, target)
        or meant(look.draft, look.origin, target)
    ):
        sentence = f"the {kind} of {record.name} names {target}, which has no address in this lab"
        look.complain("T025", sentence, record, word=str(bare))


def _agreement(look: _Look) -> None:
    """A zone file's own NS set, and the name servers that the topology gives the zone."""
    said = [r.data.target for r in look.sets.get(look.origin, {}).get("NS", []) if isinstance(r.data, NS)]
    if look.zone.written.whole and said and sorted(said) != sorted(look.zone.servers):
        sentence = (
            f"{look.origin} is delegated to {_listed(look.zone.servers)}, and its zone names {_listed(said)}"
        )
        where = _written_one(look, look.sets[look.origin]["NS"])
        look.complain("T047", sentence, where, hint="make them agree", warning=True)


def _ttls(look: _Look) -> None:
    for name, found in look.sets.items():
        for kind, records in found.items():
            odd = [record for record in records if record.ttl != records[0].ttl]
            if odd:
                where = _written_one(look, [*odd, *records])
                sentence = f"the {kind} records of {name} have different TTLs, {records[0].ttl} and {odd[0].ttl}"
                look.complain("T038", sentence, where, hint="give them one", warning=True)


def _addresses(look: _Look) -> None:
    """Hosts whose zone says another address than they have."""
    for record in look.entries:
        site = look.draft.sites.get(record.name)
        if isinstance(record.data, A | AAAA) and site is not None and record.data.address not in site.addresses:
            said = f"the zone {look.origin} says {record.data.address}"
            sentence = f"{record.name} has the address {site.addresses[0]}, and {said}"
            look.complain("T039", sentence, record, word=record.data.address, warning=True)


def _written_one(look: _Look, records: Sequence[Record]) -> Record:
    """The one of them that a person wrote, to point at."""
    return next((record for record in records if record in look.entries), records[0])


def _listed(words: Sequence[str]) -> str:
    return " and ".join(words)


_RULES: tuple[Callable[[_Look], None], ...] = (
    _soa,
    _outside,
    _below_cuts,
    _below_dnames,
    _aliases,
    _glue,
    _lame,
    _missing_dots,
    _mail_and_name_servers,
    _agreement,
    _ttls,
    _addresses,
)
