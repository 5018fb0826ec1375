"""SMTP: what an exchanger answered, or where the dialogue broke off.

The rule: 4xx is not now, 5xx is never; the stage tells what the answer was about (RFC 5321 §4.2.1, §4.3.2).
"""

from __future__ import annotations

from lab.events import Stage
from lab.journey.case import Case, Trouble
from lab.journey.diagnoses.model import Diagnosis, Found
from lab.journey.model import State


def decisive(case: Case) -> Trouble | None:
    """What ended the deciding try: of a bounce the reply that it follows from, else what came first."""
    troubles = case.attempt.troubles if case.attempt and case.state is not State.DELIVERED else ()
    if case.state is State.BOUNCED:
        return next((one for one in troubles if one.follows == "bounce"), troubles[-1] if troubles else None)
    return troubles[0] if troubles else None


def facts(trouble: Trouble) -> dict[str, str]:
    return {"exchanger": trouble.exchanger, "reply": trouble.words, "stage": str(trouble.stage)}


def _unknown_user(case: Case) -> Found | None:
    trouble = decisive(case)
    if trouble is None or trouble.stage is not Stage.RCPT or trouble.status != "5.1.1":
        return None
    return Found(facts(trouble), (trouble.entry,))


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D409",
        "no such user",
        "{exchanger} has no mailbox {recipient}.",
        "550 to RCPT is for good: no other exchanger is asked, the sender is told",
        "RFC 5321 §3.3, §4.2.1",
        "Write the address as it really is, or give it a mailbox:  lab account add {recipient}",
        "The host that keeps the domain's mailboxes knows all its people, and says no while the sender is "
        "still on the line. So the sender's own host writes the bounce, to somebody it knows.",
        _unknown_user,
        ("lab account list",),
    ),
)
