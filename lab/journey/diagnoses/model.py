"""A diagnosis: why a message is where it is, in general; and a finding: the same, said of one message.

The rule: a diagnosis is data and one pure predicate over a `Case`. Its sentence, remedy and commands are templates
that the facts of the finding fill in; a code never changes its meaning, because handouts and scenarios lean on it.

Codes go by layer, and the layers by what depends on what: D1 names, D2 exchangers, D3 connections, D4 SMTP,
D5 queue, D6 bounces, D7 copies, D8 delivered, D9 hosts and what was never taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from lab.events import FaultApplied
from lab.journey.case import Case
from lab.journey.model import Step
from lab.log import Entry
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """What a predicate saw: the facts for the sentence, the entries of the log that show it, and what the zones
    or the plan say to it. `rests`: there is a cause below it (given up, because refused)."""

    facts: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
    rests: bool = False


def on_purpose(fault: FaultApplied, since: str = "") -> str:
    """The note that somebody broke it; `since`: what became of that."""
    return f"broken on purpose{since}: {fault.target}  {fault.fault}"


Predicate = Callable[[Case], Found | None]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`rule` is the law in a few words, `rfc` where it stands; `more` tells it to someone who meets it for the
    first time. Templates know {sender} {recipient} {domain} {host} {onward} and the finding's own facts."""

    code: str
    title: str
    sentence: str
    rule: str
    rfc: str
    remedy: str
    more: str
    applies: Predicate
    tries: tuple[str, ...] = ()
    """What to type next, besides `lab explain CODE`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnosis of one message. `evidence`: the steps of its journey that show it; `cause`: the first cause,
    where the diagnosis is what came of one."""

    diagnosis: Diagnosis
    journey: str
    recipient: str
    sentence: str
    remedy: str
    tries: tuple[str, ...]
    evidence: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    cause: Finding | None = None

    @property
    def code(self) -> str:
        return self.diagnosis.code

    @property
    def codes(self) -> tuple[str, ...]:
        """Its own code, and those of the causes below it."""
        return (self.code, *(self.cause.codes if self.cause else ()))
