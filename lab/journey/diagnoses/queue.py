"""Queues: what a message waits for when nothing else is wrong, and what came of waiting too long.

The rule: the queue's own word (`MailDeferred`, `DelayWarned`, `RecipientsFailed`) is the evidence.
RFC 5321 §4.5.4.1 (schedules), §4.5.5 (warnings).
"""

from __future__ import annotations

from lab.journey.diagnoses.model import Diagnosis, Found

DIAGNOSES: tuple[Diagnosis, ...] = ()

UNKNOWN = Diagnosis(
    "D599",
    "on its way",
    "{host} has it and is at work on it; nothing has gone wrong so far.",
    "an answer may take minutes at each stage before a sender gives up waiting for it",
    "RFC 5321 §4.5.3.2",
    "Let a little lab time pass:  lab clock +1m",
    "A message between two outcomes: the dialogue goes on, or the host has not looked at it yet.",
    lambda case: Found(),
    ("lab journey {id}",),
)

LAST: tuple[Diagnosis, ...] = (UNKNOWN,)
