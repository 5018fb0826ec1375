"""What is broken from the start, or at its time: `faults:` of a topology, judged and planned.

The rule: a file is read by the words of `lab fail`, by the same function (`lab.faults.fault_of`), so `lab check`
tells what the command line would. Not to be taken for `faults_on_purpose:`, codes of mistakes that are meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.errors import WrongUse
from lab.faults import WORDS, Fault, fault_of
from lab.topology import model
from lab.topology.draft import Draft
from lab.topology.fitting import misfit
from lab.topology.plan import FaultPlan, HostPlan, Link
from lab.topology.shorthand import closest
from lab.topology.source import Path


def fault_plans(draft: Draft, hosts: Sequence[HostPlan]) -> tuple[FaultPlan, ...]:
    """What the file breaks; complaints of what it cannot break are the draft's."""
    if not draft.topology.faults:
        return ()
    known = {str(host.name): host for host in hosts}
    found = (_plan(draft, known, shape, index) for index, shape in enumerate(draft.topology.faults))
    return tuple(plan for plan in found if plan is not None)


def _plan(draft: Draft, known: Mapping[str, HostPlan], shape: model.Fault, index: int) -> FaultPlan | None:
    path: Path = ("faults", index)
    match [name for name in ("host", "cut", "line") if getattr(shape, name)]:
        case ["host"]:
            return _of_host(draft, known, shape, path)
        case [("cut" | "line") as kind]:
            return _of_line(draft, known, shape, kind, path)
    hint = "host: mail.b.be, or cut: [a.be, b.be], or line: [a.be, b.be]"
    draft.complain("T066", "a fault is of a host, of a cut or of a line: one of the three", path, hint=hint)
    return None


def _of_host(draft: Draft, known: Mapping[str, HostPlan], shape: model.Fault, path: Path) -> FaultPlan | None:
    host, fault = known.get(str(shape.host)), _fault(draft, shape, path)
    if host is None:
        sentence = f"there is no host {shape.host} in this lab"
        where, hint = (*path, "host"), closest(str(shape.host), known)
        draft.complain("T013", sentence, where, token=str(shape.host), hint=hint)
    elif fault is not None and (reason := misfit(host, fault)):
        sentence = f"{host.name} cannot have the fault '{fault}': {reason}"
        draft.complain("T067", sentence, (*path, "fault"))
    return None if host is None or fault is None else FaultPlan((host.name,), str(fault), shape.when)


def _fault(draft: Draft, shape: model.Fault, path: Path) -> Fault | None:
    words = shape.fault.split()
    try:
        return fault_of(words or ["down"])
    except WrongUse as error:
        said = (word for word in words if f"'{word}'" in error.sentence or error.sentence.startswith(word))
        wrong = next(said, words[0] if words else "")
        hint = closest(words[0], WORDS) if words and words[0] not in WORDS else ""
        hint = hint or (error.remedy or "").rstrip(".")
        draft.complain("T066", error.sentence, (*path, "fault"), token=wrong, hint=hint)
        return None


def _of_line(
    draft: Draft, known: Mapping[str, HostPlan], shape: model.Fault, kind: str, path: Path
) -> FaultPlan | None:
    ends: list[str] = getattr(shape, kind)
    places = {"*", *known, *(host.organisation for host in known.values())}
    for end, place in enumerate(ends):
        if place not in places:
            sentence, hint = f"'{place}' is neither a host nor a domain of this lab", closest(place, places)
            draft.complain("T013", sentence, (*path, kind, end), token=place, hint=hint)
    if len(ends) != 2:
        draft.complain("T066", f"a {kind} is between two places, not one", (*path, kind))
        return None
    if kind == "line":
        return FaultPlan(tuple(ends), "", shape.when, Link(latency=shape.latency, loss=shape.loss))
    chance = f"chance {shape.chance * 100:g}% " if shape.chance < 1 else ""
    return FaultPlan(tuple(ends), f"{chance}cut{' one way' if shape.one_way else ''}", shape.when)
