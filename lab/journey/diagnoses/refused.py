"""Refused at once: a message that the sender's own host never took.

The rule: what is wrong with it is told to the person who wrote it, while that person is there (RFC 6409 §6).
"""

from __future__ import annotations

from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.model import State


def _says(words: str) -> Predicate:
    def applies(case: Case) -> Found | None:
        if case.state is not State.REFUSED or words not in case.fate.detail:
            return None
        return Found({"words": case.fate.detail.rstrip(".")}, (case.last.born,))

    return applies


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D910",
        "the sender is nobody on that host",
        "It was never taken: {words}.",
        "a host hands mail in for its own people only, under names that they have",
        "RFC 6409 §6.1",
        "Write your own address as the sender, or make it:  lab account add {sender}{onward}",
        "Where people hand their mail in, the host knows them. A name of its own domain that nobody has "
        "would make a bounce that nobody gets.",
        _says("is nobody on"),
        ("lab account list",),
    ),
    Diagnosis(
        "D911",
        "the message is too large for its sender's own host",
        "It was never taken: {words}.",
        "a host has a limit on the size of a message, and says so before it takes it",
        "RFC 1870 §6, RFC 6409 §6.3",
        "Send less, or raise the host's limit (`mail: {{size_limit: …}}`){onward}",
        "The first host on the way measures the message first, and refuses it to the face of its writer: no "
        "queue, no bounce.",
        _says("octets"),
        ("lab config {host}",),
    ),
    Diagnosis(
        "D912",
        "the disk of the sender's own host is full",
        "It was never taken: {words}.",
        "a host may take a message only when it is safe on its disk",
        "RFC 5321 §4.2.5, RFC 3463 §3.4",
        "lab heal {host}{onward}",
        "The first host on the way has no room for one more message, and says so while its writer is there: "
        "nothing is lost, since nothing was accepted.",
        _says("disk"),
        ("lab status", "lab queue {host}"),
    ),
)
