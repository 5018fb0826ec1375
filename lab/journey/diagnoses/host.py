"""Hosts: the one that has the message cannot work on it.

The rule: a fault of the host itself comes before all that it met: what it could not reach is not to blame.
RFC 5321 §4.2.5 (what was accepted is kept), §4.5.4.1 (and tried again).
"""

from __future__ import annotations

from lab.events import FaultApplied
from lab.faults import plain_words
from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.world import NOW


def _now(*faults: str) -> Predicate:
    """The host that has the message is broken so at this moment."""

    def applies(case: Case) -> Found | None:
        if not case.waits:
            return None
        host = case.fate.host
        found = [one for one in case.world.broken(host, NOW) if _word(one.event) in faults]
        return Found({"host": host}, tuple(found[:1])) if found else None

    return applies


def _cut_off(case: Case) -> Found | None:
    """The host was cut off when it tried, so nobody that it asked could answer."""
    attempt = case.attempt
    if attempt is None or not case.waits or attempt.host != case.fate.host:
        return None
    broken = case.world.broken(attempt.host, attempt.entries[-1].n)
    met = [one.entry for one in attempt.troubles] or attempt.lookups()
    if not any(_word(one.event) in ("unreachable", "silent") for one in broken):
        return None
    return Found({}, tuple(met[:1]))


def _word(event: object) -> str:
    return plain_words(event.fault) if isinstance(event, FaultApplied) else ""


NOW_BROKEN: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D902",
        "the host that has it is down",
        "{host} is down, with the mail in its queue. Nothing is lost: the queue is on its disk.",
        "what was accepted with 250 has to survive a crash",
        "RFC 5321 §4.2.5, §6.1",
        "lab heal {host}, then  lab clock +1m",
        "A host says 250 only when the message is on its disk. After a restart it finds its queue there and "
        "tries everything at once. Until then nobody else has the message, or knows of it.",
        _now("down", "gone", "crash", "power-cut"),
        ("lab status",),
    ),
    Diagnosis(
        "D903",
        "the host that has it stands still",
        "{host} stands still, with the mail in its queue.",
        "what was accepted is tried again until it is delivered or given up",
        "RFC 5321 §4.5.4.1",
        "lab heal {host}{onward}",
        "Its programs are stopped in the middle of what they did. When they go on, what was due meanwhile is "
        "due at once.",
        _now("paused"),
        ("lab status",),
    ),
)
"""What comes before all that the message met."""

DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D901",
        "the sending host itself is cut off",
        "{host} is cut off from the network itself: whoever it asks, nobody answers.",
        "who can reach nobody learns nothing about others: the mail waits",
        "RFC 5321 §4.5.4.1",
        "lab heal {host}{onward}",
        "Resolver and exchangers may be well; the way from this host to them is not. It sees what it would "
        "see if all others were gone.",
        _cut_off,
        ("lab status",),
    ),
)
