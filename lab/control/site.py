"""Where a lab comes to stand: on real sockets where the machine allows it, in memory where it does not.

The rule: whoever names a fabric gets that one or an error; whoever names none gets a lab, and a remark when it
is not on real sockets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from lab.control.launch import Order
from lab.errors import MachineSaidNo, WrongUse
from lab.fabric import site
from lab.fabric.site import Site
from lab.fabric.wish import Wish
from lab.topology.plan import Plan


def choose(
    order: Order,
    plan: Plan,
    root: Path,
    remark: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Site:
    """The fabric that was asked for; without a wish, local where the machine allows it, and else sim."""
    match order.fabric:
        case "sim":
            return site.sim(plan, order.pace)
        case "docker":
            return site.docker(plan, wish(order, root), remark, progress)
        case "local":
            return site.local(plan, root)
        case "":
            return _best(order, plan, root, remark)
    raise WrongUse(f"there is no fabric '{order.fabric}'", remedy="Choose local, docker or sim.", code="W012")


def _best(order: Order, plan: Plan, root: Path, remark: Callable[[str], None]) -> Site:
    try:
        return site.local(plan, root)
    except MachineSaidNo as error:
        remark(f"{error.sentence} The lab runs simulated instead, with front doors.   {error.code}")
        return site.sim(plan, order.pace)


def wish(order: Order, root: Path) -> Wish:
    """The lab of one home is one lab, whenever it is started: what it left is its own to take away."""
    owner = hashlib.sha256(str(root).encode()).hexdigest()[:12]
    return Wish(owner, _share(order.share), order.engines)


def _share(word: str) -> int | str:
    if word in ("", "organisation"):
        return word or 1
    if word.isdecimal() and int(word) > 0:
        return int(word)
    raise WrongUse(f"'{word}' is no number of hosts", remedy="Say --per 100, or --per organisation.", code="W012")
