"""Where a lab comes to stand: on real sockets where the machine allows it, in memory where it does not.

The rule: whoever names a fabric gets that one or an error; whoever names none gets a lab, and a remark when it
is not on real sockets. To choose is to go there: for `local` this process enters its private network, for good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.clock import PacedTime, TimeSource, WarpedTime
from lab.control.launch import Order
from lab.errors import MachineSaidNo, WrongUse
from lab.fabric.base import Boot, Fabric
from lab.topology.plan import Plan


@dataclass(frozen=True, slots=True)
class Site:
    """Where this lab stands: how its fabric is made, and what drives its time."""

    source: TimeSource
    make: Callable[[Boot], Fabric]


def choose(order: Order, plan: Plan, root: Path, remark: Callable[[str], None]) -> Site:
    """The fabric that was asked for; without a wish, local where the machine allows it, and else sim."""
    if order.fabric == "sim":
        return sim(order, plan)
    if order.fabric not in ("", "local"):
        raise WrongUse(f"there is no fabric '{order.fabric}'", remedy="Choose local or sim.", code="W012")
    try:
        return local(plan, root)
    except MachineSaidNo as error:
        if order.fabric:
            raise
        remark(f"{error.sentence} The lab runs simulated instead, with front doors.   {error.code}")
        return sim(order, plan)


def sim(order: Order, plan: Plan) -> Site:
    from lab.fabric.sim import SimFabric

    return Site(PacedTime(order.pace), lambda boot: SimFabric(plan.ranges, boot, seed=plan.seed))


def local(plan: Plan, root: Path) -> Site:
    from lab.fabric.local import LocalFabric
    from lab.fabric.namespace import enter

    enter()
    return Site(WarpedTime(), lambda boot: LocalFabric(plan.ranges, boot, seed=plan.seed, root=root))
