"""What a fabric shows of the packets that cross it: `Fabric.tap`.

The rule: a frame is a packet as one host's interface saw it, at lab time. A packet that arrives is seen twice, by
its sender (`sent`) and by its receiver; one that is lost on the way, by its sender alone. What nobody taps costs
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from lab.names import DomainName
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """An IP packet (no link header) at a host's interface, `t` in seconds of lab time."""

    t: float
    host: DomainName
    octets: bytes
    sent: bool
    """It leaves here; else it has arrived here."""


Subscriber = Callable[[Frame], None]
Untap = Callable[[], int]
"""Ends a tap, and tells how many packets it could not show since it began: a kernel drops what nobody fetches."""
