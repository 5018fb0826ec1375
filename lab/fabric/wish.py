"""How a lab is to stand on a Docker engine."""

from __future__ import annotations

from lab.values import dataclass

PACKED = 250
"""Hosts in a container when many go into one, and nobody says how many."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`owner` marks all that the lab makes there, "" for a lab that lasts no longer than its process; `share`: how
    many hosts a container has, or "organisation"."""

    owner: str = ""
    share: int | str = 1
    engines: tuple[str, ...] = ()
    image: str = ""
    """Which image; "" has it built where it is missing or older than the lab."""
