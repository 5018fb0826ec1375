"""What was true around a message: faults in force, what resolvers met, what zones said; each at its time.

The rule: drawn from the log and the plan, which is the world as it was meant; what has changed since is in the
log. Nothing is asked of a running lab, so a saved log is explained as a live one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.events import FaultApplied, FaultLifted, HopAnswered, NameResolved, ZoneReloaded
from lab.log import Entry
from lab.names import DomainName
from lab.topology.plan import HostPlan, Plan, ZonePlan

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

    # -- faults -------------------------------------------------------------------------------------------

    def broken(self, target: str, t: float) -> list[Entry]:
        """The faults of a host that were in force at lab time t, oldest first."""
        return [one for one in self.in_force(t) if _target(one) == target]

    def in_force(self, t: float) -> list[Entry]:
        found: dict[tuple[str, str], Entry] = {}
        for entry in self.faults:
            if entry.t > t:
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

    def parted(self, a: str, b: str, t: float) -> Entry | None:
        """The cut between two hosts at that time, if there was one."""
        ours, theirs = self._places(a), self._places(b)
        for entry in self.in_force(t):
            left, bar, right = _target(entry).partition("|")
            sides = set(left.split(",")), set(right.split(","))
            if (
                bar
                and _fault(entry) == "cut"
                and ((sides[0] & ours and sides[1] & theirs) or (sides[0] & theirs and sides[1] & ours))
            ):
                return entry
        return None

    def _places(self, host: str) -> set[str]:
        plan = self.host(host)
        return {host, "*", *([plan.organisation] if plan else [])}

    # -- names --------------------------------------------------------------------------------------------

    def search(self, resolved: Entry) -> list[Entry]:
        """What the resolver asked of servers to answer that question; what it still knew it did not ask again, so
        then the last time that it did."""
        event = resolved.event
        assert isinstance(event, NameResolved)
        resolver = self.at(event.via)
        if resolver is None:
            return []
        mine = [one for one in self.asked if one.host == resolver.name and one.n <= resolved.n]
        during = [one for one in mine if one.t >= resolved.t - event.seconds - 1e-6]
        return [one for one in during if _is_about(one, event.name)] or [
            one for one in mine if _is_about(one, event.name)
        ]

    def useless(self, resolved: Entry) -> list[Entry]:
        """Of a search in vain: the servers of the zone where it ended, each with what came."""
        asked = self.search(resolved)
        last = next((one for one in reversed(asked)), None)
        if last is None or _hop(last).outcome in _USEFUL:
            return []
        zone = _hop(last).zone
        return [one for one in asked if _hop(one).zone == zone and _hop(one).outcome not in _USEFUL]

    def zone_above(self, name: str) -> ZonePlan | None:
        """The zone that would have to point to a zone of that name."""
        parent = DomainName(name).parent
        return next((self.plan.zones[one] for one in parent.ancestors() if one in self.plan.zones), None)

    def zone_of(self, name: str) -> ZonePlan | None:
        """The deepest zone that a name lies in."""
        return next((self.plan.zones[one] for one in DomainName(name).ancestors() if one in self.plan.zones), None)


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


def hops(entries: Iterable[Entry]) -> Iterator[HopAnswered]:
    return (_hop(entry) for entry in entries)


def _hop(entry: Entry) -> HopAnswered:
    assert isinstance(entry.event, HopAnswered)
    return entry.event


def _is_about(entry: Entry, name: str) -> bool:
    return _hop(entry).name == name


def _target(entry: Entry) -> str:
    return getattr(entry.event, "target", "")


def _fault(entry: Entry) -> str:
    return getattr(entry.event, "fault", "")
