"""Which engine each container lives on: decided once, before any engine is asked to do something.

The rule: an organisation stays together, for most of what is said is said within it, and a cable that is pulled
should part organisations, not a mail host from its name server. Organisations go, the heaviest first, to where
the load for what the engine can carry is least (Graham's longest-processing-time rule, SIAM J. Appl. Math. 17,
1969); so the same topology on the same engines is laid out the same. The student sits at the first engine: the
user's own.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.errors import WrongUse
from lab.fabric.docker.layout import MOST_ON_A_BRIDGE, Container
from lab.names import DomainName
from lab.values import dataclass

_STUDENT = DomainName("student")
_OWN_MB, _FOREIGN_MB = 14, 35
"""Memory of a host's container with the lab's programs, and with BIND, Postfix and Dovecot in it (measured)."""
_PACKED_MB = 2
"""What each further host in a container takes."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What an engine can carry: processors, and octets of memory."""

    cores: int
    memory: int


def place(boxes: Sequence[Container], machines: Sequence[Machine]) -> dict[str, int]:
    """Container → number of its engine. WrongUse (H049) where an organisation has more containers than the bridge
    of any engine has room for."""
    groups = _together(boxes)
    strengths = _strengths(machines)
    loads, counts = [0.0] * len(machines), [0] * len(machines)
    places: dict[str, int] = {}
    for group in sorted(groups, key=lambda group: (not _has_student(group), -_weight(group))):
        free = [at for at, count in enumerate(counts) if count + len(group) <= MOST_ON_A_BRIDGE]
        if not free:
            raise _no_room(group)
        weight = _weight(group)
        at = 0 if _has_student(group) else min(free, key=lambda at: (loads[at] + weight) / strengths[at])
        loads[at] += weight
        counts[at] += len(group)
        places |= dict.fromkeys((box.name for box in group), at)
    return {box.name: places[box.name] for box in boxes}


def _together(boxes: Sequence[Container]) -> list[list[Container]]:
    """By organisation; a packed container counts as its first host's."""
    groups: dict[str, list[Container]] = {}
    for box in boxes:
        first = box.hosts[0]
        groups.setdefault(first.organisation or first.name, []).append(box)
    return list(groups.values())


def _strengths(machines: Sequence[Machine]) -> list[float]:
    """What each is of them all: its part of the processors or of the memory, whichever is less."""
    cores, memory = sum(each.cores for each in machines), sum(each.memory for each in machines)
    return [max(min(each.cores / max(cores, 1), each.memory / max(memory, 1)), 1e-6) for each in machines]


def _weight(group: Sequence[Container]) -> int:
    return sum(_of_box(box) for box in group)


def _of_box(box: Container) -> int:
    """Real software takes its own; the lab's own programs share a process."""
    foreign = sum(host.is_foreign for host in box.hosts)
    return _OWN_MB + foreign * (_FOREIGN_MB - _OWN_MB) + (len(box.hosts) - 1) * _PACKED_MB


def _has_student(group: Sequence[Container]) -> bool:
    return any(host.name == _STUDENT for box in group for host in box.hosts)


def _no_room(group: Sequence[Container]) -> WrongUse:
    return WrongUse(
        f"{group[0].hosts[0].organisation} has {len(group)} containers, for which no engine's bridge has room "
        f"(it takes {MOST_ON_A_BRIDGE})",
        remedy="Put many hosts into each:  lab up --fabric docker --pack",
        code="H049",
    )


def labels(names: Sequence[str]) -> list[str]:
    """What stands behind the @ of a host: the first label of each engine's name, told apart where they are alike.

    >>> labels(["a.example.net", "b", "b"])
    ['a', 'b', 'b-2']
    """
    found: list[str] = []
    for name in names:
        short = name if name.replace(".", "").isdecimal() else name.partition(".")[0]
        tries = (short, *(f"{short}-{number}" for number in range(2, len(names) + 2)))
        found.append(next(each for each in tries if each not in found))
    return found
