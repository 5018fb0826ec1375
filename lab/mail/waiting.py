"""What waits in a queue: messages, their deliveries, and the destinations these wait for.

The rule: a message is taken apart once, into one delivery for each destination; the text stays in the spool. These
are the queue's own records: others read them, the queue and the agent's workers change them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field

from lab.mail.envelope import Envelope
from lab.mail.walk import Reason
from lab.names import EmailAddress
from lab.values import dataclass

LOCAL = "local"
"""The destination of mail for this host's own mailboxes."""


@dataclass(slots=True, eq=False)
class Message:
    """A message in memory: its envelope, not its text. `arrived` in seconds that its host's clock
    shows; `open`: who waits still."""

    id: str
    envelope: Envelope
    arrived: float
    size: int
    open: set[int]
    parent: str = ""
    warned: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    watched: bool = False
    """Its warnings and its end stand on the agenda."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One message for one destination. `recipients` are numbers in its envelope, those that are still open."""

    message: Message
    destination: Destination
    recipients: list[int]
    tries: int = 0
    joined: int = 0
    """The destination's tries when this one came to wait behind it."""
    reason: Reason | None = None
    due: float | None = None
    """Lab seconds; None while it waits for its destination's turn."""
    in_hand: bool = False

    @property
    def attempts(self) -> int:
        """Its own, and those that others made for it while it waited behind."""
        return self.tries + (self.destination.tries - self.joined if self.due is None else 0)

    @property
    def state(self) -> str:
        """trying: just now; waiting: for a worker; deferred: until its next try, or its destination's."""
        if self.in_hand:
            return "trying"
        return "deferred" if self.due is not None or self.destination.until else "waiting"

    @property
    def addresses(self) -> tuple[EmailAddress, ...]:
        return tuple(self.message.envelope.recipients[number].address for number in self.recipients)


@dataclass(slots=True, eq=False)
class Destination:
    """A domain (an address literal, the smarthost, this host) and the messages that wait for it."""

    name: str
    waiting: deque[Delivery] = field(default_factory=deque)
    workers: int = 0
    alive: bool = False
    """It took a message lately: more than one session may be opened."""
    tries: int = 0
    failures: int = 0
    """In a row."""
    until: float = 0.0
    """It is left alone until then."""
    reason: Reason | None = None

    @property
    def is_due(self) -> bool:
        """Something waits, and nothing speaks against a try."""
        return bool(self.waiting) and not self.until
