"""A search in the DNS, as a diagnosis sees it: the question, what its resolver met, what the zones said.

The rule: the search is read from the sending host's own question and its resolver's steps; whose fault it was is
read off what the zones said at that time. RFC 1034 §5.3.3 (the way down), RFC 2308 (answers that are a no).
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.events import HopAnswered, NameResolved
from lab.journey.case import Case
from lab.journey.diagnoses.model import Found
from lab.journey.model import State
from lab.journey.world import Cut, World, hop
from lab.log import Entry
from lab.names import DomainName
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Search:
    """A question of the deciding try, with what its resolver met."""

    entry: Entry
    event: NameResolved
    world: World

    @property
    def asked(self) -> list[Entry]:
        return self.world.search(self.entry)

    @property
    def useless(self) -> list[Entry]:
        return self.world.useless(self.entry)

    @property
    def zone(self) -> str:
        """Where it ended."""
        asked = self.asked
        return hop(asked[-1]).zone if asked else ""

    @property
    def cut(self) -> Cut | None:
        """The delegation that led to the zone where it ended, or that would have led further."""
        zone = DomainName(self.zone)
        onward = self.world.cut(zone, self.event.name, self.entry.n)
        if onward is not None and not self.useless:
            return onward
        parent = next((one for one in zone.parent.ancestors() if one in self.world.plan.zones), None)
        return self.world.cut(parent, zone, self.entry.n) if parent is not None and not zone.is_root else None

    def found(self, *notes: str, **facts: str) -> Found:
        own = {
            "name": self.event.name,
            "type": self.event.type,
            "zone": fqdn(self.zone),
            "resolver": self.resolver,
        }
        return Found({**own, **facts}, (self.entry,), tuple(notes))

    @property
    def resolver(self) -> str:
        host = self.world.at(self.event.via)
        return host.name if host else self.event.via


def fqdn(name: str) -> str:
    return DomainName(name).fqdn if name else "."


def failed(case: Case, *rcodes: str) -> Search | None:
    """The first question of the deciding try that had no answer, of an undelivered message."""
    for entry in case.attempt.lookups() if case.attempt and case.state is not State.DELIVERED else ():
        event = entry.event
        assert isinstance(event, NameResolved)
        if event.rcode in rcodes or (not rcodes and event.rcode not in ("NOERROR", "NXDOMAIN")):
            return Search(entry, event, case.world)
    return None


def mx_question(case: Case) -> Search | None:
    """The question for the domain's MX in the deciding try, whatever came of it."""
    entries = case.attempt.lookups("MX") if case.attempt and case.state is not State.DELIVERED else []
    event = entries[-1].event if entries else None
    return Search(entries[-1], event, case.world) if isinstance(event, NameResolved) else None


def met(world: World, entries: Iterable[Entry]) -> list[str]:
    """What each server said: "ns.b.be [198.18.3.53], asked for b.be.: it does not answer". Real software names a
    server by its address."""
    told = dict.fromkeys(hop(one) for one in entries)
    return [
        f"{_name(world, one)} [{one.address}], asked for {fqdn(one.zone)}: {one.detail or one.outcome}"
        for one in told
    ]


def _name(world: World, asked: HopAnswered) -> str:
    host = world.at(asked.address) if asked.server in ("", asked.address) else None
    return str(host.name) if host is not None else asked.server or asked.address


def points(cut: Cut) -> str:
    """The parent's word on a zone: "be. says: b.be. NS ns.b.be (198.18.3.53)"."""
    servers = (f"{one} ({', '.join(cut.glue[one])})" if cut.glue.get(one) else one for one in cut.servers)
    return f"{cut.parent.fqdn} says: {cut.zone.fqdn} NS {', '.join(servers)}"


def serves(world: World, zone: str) -> str:
    plan = world.plan.zones.get(DomainName(zone))
    return f"{fqdn(zone)} is served by {', '.join(plan.servers)}" if plan else f"nobody serves {fqdn(zone)}"


AGAIN = "lab dig {name} {type} --trace"
"""What to type to see the whole way."""
