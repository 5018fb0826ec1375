"""Which faults a host can have: those of the network any, those of a server where the lab's own server is.

The rule: what a fault could not change is refused in a sentence, never applied in vain. Real software, and
software of the user's own, answers as it will: it can be down, unreachable, silent or paused, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.errors import WrongUse
from lab.faults import (
    AtMailbox,
    AtStage,
    DiskFull,
    Fault,
    Hide,
    Lame,
    NoTcp,
    OfNames,
    Skew,
    Sometimes,
    WrongGlue,
    bare,
)
from lab.topology.plan import HostPlan, Link
from lab.topology.software import SOFTWARE, Role


def require_fit(plan: HostPlan, fault: Fault) -> None:
    """WrongUse (W029) where the host cannot have the fault."""
    reason = misfit(plan, fault)
    if reason:
        remedy = "Any host can be down, unreachable, silent or paused."
        raise WrongUse(f"{plan.name} cannot have the fault '{fault}': {reason}", remedy=remedy, code="W029")


def require_slowable(plans: Iterable[HostPlan], a: str, b: str, link: Link) -> None:
    """WrongUse (W029) where a line is to be slow, and nobody at either end asks the lab before it sends: packet
    filters lose packets, and hold none back."""
    if (link.latency or link.jitter or link.bandwidth) and not _asks_the_lab(plans, (a, b)):
        raise WrongUse(
            f"the line between {a} and {b} cannot be slow: what runs at both its ends is not the lab's",
            remedy="It can lose packets (--loss) and be cut (--cut). With the lab's own at an end it can be slow.",
            code="W029",
        )


def _asks_the_lab(plans: Iterable[HostPlan], places: Sequence[str]) -> bool:
    """Whether a program of the lab's own runs at any of these places."""
    named = {*places}
    ends = [plan for plan in plans if {plan.name, plan.organisation or plan.name, "*"} & named]
    return not all(plan.is_foreign for plan in ends)


def require_ruled(plans: Iterable[HostPlan], a: Iterable[str], b: Iterable[str]) -> None:
    """WrongUse (W029) where a cut or another line is to lie between two programs of the user's own, and the lab
    rules on its own side of connections only (the local fabric)."""
    plans = list(plans)
    for one in _programs(plans, a):
        for other in _programs(plans, b):
            if one is not other:
                raise WrongUse(
                    f"between {one.name} and {other.name} the lab has no say: programs of your own run at both",
                    remedy="Between one of them and a host of the lab's own it has. On docker it has everywhere.",
                    code="W029",
                )


def _programs(plans: Iterable[HostPlan], places: Iterable[str]) -> list[HostPlan]:
    asked = set(places)
    return [one for one in plans if one.command and {one.name, one.organisation or one.name, "*"} & asked]


def misfit(plan: HostPlan, fault: Fault) -> str:
    """Why this host cannot have this fault; "" where it can."""
    match bare(fault):
        case AtStage() | Hide():
            return _theirs(plan, Role.MAIL) or ("" if plan.mail else "it takes no mail in")
        case OfNames() | NoTcp() as of_names:
            return _of_names(plan, of_names)
        case AtMailbox():
            return _theirs(plan, Role.MAILBOXES) or ("" if plan.mail else "it keeps no mailboxes")
        case DiskFull() if plan.is_foreign:
            return f"the disk of {_software(plan)} is its own, and the lab cannot fill it"
        case Skew() if plan.is_foreign:
            return f"{_software(plan)} goes by the machine's clock"
        case _ if isinstance(fault, Sometimes) and plan.is_foreign:
            return f"{_software(plan)} speaks through its machine's kernel, which leaves nothing to chance"
        case _:
            return ""


def _of_names(plan: HostPlan, fault: OfNames | NoTcp) -> str:
    role = Role.RESOLVER if plan.resolver else Role.AUTHORITY
    if not (plan.zones or plan.resolver):
        return _theirs(plan, role) or "it answers no questions about names"
    of_zones = isinstance(fault, Lame | WrongGlue)
    if theirs := _theirs(plan, role):
        return theirs
    if of_zones and not plan.zones:
        return "it serves no zone"
    if isinstance(fault, NoTcp) or fault.name is None or (plan.resolver and not of_zones):
        return ""
    return (
        ""
        if any(fault.name.is_within(zone) for zone in plan.zones)
        else f"it serves no zone with {fault.name} in it"
    )


def _theirs(plan: HostPlan, role: Role) -> str:
    """That software which is not the lab's does this job; "" where the lab's own does."""
    if plan.image or plan.command:
        return f"{_software(plan)} runs there, and answers as it will"
    does = next((name for name in plan.software if role in SOFTWARE[name]), "")
    return f"{does} is real software, and answers as it will" if does else ""


def _software(plan: HostPlan) -> str:
    return " and ".join(plan.software) or plan.image or "software of your own"
