"""What all faults are, and those that a server commits, not the network.

The rule: a server's fault strikes when somebody asks what it is about: `times` times (0: until healed), and each
time the log says so (`events.FaultStruck`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What all faults are. `str()` is how a user types it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtServer(Fault):
    """What a server of the lab's own does wrong while its host is well."""

    times: int = 0
    """So often, then no more; 0: until healed."""


def often(times: int) -> str:
    """How often, as the last words of a fault: `` once``, `` twice``, `` 3 times``; "" for always."""
    return ("", " once", " twice")[times] if times < 3 else f" {times} times"
