"""All diagnoses, in dependency order, and the one that fits a case.

The rule: names come before exchangers, exchangers before connections, connections before SMTP: the first that
fits is the first cause, and whatever failed because of it is a symptom. What came of a cause and changes what is
to be done (given up, a second bounce, a warning) is looked for before, and carries its cause with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from lab.events import FaultApplied
from lab.journey.case import Case
from lab.journey.diagnoses import (
    bounce,
    delegation,
    delivered,
    dns,
    host,
    local,
    mx,
    queue,
    refused,
    smtp,
    tcp,
)
from lab.journey.diagnoses.model import Diagnosis, Finding, Found
from lab.journey.diagnoses.search import failed
from lab.journey.model import State, Step
from lab.journey.world import NOW

CAUSES: tuple[Diagnosis, ...] = (
    *refused.DIAGNOSES,
    *host.DIAGNOSES,
    *dns.RESOLVING,
    *delegation.DIAGNOSES,
    *dns.DIAGNOSES,
    *tcp.LINES,
    *mx.DIAGNOSES,
    *tcp.DIAGNOSES,
    *smtp.DIAGNOSES,
    *local.DIAGNOSES,
    *delivered.DIAGNOSES,
    *queue.LAST,
)
"""In dependency order."""

OUTCOMES: tuple[Diagnosis, ...] = (
    *host.NOW_BROKEN,
    *delivered.COPIES,
    *bounce.DIAGNOSES,
    *local.FORWARDS,
    *queue.DIAGNOSES,
)
"""What came of a cause."""

UNKNOWN = queue.UNKNOWN

LAYERS: Mapping[str, str] = MappingProxyType(
    {
        "D1": "names: the DNS, from the resolver to the domain's own servers",
        "D2": "exchangers: MX records, backups, loops",
        "D3": "connections: who could not be reached, and how",
        "D4": "SMTP: what an exchanger answered at which stage, and mailboxes",
        "D5": "queues: waiting, warned, given up",
        "D6": "bounces",
        "D7": "copies",
        "D8": "delivered, straight or by detours",
        "D9": "hosts, and what was never taken",
    }
)
"""What the first digit of a code stands for."""

CATALOGUE: Mapping[str, Diagnosis] = MappingProxyType(
    {one.code: one for one in sorted((*OUTCOMES, *CAUSES), key=lambda one: one.code)}
)
"""By code."""


def diagnose(case: Case) -> Finding:
    """The first that fits."""
    for diagnosis in (*OUTCOMES, *CAUSES):
        found = diagnosis.applies(case)
        if found is not None:
            return _told(case, diagnosis, found)
    return _told(case, UNKNOWN, UNKNOWN.applies(case) or Found())


def _cause(case: Case) -> Finding | None:
    pairs = ((one, one.applies(case)) for one in CAUSES)
    return next((_told(case, one, found) for one, found in pairs if found is not None), None)


def _told(case: Case, diagnosis: Diagnosis, found: Found) -> Finding:
    cause = _cause(case) if found.rests else None
    facts = {**_common(case), "cure": cause.remedy if cause else "", **found.facts, "code": diagnosis.code}
    tries = (f"lab explain {diagnosis.code}", *(one.format_map(facts) for one in diagnosis.tries))
    remedy = diagnosis.remedy.format_map(facts)
    broken = _on_purpose(case, found)
    if "lab heal" in remedy and broken and not any(_is_still_there(case, one) for one in broken):
        remedy = _healed(case)
    return Finding(
        diagnosis,
        case.journey.id,
        case.fate.recipient,
        diagnosis.sentence.format_map(facts),
        remedy,
        tries,
        _steps(case, found),
        (*found.notes, *(_told_of(case, one) for one in broken)),
        cause,
    )


def _common(case: Case) -> dict[str, str]:
    recipient = case.last.recipient
    return {
        "id": case.journey.id,
        "sender": case.journey.sender or "<>",
        "recipient": recipient,
        "domain": case.last.destination,
        "host": case.last.host,
        "onward": _onward(case),
        "retry": _retry(case),
        "minutes": str(_minutes(case)),
    }


def _onward(case: Case) -> str:
    """What to do once the cause is gone."""
    if case.state is State.DELIVERED:
        return ""
    return f", then  lab clock +{_minutes(case)}m" if case.waits else ", then send it again"


def _retry(case: Case) -> str:
    """What to do where the cause is gone and the message waits. A resolver would say again that it failed."""
    wait = f"lab clock +{_minutes(case)}m"
    return wait if failed(case) else f"lab queue {case.last.host} --retry,  or wait:  {wait}"


def _minutes(case: Case) -> int:
    """Until the next try."""
    left = (case.fate.next_try or case.now) - case.now
    return max(1, math.ceil(left / 60))


def _steps(case: Case, found: Found) -> tuple[Step, ...]:
    """The steps of the journey that are drawn from these entries."""
    numbers = {entry.n for entry in found.entries}
    return tuple(step for step in case.journey.steps if numbers & set(step.entries))


def _on_purpose(case: Case, found: Found) -> list[FaultApplied]:
    """What somebody broke, where it was in force when the evidence was met."""
    places = {place for leg in case.legs for place in case.world.places(leg.host)} - {"*"}
    names = {*found.facts.values(), *places}
    broken = {entry.n: entry for one in found.entries for entry in case.world.in_force(one.n)}
    return [
        entry.event
        for entry in broken.values()
        if isinstance(entry.event, FaultApplied) and names & set(re.split(r"[|,]", entry.event.target))
    ]


def _is_still_there(case: Case, fault: FaultApplied) -> bool:
    return any(one.event == fault for one in case.world.in_force(NOW))


def _told_of(case: Case, fault: FaultApplied) -> str:
    since = "" if _is_still_there(case, fault) else ", healed since"
    return f"broken on purpose{since}: {fault.target}  {fault.fault}"


def _healed(case: Case) -> str:
    """The remedy where what stood in the way was broken on purpose and is healed by now."""
    if case.waits:
        return f"It is healed by now.  {_retry(case)}"
    return "It is healed by now." if case.state is State.DELIVERED else "It is healed by now: send it again"
