"""What can be broken, with its place: a fault of a host, a cut between places, a line that is bad.

The rule: a breakage is a value, so that one schedule (`schedule`) can let any of them begin and end. `target` and
`fault` are the words that the log and `lab status` have for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.faults import Fault, fault_of, share_of
from lab.names import DomainName
from lab.timing import Timing, timing_of
from lab.topology.plan import FaultPlan, Link
from lab.values import dataclass

Group = tuple[str, ...]
"""Places: hosts, organisations, "*"."""


@dataclass(frozen=True, slots=True)
class OnHost:
    """A fault of a host."""

    host: DomainName
    what: Fault

    @property
    def target(self) -> str:
        return self.host

    @property
    def fault(self) -> str:
        return str(self.what)


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing passes between two groups of places; `one_way`: nothing from `a` reaches `b`, and what `b` sends
    comes to `a`. `share`: with this chance, a new connection or a datagram is lost; what is open goes on."""

    a: Group
    b: Group
    one_way: bool = False
    share: float = 1.0

    @classmethod
    def between(cls, a: Sequence[str], b: Sequence[str]) -> Cut:
        return cls(tuple(a), tuple(b))

    @property
    def ways(self) -> tuple[tuple[Group, Group], ...]:
        """From whom to whom nothing passes."""
        return ((self.a, self.b),) if self.one_way else ((self.a, self.b), (self.b, self.a))

    @property
    def target(self) -> str:
        return f"{','.join(self.a)}|{','.join(self.b)}"

    @property
    def fault(self) -> str:
        chance = f"chance {self.share * 100:g}% " if self.share < 1 else ""
        return f"{chance}cut one way" if self.one_way else f"{chance}cut"


@dataclass(frozen=True, slots=True)
class OnLine:
    """Another line between two places than the topology's."""

    a: str
    b: str
    link: Link

    @property
    def target(self) -> str:
        return f"{self.a}|{self.b}"

    @property
    def fault(self) -> str:
        return f"link {self.link}"


Breakage = OnHost | Cut | OnLine


def planned(plan: FaultPlan) -> tuple[Breakage, Timing]:
    """What a topology breaks, and when."""
    when = timing_of(plan.when)
    if plan.link is not None:
        a, b = plan.places
        return OnLine(a, b, plan.link), when
    if len(plan.places) == 1:
        return OnHost(DomainName(plan.places[0]), fault_of(plan.fault)), when
    words = plan.fault.split()
    share = share_of(words[1]) if words[0] == "chance" else 1.0
    return Cut(plan.places[:1], plan.places[1:], words[-2:] == ["one", "way"], share), when
