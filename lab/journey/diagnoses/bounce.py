"""Bounces: what became of telling the sender.

The rule: a bounce has the null return path, and nobody bounces a bounce (RFC 5321 §4.5.5, §6.1): what cannot be
returned goes to the postmaster of the host that gave up, and if that fails, nowhere.
"""

from __future__ import annotations

from lab.events import BounceSent, RecipientsFailed
from lab.journey.case import Case, Leg
from lab.journey.diagnoses.model import Diagnosis, Found
from lab.journey.model import State


def _bounces(case: Case) -> list[Leg]:
    if case.state is not State.BOUNCED:
        return []
    return [leg for kind, leg in case.notices if kind == "bounce"]


def _double(case: Case) -> Found | None:
    """The bounce was given up, too."""
    for leg in _bounces(case):
        if leg.left is not None and isinstance(leg.left.event, RecipientsFailed) and case.journey.sender:
            reason = leg.left.event.reason.rstrip(".")
            told = [one for one in leg.told if isinstance(one.event, BounceSent)]
            to = told[0].event.to if told and isinstance(told[0].event, BounceSent) else "nobody"
            return Found({"returned": leg.recipient, "why": reason, "to": to}, (leg.left, *told), rests=True)
    return None


def _null(case: Case) -> Found | None:
    """There was nobody to tell."""
    if case.state is not State.BOUNCED or case.journey.sender:
        return None
    told = [one for one in case.last.told if isinstance(one.event, BounceSent)]
    to = told[0].event.to if told and isinstance(told[0].event, BounceSent) else "nobody"
    return Found({"to": to}, tuple(told), rests=True)


def _waits(case: Case) -> Found | None:
    """The bounce cannot be delivered yet."""
    for leg in _bounces(case):
        if leg.left is None and leg.waits:
            reason = getattr(leg.waits[-1].event, "reason", "").rstrip(".")
            return Found({"returned": leg.recipient, "at": leg.host, "why": reason}, leg.waits[:1], rests=True)
    return None


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D603",
        "a message from nobody failed",
        "It came from the null sender <>, so nobody is told that it failed; {to} gets a note of it.",
        "no notification is ever sent about a message with a null return path",
        "RFC 5321 §4.5.5, §6.1",
        "Look after the cause below; what has a null sender is itself a notice, and is not sent again.",
        "Bounces and warnings have an empty sender, so that nothing can come back about them: two hosts "
        "would else tell each other for ever that their bounces failed.",
        _null,
        ("lab mailbox {to}", "lab explain bounce"),
    ),
    Diagnosis(
        "D601",
        "a double bounce: neither it nor its bounce could be delivered",
        "It failed, and so did the bounce to {returned}: {why}. Only {to} knows.",
        "a bounce that fails is not bounced: at most the host's own postmaster hears of it",
        "RFC 5321 §6.1, §4.5.5",
        "Write it with a sender's address that exists.",
        "The sender's address leads nowhere, so the writer will never hear that the mail did not arrive. "
        "Mistyped sender addresses in mail programs do this, and forged ones.",
        _double,
        ("lab mailbox {to}", "lab explain bounce"),
    ),
    Diagnosis(
        "D602",
        "its bounce cannot be delivered yet",
        "It failed, and {returned} does not know yet: the bounce waits at {at}, {why}.",
        "a bounce is a message like others, and waits in the queue like others",
        "RFC 5321 §6.1, §4.5.4.1",
        "It arrives once the sender's own mail host takes mail; then at once by  lab queue {at} --retry",
        "The host that gave up has written to the sender, and cannot reach the sender's exchanger at the "
        "moment. It goes on trying, for days if need be.",
        _waits,
        ("lab queue {at}", "lab explain bounce"),
    ),
)
