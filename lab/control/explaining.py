"""Why a message is where it is: `why`.

The rule: the diagnosis is drawn from log and plan (`lab.journey.diagnoses`); here it only becomes its JSON twin.
"""

from __future__ import annotations

from typing import Any

from lab.control.arguments import Args, flag, optional
from lab.control.running import Lab
from lab.errors import WrongUse
from lab.journey import Journeys, State, Step
from lab.journey.case import case_of
from lab.journey.diagnoses import Finding, diagnose
from lab.journey.world import World, world_of

Form = dict[str, Any]


async def why(lab: Lab, args: Args) -> Form:
    """{journey, code, sentence, rule, rfc, remedy, next, evidence …} of a message; without an id, of the last."""
    world = world_of(lab.internet.plan, lab.internet.log)
    now, to = lab.internet.fabric.clock.elapsed(), optional(args, "to")
    if flag(args, "all"):
        return {"journeys": [_line(lab.journeys, name, world, now) for name in lab.journeys]}
    return reason(lab.journeys, optional(args, "id"), world, now, to)


def reason(journeys: Journeys, id: str, world: World, now: float | None = None, to: str = "") -> Form:
    """The same of any log's journeys. WrongUse (W006) where there is none such, or it has no such recipient."""
    name = id or next(reversed(list(journeys)), "")
    if not name:
        raise WrongUse("no message has been sent yet", remedy="Send one:  lab send --from A --to B", code="W006")
    if name not in journeys:
        raise WrongUse(f"there is no journey '{name}' in this lab", remedy="List them:  lab journey", code="W006")
    try:
        case = case_of(journeys, name, world, now, to)
    except KeyError:
        remedy = f"It went to {', '.join(journeys[name].recipients)}."
        raise WrongUse(f"{name} was not sent to '{to}'", remedy=remedy, code="W006") from None
    return {**form_of(diagnose(case)), "now": case.now} | {
        "from": case.journey.sender,
        "to": list(case.journey.recipients),
        "state": str(case.state),
        "where": _where(str(case.state), case.fate.host),
    }


def _line(journeys: Journeys, id: str, world: World, now: float) -> Form:
    """A message in a few words."""
    case = case_of(journeys, id, world, now)
    found = diagnose(case)
    return {
        "journey": id,
        "from": case.journey.sender,
        "to": list(case.journey.recipients),
        "state": str(case.state),
        "code": found.code,
        "codes": list(found.codes),
        "title": found.diagnosis.title,
    }


def _where(state: str, host: str) -> str:
    words = {State.DELIVERED: "delivered at", State.BOUNCED: "bounced by", State.HELD: "held by"}
    return f"{words.get(State(state), f'{state} at')} {host}"


def form_of(finding: Finding) -> Form:
    """The stable part of the twin, and its extras."""
    form: Form = {
        "journey": finding.journey,
        "code": finding.code,
        "sentence": finding.sentence,
        "rule": finding.diagnosis.rule,
        "rfc": finding.diagnosis.rfc,
        "remedy": finding.remedy,
        "next": list(finding.tries),
        "recipient": finding.recipient,
        "evidence": [_step(step) for step in finding.evidence],
        "notes": list(finding.notes),
    }
    return form | ({"cause": form_of(finding.cause)} if finding.cause else {})


def _step(step: Step) -> Form:
    return {
        "n": step.n,
        "t": round(step.t, 9),
        "host": step.host,
        "layer": str(step.layer),
        "about": step.about,
        "outcome": step.outcome,
    }
