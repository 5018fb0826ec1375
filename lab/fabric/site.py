"""Where a lab can come to stand: a time source for its loop, and how its fabric is made inside it.

The rule: to choose `local` is to go there: this process enters its private network, for good.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab.clock import PacedTime, TimeSource, VirtualTime, WarpedTime
from lab.fabric.base import Boot, Fabric
from lab.fabric.wish import Wish
from lab.topology.plan import Plan
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """`make` is called inside a running LabLoop on `source`."""

    source: TimeSource
    make: Callable[[Boot], Fabric]


def sim(plan: Plan, pace: float = 0.0) -> Site:
    """In memory. `pace`: lab seconds for each second; 0 jumps from one due moment to the next."""
    from lab.fabric.sim import SimFabric

    source = PacedTime(pace) if pace else VirtualTime()
    return Site(source, lambda boot: SimFabric(plan.ranges, boot, seed=plan.seed))


def local(plan: Plan, root: Path) -> Site:
    """On real sockets; the hosts' disks are below `root`. MachineSaidNo (H010) where it is refused."""
    from lab.fabric.local import LocalFabric
    from lab.fabric.namespace import enter

    enter()
    at = Path(plan.source).parent
    return Site(WarpedTime(), lambda boot: LocalFabric(plan.ranges, boot, seed=plan.seed, root=root, at=at))


def docker(
    plan: Plan,
    wish: Wish,
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Site:
    """In containers; `progress` hears how many of how many serve. What an engine says to that is heard when the
    lab comes up."""
    from lab.fabric.distant.moment import SharedTime
    from lab.fabric.docker.fabric import DockerFabric

    def make(_: Boot) -> DockerFabric:
        fabric = DockerFabric(plan, wish, tell)
        fabric.progress = progress
        return fabric

    return Site(SharedTime(), make)
