"""A zone: a tree of names, and the one walk down it that every answer comes from.

The rule: `Zone.lookup` starts at the apex and goes down label by label (cut → DNAME → exact → wildcard →
NXDOMAIN), and returns a `Decision` with its reason; nothing here knows of messages. The tree stands in one
dictionary, where a name's parent is its suffix; names without records between others are in it too (empty
non-terminals). A zone never changes: an edit is a new zone with a higher serial.

Law: RFC 1034 §4.3.2 and RFC 2181 §6 (the walk), RFC 4592 (wildcards, empty non-terminals), RFC 6672 (DNAME),
RFC 2308 §3 (the TTL of a no), RFC 4035 §3.1.4.1 (DS belongs to the parent), RFC 2181 §5 (RRsets).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum

from lab.errors import WrongUse
from lab.names import Address, BadName, DomainName
from lab.values import dataclass, made_often
from lab.wire.records import AAAA, CNAME, DNAME, MX, NS, SOA, SRV, A, Record

RRset = tuple[Record, ...]
Node = dict[str, RRset]


class Kind(StrEnum):
    """What a zone says about a name."""

    ANSWER = "answer"
    CNAME = "cname"
    DNAME = "dname"
    REFERRAL = "referral"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    YXDOMAIN = "yxdomain"
    REFUSED = "refused"


@made_often
@dataclass(frozen=True, slots=True)
class Decision:
    """What to say, section by section, and why. `target` is where a CNAME or DNAME leads; `glue` the addresses
    without which a referral is worth nothing, `additional` those that only save a question."""

    kind: Kind
    reason: str
    answer: RRset = ()
    authority: RRset = ()
    glue: RRset = ()
    additional: RRset = ()
    target: DomainName | None = None


class Zone:
    """An authoritative zone."""

    __slots__ = ("_is_plain", "_negative", "_nodes", "origin", "soa")

    def __init__(self, origin: DomainName, records: Iterable[Record]) -> None:
        self.origin = origin
        self._nodes: dict[DomainName, Node] = {origin: {}}
        self._is_plain = True
        """Nothing in it leads elsewhere: no cut, no DNAME."""
        for record in records:
            self._insert(record)
        self.soa = self._soa()
        """The SOA record at the apex."""
        self._negative: RRset = ()

    @property
    def records(self) -> RRset:
        """All of them, name by name."""
        return tuple(self._in_order())

    @property
    def negative(self) -> RRset:
        """What goes with a no (RFC 2308 §3)."""
        if not self._negative:
            self._negative = (replace(self.soa, ttl=min(self.soa.ttl, self._times.minimum)),)
        return self._negative

    @property
    def _times(self) -> SOA:
        assert isinstance(self.soa.data, SOA)
        return self.soa.data

    @property
    def serial(self) -> int:
        return self._times.serial

    def _insert(self, record: Record) -> None:
        """A16: one TTL an RRset (the first), no record twice (RFC 2181 §5). What is outside is left out (A29)."""
        name, kind = record.name, record.type
        node = self._nodes.get(name)
        if node is None:
            if not name.is_within(self.origin):
                return
            node = self._grow(name)
        rrset = node.get(kind)
        if rrset is None:
            node[kind] = (record,)
            if kind == "DNAME" or (kind == "NS" and name != self.origin):
                self._is_plain = False
            return
        if rrset[0].ttl != record.ttl:
            record = replace(record, ttl=rrset[0].ttl)
        if record not in rrset:
            node[kind] = (*rrset, record)

    def _grow(self, name: DomainName) -> Node:
        """A node, and the empty ones between it and the next that is there."""
        node: Node = {}
        self._nodes[name] = node
        while (name := name.parent) not in self._nodes:
            self._nodes[name] = {}
        return node

    def _in_order(self) -> Iterator[Record]:
        for node in self._nodes.values():
            for rrset in node.values():
                yield from rrset

    def _soa(self) -> Record:
        soas = self._nodes[self.origin].get("SOA", ())
        if len(soas) != 1:
            raise WrongUse(
                f"the zone {self.origin.fqdn} has {len(soas)} SOA records; it needs one (RFC 1035 §5.2)"
            )
        return soas[0]

    def lookup(self, name: DomainName, type: str) -> Decision:
        """What this zone says to (name, type), for a name at or below its origin."""
        encloser = self.origin
        for step in self._path(name):
            node = self._nodes.get(step)
            if node is None:
                return self._not_found(name, type, encloser)
            below_apex = step != self.origin
            if below_apex and "NS" in node and not (type == "DS" and step == name):
                return self._referral(step, node["NS"])
            if "DNAME" in node and step != name:
                return _redirect(name, step, node["DNAME"][0])
            encloser = step
        return self._at(name, name, self._nodes[name], type)

    def _path(self, name: DomainName) -> tuple[DomainName, ...]:
        """From the apex down to the name."""
        line = name.ancestors()
        return line[line.index(self.origin) :: -1]

    def _at(self, name: DomainName, owner: DomainName, node: Node, type: str) -> Decision:
        """What stands at a node, spoken of as `name` (A8, A9, A11)."""
        how = f"{name.fqdn} stands in the zone" if name == owner else f"{owner.fqdn} covers {name.fqdn} (RFC 4592)"
        found = sum(node.values(), ()) if type == "ANY" else node.get(type, ())
        if found:
            answer = _as(name, found)
            return Decision(Kind.ANSWER, f"{how} and has {type}", answer, additional=self._addresses(answer))
        if "CNAME" in node:
            answer = _as(name, node["CNAME"])
            reason = f"{how} and is another name for something (RFC 1034 §3.6.2)"
            return Decision(Kind.CNAME, reason, answer, target=_target(answer[0]))
        what = "has no record of any type, but names below it (RFC 8020 §2)" if not node else f"has no {type}"
        return Decision(Kind.NODATA, f"{how} and {what}", authority=self.negative)

    def _not_found(self, name: DomainName, type: str, encloser: DomainName) -> Decision:
        """A11: only `*` directly under the closest encloser counts (RFC 4592 §3.3.1)."""
        star = DomainName("*") if encloser.is_root else DomainName(f"*.{encloser}")
        wildcard = self._nodes.get(star)
        if wildcard is not None and "NS" not in wildcard:  # RFC 4592 §4.2: an NS there means nothing defined
            return self._at(name, star, wildcard, type)
        reason = f"nothing at or below {name.fqdn} in the zone {self.origin.fqdn} (RFC 1034 §4.3.2)"
        return Decision(Kind.NXDOMAIN, reason, authority=self.negative)

    def _referral(self, cut: DomainName, servers: RRset) -> Decision:
        """A3: NS, and the addresses that can only be learned here (RFC 9471)."""
        addresses = tuple(record for target in _targets(servers) for record in self._glue(target))
        glue = tuple(record for record in addresses if record.name.is_within(cut))
        more = tuple(record for record in addresses if not record.name.is_within(cut))
        reason = f"{cut.fqdn} is delegated to other servers (RFC 1034 §4.2.1)"
        return Decision(Kind.REFERRAL, reason, authority=servers, glue=glue, additional=more)

    def _glue(self, target: DomainName) -> RRset:
        node = self._nodes.get(target, {})
        return node.get("A", ()) + node.get("AAAA", ())

    def _addresses(self, answer: RRset) -> RRset:
        """A17: addresses of the hosts an answer names, as far as this zone answers for them."""
        found: list[Record] = []
        for target in _targets(answer):
            if target.is_within(self.origin):
                found += self._own_addresses(target)
        return tuple(record for record in found if record not in answer)

    def _own_addresses(self, target: DomainName) -> RRset:
        if self._is_plain and (node := self._nodes.get(target)):
            return node.get("A", ()) + node.get("AAAA", ())
        said = self.lookup(target, "A"), self.lookup(target, "AAAA")
        return sum((each.answer for each in said if each.kind is Kind.ANSWER), ())

    # -- edits --------------------------------------------------------------------------------------------

    def edited(self, add: Iterable[Record] = (), remove: Iterable[Record] = ()) -> Zone:
        """The zone with records added and removed (their TTL does not count when removing). The serial rises by
        one unless the edit brings an SOA of its own (RFC 1982 §3.1)."""
        gone = {(record.name, record.data) for record in remove}
        new = list(add)
        soa = next((record for record in new if record.type == "SOA"), None) or self._next_soa()
        kept = [r for r in self.records if (r.name, r.data) not in gone and r.type != "SOA"]
        return Zone(self.origin, [soa, *_retimed(kept, new), *(record for record in new if record.type != "SOA")])

    def _next_soa(self) -> Record:
        return replace(self.soa, data=replace(self._times, serial=(self.serial + 1) % 2**32))


def _retimed(kept: list[Record], new: list[Record]) -> Iterator[Record]:
    """An RRset that gets a new record takes that record's TTL (RFC 2181 §5.2)."""
    ttls = {(record.name, record.type): record.ttl for record in new}
    for record in kept:
        ttl = ttls.get((record.name, record.type), record.ttl)
        yield record if ttl == record.ttl else replace(record, ttl=ttl)


def _as(name: DomainName, rrset: RRset) -> RRset:
    return rrset if rrset[0].name == name else tuple(replace(record, name=name) for record in rrset)


def _target(record: Record) -> DomainName:
    assert isinstance(record.data, CNAME)
    return record.data.target


def _redirect(name: DomainName, owner: DomainName, dname: Record) -> Decision:
    """A10: the names below a DNAME are the same names below its target (RFC 6672 §2.2, §3.1)."""
    assert isinstance(dname.data, DNAME)
    kept = len(name.labels) - len(owner.labels)
    try:
        target = DomainName.from_labels((*name.labels[:kept], *dname.data.target.labels))
    except BadName:
        reason = f"what {name.fqdn} would become is longer than 255 octets (RFC 6672 §2.2)"
        return Decision(Kind.YXDOMAIN, reason, (dname,))
    alias = Record(name, dname.ttl, CNAME(target))
    reason = f"everything below {owner.fqdn} is to be found below {dname.data.target.fqdn} (RFC 6672 §2.1)"
    return Decision(Kind.DNAME, reason, (dname, alias), target=target)


def _targets(records: RRset) -> Iterator[DomainName]:
    """The hosts that records name, each once, in their order."""
    seen: dict[DomainName, None] = {}
    for record in records:
        match record.data:
            case MX(exchange=host) | NS(target=host) | SRV(target=host):
                seen[host] = None
            case _:
                pass
    return iter(seen)


def addresses_of(records: Iterable[Record], name: DomainName | None = None) -> tuple[Address, ...]:
    """The addresses that some records give a name; or all of them."""
    return tuple([r.data.address for r in records if isinstance(r.data, _PLACES) and name in (None, r.name)])


_PLACES = (A, AAAA)
