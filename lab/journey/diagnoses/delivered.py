"""Delivered: all is well, and which detours it took.

The rule: a message in its mailbox needs no remedy; what it met on the way is told all the same.
"""

from __future__ import annotations

from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found
from lab.journey.model import State


def _well(case: Case) -> Found | None:
    if case.state is not State.DELIVERED:
        return None
    ends = tuple(leg.left for leg in case.legs if leg.left is not None)
    return Found({}, ends)


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D801",
        "delivered, straight",
        "All is well: it is in {recipient}'s mailbox at {host}, by the straight way.",
        "the lower preference first; it took the mail, and the last 250 was true",
        "RFC 5321 §5.1, §4.2.5",
        "There is nothing to mend.",
        "The sender found the exchangers, the preferred one took the message with 250, and the mailbox has it.",
        _well,
        ("lab mailbox {recipient}",),
    ),
)
