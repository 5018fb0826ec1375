"""A journey: all that happened to one message, from the hand that wrote it to its last fate.

The rule: a journey is a value made from the log alone, so that a saved log tells the same journeys everywhere.
A message keeps its number on all its ways: relayed, forwarded, bounced, it is one journey.

Its state is that of its slowest recipient:

    queued     it is still at the host where it was handed in
    held       another host, not the recipient's own, took it over and keeps it until it can pass it on
    bounced    some host gave up for good, and told the sender
    refused    it was never taken
    delivered  every recipient has it in a mailbox
"""

from __future__ import annotations

from enum import StrEnum

from lab.values import dataclass


class Layer(StrEnum):
    """Where a step took place; POP3 and IMAP are the reader's steps."""

    DNS = "DNS"
    TCP = "TCP"
    TLS = "TLS"
    SMTP = "SMTP"
    QUEUE = "QUEUE"
    MAIL = "MAIL"
    POP3 = "POP3"
    IMAP = "IMAP"


class State(StrEnum):
    QUEUED = "queued"
    HELD = "held"
    BOUNCED = "bounced"
    REFUSED = "refused"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: lab time in seconds, the host that acted, what it met, and why it went on as it did.

    `entries` are the numbers of the log entries it is drawn from.
    """

    n: int
    t: float
    host: str
    layer: Layer
    about: str
    """Whom or what it concerns: `relay.eunet.be:25`, `MX belgiannews.com`, `ed@belgiannews.com`."""
    outcome: str
    why: str = ""
    entries: tuple[int, ...] = ()

    @property
    def what(self) -> str:
        return f"{self.about} {self.outcome}"

    @property
    def place(self) -> str:
        """`about` without its port: a host's name, where the step concerns one."""
        return self.about.split(":", 1)[0]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the message for one recipient, and on which host."""

    recipient: str
    state: State
    host: str
    t: float
    """Since when."""
    detail: str = ""
    """Of a bounce, the last reply or rule; of a waiting message, why it waits."""
    next_try: float | None = None
    """Lab seconds; for a waiting message, when its host tries again."""
    status: str = ""
    """Of a bounce, the enhanced status code (RFC 3463)."""
    at_home: bool = False
    """A waiting message is on the host that keeps the mailbox, which cannot put it in."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that a host wrote to the sender about this one: a bounce, or a warning of delay."""

    kind: str
    to: str
    state: State


@dataclass(frozen=True, slots=True)
class Journey:
    id: str
    sender: str
    """Empty: the null return path."""
    recipients: tuple[str, ...]
    subject: str
    host: str
    """Where it was handed in."""
    queue_id: str
    started: float
    state: State
    fates: tuple[Fate, ...]
    notices: tuple[Notice, ...] = ()
    steps: tuple[Step, ...] = ()


_SLOWEST_FIRST = (State.QUEUED, State.HELD, State.BOUNCED, State.REFUSED, State.DELIVERED)


def slowest(fates: tuple[Fate, ...]) -> State:
    """The state of a whole message, of which one recipient may be further than another."""
    return min((fate.state for fate in fates), key=_SLOWEST_FIRST.index, default=State.QUEUED)
