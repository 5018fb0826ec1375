"""Connections: why no exchanger could be reached.

The rule: the first exchanger that was tried is the cause, a later one only what came of it. Refused, silent and
unreachable are three different things, to a sender and to who has to mend them. RFC 5321 §5.1, RFC 9293 §3.10.7.
"""

from __future__ import annotations

from lab.events import Failure, Stage
from lab.journey.case import Case, Trouble
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.model import State


def _facts(trouble: Trouble) -> dict[str, str]:
    return {"exchanger": trouble.exchanger, "address": trouble.address, "preference": str(trouble.preference)}


def _met(case: Case, failure: Failure) -> Trouble | None:
    """The first trouble of the deciding try, where it is that failure at connect."""
    trouble = case.trouble
    if trouble is None or trouble.stage is not Stage.CONNECT or trouble.failure is not failure:
        return None
    return trouble


def _unreached(failure: Failure) -> Predicate:
    def applies(case: Case) -> Found | None:
        trouble = _met(case, failure)
        if trouble is None or case.state is State.DELIVERED:
            return None
        return Found(_facts(trouble), (trouble.entry,))

    return applies


def _backed_up(failure: Failure) -> Predicate:
    """The preferred exchanger cannot be had, and another host holds the mail for it."""

    def applies(case: Case) -> Found | None:
        trouble = _met(case, failure)
        if trouble is None or case.state is not State.HELD:
            return None
        alike = [
            one.entry for one in case.detours if one.exchanger == trouble.exchanger and one.failure is failure
        ]
        return Found({**_facts(trouble), "backup": case.last.host}, tuple(alike))

    return applies


_HEAL = "lab heal {exchanger}{onward}"
_FALLBACK = "the lower preference first; the next when it cannot be reached"

DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D304",
        "the preferred exchanger refuses, a backup holds the mail",
        "The preferred exchanger refuses connections, so the backup holds the mail.",
        _FALLBACK,
        "RFC 5321 §5.1",
        _HEAL,
        "Nothing listens at port 25 of the preferred exchanger; its machine says so at once. The sender goes "
        "on to the next preference, a backup, which takes the mail and keeps trying the preferred exchanger. "
        "The mail is not lost and not in the mailbox: it is in the backup's queue.",
        _backed_up(Failure.REFUSED),
        ("lab queue {backup}",),
    ),
    Diagnosis(
        "D301",
        "the exchanger refuses connections",
        "{exchanger} refuses connections: its machine is there, and nothing listens at port 25.",
        "a host that cannot be reached is tried again later, for days",
        "RFC 5321 §4.5.4.1",
        _HEAL,
        "Refused is an answer: the machine's own kernel says that the port is closed, within a round trip. "
        "The mail server is stopped, or still starting. The message waits in the sender's queue and loses "
        "nothing.",
        _unreached(Failure.REFUSED),
        ("lab queue {host}",),
    ),
)
