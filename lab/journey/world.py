"""What was true around a message: faults in force, what resolvers met, what zones said; each at its time.

The rule: drawn from the log and the plan, which is the world as it was meant; what has changed since is in the
log. Nothing is asked of a running lab, so a saved log is explained as a live one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lab.events import FaultApplied, FaultLifted, HopAnswered, NameResolved, ZoneReloaded
from lab.faults import plain_words
from lab.log import Entry
from lab.names import DomainName
from lab.topology.plan import HostPlan, Plan
from lab.values import dataclass

NOW = 2**62
"""As of the last entry of any log."""

_USEFUL = ("answer", "referral", "nodata", "nxdomain", "cname")


@dataclass(frozen=True, slots=True)
class World:
    """The entries that say something about the world rather than about one message, and the plan."""

    plan: Plan
    faults: tuple[Entry, ...] = ()
    reloads: tuple[Entry, ...] = ()
    asked: tuple[Entry, ...] = ()
    """What resolvers asked of servers (`HopAnswered`)."""

    def host(self, name: str) -> HostPlan | None:
        return next((one for one in self.plan.hosts if one.name == name), None)

    def at(self, address: str) -> HostPlan | None:
        """The host with that address."""
        return next((one for one in self.plan.hosts if address in one.addresses), None)

    @property
    def in_real_time(self) -> bool:
        """Lab time cannot run ahead: some of the software goes by the machine's clock."""
        return any(host.is_foreign for host in self.plan.hosts)

    # -- faults -------------------------------------------------------------------------------------------

    def broken(self, target: str, n: int) -> list[Entry]:
        """The faults of a host that were in force at entry n of the log, oldest first."""
        return [one for one in self.in_force(n) if _target(one) == target]

    def in_force(self, n: int) -> list[Entry]:
        found: dict[tuple[str, str], Entry] = {}
        for entry in self.faults:
            if entry.n > n:
                break
            match entry.event:
                case FaultApplied(target, fault):
                    found[target, fault] = entry
                case FaultLifted(target, fault):
                    found = {
                        key: one for key, one in found.items() if key[0] != target or fault not in ("", key[1])
                    }
                case _:
                    pass
        return list(found.values())

    def line(self, a: str, b: str, n: int, *kind: str) -> Entry | None:
        """What was wrong with the line between two hosts at that time: a "cut" (perhaps "one way"), a "link"."""
        ours, theirs = self.places(a), self.places(b)
        for entry in reversed(self.in_force(n)):
            left, bar, right = _target(entry).partition("|")
            ends = {*left.split(",")}, {*right.split(",")}
            joined = (ends[0] & ours and ends[1] & theirs) or (ends[0] & theirs and ends[1] & ours)
            if bar and joined and all(word in _fault(entry) for word in kind):
                return entry
        return None

    def places(self, host: str) -> set[str]:
        """By what a line may name a host: its name, its organisation, "*"."""
        plan = self.host(host)
        return {host, "*", *([plan.organisation] if plan else [])}

    # -- names --------------------------------------------------------------------------------------------

    def search(self, resolved: Entry) -> list[Entry]:
        """What the resolver asked of servers to answer that question; what it still knew it did not ask again, so
        then the last time that it did."""
        event = resolved.event
        assert isinstance(event, NameResolved)
        resolver = self.at(event.via)
        mine = [one for one in self.asked if resolver and one.host == resolver.name and one.n <= resolved.n]
        during = [one for one in mine if one.t >= resolved.t - event.seconds - 1e-6]
        if any(hop(one).name == event.name for one in during):
            return during
        last = next((one.t for one in reversed(mine) if hop(one).name == event.name), None)
        return [one for one in mine if last is not None and last - 30 <= one.t <= last]

    def useless(self, resolved: Entry) -> list[Entry]:
        """Of a search in vain: the servers of the zone where it ended, each with the last that came."""
        asked = self.search(resolved)
        if not asked or hop(asked[-1]).outcome in _USEFUL:
            return []
        zone = hop(asked[-1]).zone
        last = {hop(one).address: one for one in asked if hop(one).zone == zone}
        return [one for one in last.values() if hop(one).outcome not in _USEFUL]

    def zone_of(self, name: str) -> DomainName | None:
        """The deepest zone of the plan that a name lies in."""
        return next((one for one in DomainName(name).ancestors() if one in self.plan.zones), None)

    def said(self, name: str, type: str, n: int) -> list[str]:
        """The data of these records at that time, in the zone that has them by right: ["5 mail.b.be"]."""
        zone = self.zone_of(name)
        return self.records(zone, name, type, n) if zone is not None else []

    def records(self, zone: DomainName, name: str, type: str, n: int) -> list[str]:
        """The same in a given zone, as a parent has the NS of its child."""
        start = f"{DomainName(name).fqdn} {type} "
        return [line.removeprefix(start) for line in self._lines(zone, n) if line.startswith(start)]

    def _lines(self, zone: DomainName, n: int) -> list[str]:
        """A zone as it was at that time: as it was meant, and every edit until then."""
        records = self.plan.zones[zone].records if zone in self.plan.zones else ()
        lines = dict.fromkeys(f"{one.name.fqdn} {one.type} {_undotted(one.data.text())}" for one in records)
        for entry in self.reloads:
            event = entry.event
            if isinstance(event, ZoneReloaded) and event.zone == zone and entry.n <= n:
                for gone in event.removed:
                    lines.pop(gone, None)
                lines |= dict.fromkeys(event.added)
        return list(lines)

    def cut(self, parent: str, name: str, n: int) -> Cut | None:
        """Where a zone hands the names above `name` to others, as it said at that time."""
        zone = DomainName(parent)
        for below in DomainName(name).ancestors():
            if below == zone or not below.is_within(zone):
                break
            servers = self.records(zone, below, "NS", n)
            if servers:
                glue = {one: tuple(self.records(zone, one, "A", n)) for one in servers}
                return Cut(zone, below, tuple(servers), glue)
        return None


@dataclass(frozen=True, slots=True)
class Cut:
    """A delegation: `zone` is handed by `parent` to `servers`; `glue` has the addresses that come along."""

    parent: DomainName
    zone: DomainName
    servers: tuple[str, ...]
    glue: Mapping[str, tuple[str, ...]]


def world_of(plan: Plan, log: Iterable[Entry]) -> World:
    """One look at every entry."""
    faults, reloads, asked = [], [], []
    for entry in log:
        match entry.event:
            case FaultApplied() | FaultLifted():
                faults.append(entry)
            case ZoneReloaded():
                reloads.append(entry)
            case HopAnswered():
                asked.append(entry)
            case _:
                pass
    return World(plan, tuple(faults), tuple(reloads), tuple(asked))


def hop(entry: Entry) -> HopAnswered:
    assert isinstance(entry.event, HopAnswered)
    return entry.event


def _target(entry: Entry) -> str:
    return getattr(entry.event, "target", "")


def _fault(entry: Entry) -> str:
    """In words; whether it strikes always or by chance is the same to whom it struck."""
    return plain_words(getattr(entry.event, "fault", ""))


def _undotted(text: str) -> str:
    """As events have it: without a final dot, unless that is all of the name."""
    return text if text == "." or text.endswith(" .") else text.removesuffix(".")
