"""The zones of one server, and its whole answer to a question.

The rule: the zone is the one with the longest match (A1), built from its plan when it is first asked for; an
alias is followed as long as it stays in these zones, a bounded number of times, and the response code is that
of the last name (RFC 6604 §2), while AA speaks of the first (RFC 1035 §4.1.1).

Law: RFC 1034 §4.3.2, RFC 8906 §3 (REFUSED for what is not ours), RFC 4035 §3.1.4.1 (DS above the cut).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from lab.dns.zone import Decision, Kind, RRset, Zone
from lab.errors import LabError
from lab.names import DomainName
from lab.topology.plan import ZonePlan
from lab.values import dataclass, made_often

MOST_ALIASES = 11
"""How many CNAMEs are followed for one question, as BIND (since 9.18.29) and Unbound do (RFC 1034 §3.6.2)."""

_RCODES = {Kind.NXDOMAIN: "NXDOMAIN", Kind.YXDOMAIN: "YXDOMAIN", Kind.REFUSED: "REFUSED"}


@made_often
@dataclass(frozen=True, slots=True)
class Said:
    """A server's whole answer. `reasons` has one sentence for each name on the way."""

    rcode: str = "NOERROR"
    aa: bool = True
    answer: RRset = ()
    authority: RRset = ()
    glue: RRset = ()
    additional: RRset = ()
    reasons: tuple[str, ...] = ()


class Chosen(Mapping[DomainName, ZonePlan]):
    """Those of many plans that have these origins; a plan is made when it is asked for, not before."""

    __slots__ = ("_origins", "_plans")

    def __init__(self, plans: Mapping[DomainName, ZonePlan], origins: Iterable[DomainName]) -> None:
        self._plans = plans
        self._origins = dict.fromkeys(origin for origin in origins if origin in plans)

    def __getitem__(self, origin: DomainName) -> ZonePlan:
        if origin not in self._origins:
            raise KeyError(origin)
        return self._plans[origin]

    def __contains__(self, origin: object) -> bool:
        return origin in self._origins

    def __iter__(self) -> Iterator[DomainName]:
        return iter(self._origins)

    def __len__(self) -> int:
        return len(self._origins)


class Zones:
    """The zones a server has, by origin."""

    __slots__ = ("_built", "_edited", "_plans")

    def __init__(
        self, plans: Mapping[DomainName, ZonePlan], edited: Callable[[ZonePlan], Zone | None] = lambda plan: None
    ) -> None:
        """`edited` has a zone as its keeper left it, None where it was not touched."""
        self._plans = plans
        self._edited = edited
        self._built: dict[DomainName, Zone] = {}

    def __contains__(self, origin: DomainName) -> bool:
        return origin in self._plans

    @property
    def origins(self) -> tuple[DomainName, ...]:
        return tuple(self._plans)

    def zone(self, origin: DomainName) -> Zone:
        """KeyError: no such zone here. LabError: it cannot be served (no SOA)."""
        zone = self._built.get(origin)
        if zone is None:
            plan = self._plans[origin]
            zone = self._built[origin] = self._edited(plan) or Zone(plan.origin, plan.records)
        return zone

    def plan(self, origin: DomainName) -> ZonePlan:
        return self._plans[origin]

    def put(self, zone: Zone) -> None:
        """Serve this from now on in the place of the zone of the same origin."""
        if zone.origin not in self._plans:
            raise KeyError(zone.origin)
        self._built[zone.origin] = zone

    def origin_of(self, name: DomainName, type: str = "") -> DomainName | None:
        """The origin of the zone to ask. A DS question at a cut is the parent's, where we have both (A5)."""
        if not self._plans:
            return None
        own = None
        for origin in name.ancestors():
            if origin in self._plans:
                own = origin
                break
        if type == "DS" and own == name and not name.is_root:
            return self.origin_of(name.parent) or own
        return own

    def decide(self, name: DomainName, type: str) -> Decision:
        """What one name gets, aliases not followed."""
        origin = self.origin_of(name, type)
        if origin is None:
            return Decision(Kind.REFUSED, f"{name.fqdn} is in no zone of this server (RFC 8906 §3)")
        return self.zone(origin).lookup(name, type)

    def answer(self, name: DomainName, type: str) -> Said:
        """The whole answer, aliases followed (A9)."""
        try:
            return self._chase(name, type)
        except LabError as error:
            return Said("SERVFAIL", aa=False, reasons=(error.sentence,))

    def _chase(self, name: DomainName, type: str) -> Said:
        step = self.decide(name, type)
        aa = step.kind not in (Kind.REFERRAL, Kind.REFUSED)
        answer, seen = step.answer, {name}
        reasons: tuple[str, ...] = (step.reason,)
        while (target := step.target) is not None:
            if target in seen or len(seen) > MOST_ALIASES or self.origin_of(target, type) is None:
                return Said("NOERROR", aa, answer, reasons=reasons)
            seen.add(target)
            step = self.decide(target, type)
            answer, reasons = answer + step.answer, (*reasons, step.reason)
        rcode = _RCODES.get(step.kind, "NOERROR")
        return Said(rcode, aa, answer, step.authority, step.glue, step.additional, reasons)
