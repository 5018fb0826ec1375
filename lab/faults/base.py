"""What all faults are, and those that a server commits, not the network.

The rule: a server's fault strikes when somebody asks what it is about: `times` times (0: until healed), and each
time the log says so (`events.FaultStruck`).
"""

from __future__ import annotations

from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What all faults are. `str()` is how a user types it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtServer(Fault):
    """What a server of the lab's own does wrong while its host is well."""

    times: int = 0
    """So often, then no more; 0: until healed."""


@dataclass(frozen=True, slots=True)
class Sometimes(Fault):
    """A fault that strikes with this chance (above 0, below 1) each time that it could: a new connection or a
    datagram of its host, a stage of a dialogue, a question. What is open already goes on."""

    fault: Fault
    share: float

    def __str__(self) -> str:
        return f"chance {self.share * 100:g}% {self.fault}"


def bare(fault: Fault) -> Fault:
    """The fault itself, whatever its chance."""
    return fault.fault if isinstance(fault, Sometimes) else fault


def plain_words(words: str) -> str:
    """A fault's words without its chance.

    >>> plain_words("chance 20% reply 451 at rcpt")
    'reply 451 at rcpt'
    """
    return words.split(" ", 2)[2] if words.startswith("chance ") else words


def often(times: int) -> str:
    """How often, as the last words of a fault: `` once``, `` twice``, `` 3 times``; "" for always."""
    return ("", " once", " twice")[times] if times < 3 else f" {times} times"
