"""All diagnoses, in dependency order, and the one that fits a case.

The rule: names come before exchangers, exchangers before connections, connections before SMTP: the first that
fits is the first cause, and whatever failed because of it is a symptom. What came of a cause and changes what is
to be done (given up, a second bounce, a warning) is looked for before, and carries its cause with it.
"""

from __future__ import annotations

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
from lab.journey.diagnoses.model import Diagnosis, Finding, Found, on_purpose
from lab.journey.diagnoses.remedy import in_time, is_still_there, met_on_purpose, minutes, remaining, retry
from lab.journey.model import State, Step

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
    broken = met_on_purpose(case, found)
    return Finding(
        diagnosis,
        case.journey.id,
        case.fate.recipient,
        diagnosis.sentence.format_map(facts),
        in_time(case, remaining(diagnosis.remedy.format_map(facts), case, broken)),
        tries,
        _steps(case, found),
        tuple(dict.fromkeys((*found.notes, *(_told_of(case, one) for one in broken)))),
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
        "retry": retry(case),
    }


def _onward(case: Case) -> str:
    """What to do once the cause is gone."""
    if case.state is State.DELIVERED:
        return ""
    if not case.waits:
        return ", then send it again"
    return ", then  lab queue --retry" if case.world.in_real_time else f", then  lab clock +{minutes(case)}m"


def _steps(case: Case, found: Found) -> tuple[Step, ...]:
    """The steps of the journey that are drawn from these entries."""
    numbers = {entry.n for entry in found.entries}
    return tuple(step for step in case.journey.steps if numbers & set(step.entries))


def _told_of(case: Case, fault: FaultApplied) -> str:
    return on_purpose(fault, "" if is_still_there(case, fault) else ", healed since")
