"""What becomes of a packet between two hosts: one rule chain, for every fabric.

The rule: the first of these that has something to say decides, in the order in which a packet would meet them:
a cut line, a fault of either host (the table FATE, which is the table of `faults`), then the link's own loss,
queue and latency. A host always reaches itself.

Two questions: `verdict` says whether a packet gets through at all, `line` what the way costs. Chance comes from
one seeded stream for each pair of hosts and direction: one pair's traffic never changes another's story.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from random import Random
from typing import Protocol

from lab.fabric.breakage import Cut
from lab.fabric.faults import (
    Down,
    Fault,
    Gone,
    HostFaults,
    Paused,
    Silent,
    Sometimes,
    Unreachable,
    bare,
)
from lab.fabric.stack import problem
from lab.names import DomainName
from lab.topology.plan import HostPlan, Link


class Packet(Enum):
    """What a packet belongs to."""

    CONNECT = "a new connection"
    STREAM = "an open connection"
    DATAGRAM = "a datagram"


class Verdict(Enum):
    """What becomes of it."""

    PASS = "passes"
    DROP = "is lost"
    REFUSE = "is refused"
    UNREACHABLE = "meets no host"

    def error(self, address: str) -> OSError | None:
        """What the sender's kernel would say; None where it would say nothing."""
        number = _ERRNO.get(self)
        return problem(number, address) if number else None


_ERRNO = {Verdict.REFUSE: errno.ECONNREFUSED, Verdict.UNREACHABLE: errno.EHOSTUNREACH}

_NO_WAY = {
    Packet.CONNECT: Verdict.UNREACHABLE,
    Packet.STREAM: Verdict.DROP,
    Packet.DATAGRAM: Verdict.UNREACHABLE,
}

FATE: Mapping[type[Fault], Mapping[Packet, Verdict]] = {
    Silent: dict.fromkeys(Packet, Verdict.DROP),
    Unreachable: _NO_WAY,
    Gone: _NO_WAY,
    Down: {Packet.CONNECT: Verdict.REFUSE, Packet.STREAM: Verdict.PASS, Packet.DATAGRAM: Verdict.REFUSE},
    Paused: {Packet.CONNECT: Verdict.PASS, Packet.STREAM: Verdict.PASS, Packet.DATAGRAM: Verdict.DROP},
}
"""By fault of either host, the severest first. What an open connection of a host that is down still receives, its
kernel answers with a reset; a paused host's kernel still shakes hands and acknowledges."""


Luck = dict[Fault | Cut, bool]
"""What chance has decided about a connection: by what could strike it, whether it does."""


class Place(Protocol):
    """As much of a host as the rules look at."""

    @property
    def name(self) -> DomainName: ...

    @property
    def plan(self) -> HostPlan: ...

    @property
    def faults(self) -> HostFaults: ...

    @property
    def is_faulty(self) -> bool: ...


class Line:
    """The way from one host to another, in this direction."""

    __slots__ = ("_free_at", "_name", "_stream", "link", "rto")

    def __init__(self, link: Link, name: str) -> None:
        self.link = link
        self.rto = 0.2 + 2 * link.latency.total_seconds()
        """Seconds until TCP sends a lost segment again, for the first time (RFC 6298; Linux's floor 0.2 s)."""
        self._free_at = 0.0
        self._name = name
        self._stream: Random | None = None

    def toll(self, now: float, octets: int) -> float | None:
        """Seconds until this many octets arrive; None: they are lost on the way."""
        link = self.link
        if link.loss and self._chance() < link.loss:
            return None
        return self._queueing(now, octets) + link.latency.total_seconds() + self._jitter()

    def _queueing(self, now: float, octets: int) -> float:
        if not self.link.bandwidth:
            return 0.0
        self._free_at = max(now, self._free_at) + octets * 8 / self.link.bandwidth
        return self._free_at - now

    def _jitter(self) -> float:
        jitter = self.link.jitter.total_seconds()
        return jitter * self._chance() if jitter else 0.0

    def _chance(self) -> float:
        if self._stream is None:
            self._stream = Random(self._name)
        return self._stream.random()


class Rules:
    """Links, cuts and the hosts' faults. `generation` changes whenever an answer may have changed."""

    def __init__(self, seed: str) -> None:
        self.generation = 0
        self._seed = seed
        self._links: dict[tuple[str, str], Link] = {}
        self.cuts: list[Cut] = []
        self._lines: dict[tuple[DomainName, DomainName], Line | None] = {}
        self._chances: dict[tuple[DomainName, DomainName], Random] = {}
        self._certain: dict[tuple[DomainName, DomainName, Packet], Verdict] = {}
        """What was decided without chance, and is so until something changes."""

    def changed(self) -> None:
        """A fault came or went."""
        self.generation += 1
        self._certain.clear()

    def connect(self, a: str, b: str, link: Link) -> None:
        self._links[a, b] = self._links[b, a] = link
        self._lines.clear()
        self.changed()

    def cut(self, cut: Cut) -> None:
        self.cuts.append(cut)
        self.changed()

    def join(self, cut: Cut) -> None:
        self.cuts.remove(cut)
        self.changed()

    def mend(self) -> None:
        self.cuts.clear()
        self.changed()

    def verdict(self, source: Place, target: Place | None, packet: Packet, luck: Luck | None = None) -> Verdict:
        """What becomes of a packet. `target` None: nobody has that address, as the last router would say. `luck`:
        what chance has decided for this connection before, for it is asked once."""
        if target is None:
            return Verdict.UNREACHABLE
        if self.are_well(source, target):
            return Verdict.PASS
        key = source.name, target.name, packet
        verdict = self._certain.get(key)
        if verdict is None:
            verdict = self._decided(source, target, packet, {} if luck is None else luck)
            if not self._leaves_to_chance(source, target):
                self._certain[key] = verdict
        return verdict

    def _decided(self, source: Place, target: Place, packet: Packet, luck: Luck) -> Verdict:
        strikes = self._strikes(source, target, packet, luck)
        if self.cuts and any(_leads(cut, source, target) and strikes(cut) for cut in self.cuts):
            return Verdict.DROP
        faults = (*source.faults.now, *target.faults.now)
        return fate(packet, [bare(fault) for fault in faults if strikes(fault)])

    def _leaves_to_chance(self, source: Place, target: Place) -> bool:
        faults = (*source.faults.now, *target.faults.now)
        return any(cut.share < 1 for cut in self.cuts) or any(isinstance(fault, Sometimes) for fault in faults)

    def _strikes(self, source: Place, target: Place, packet: Packet, luck: Luck) -> Callable[[Fault | Cut], bool]:
        def strikes(what: Fault | Cut) -> bool:
            share = what.share if isinstance(what, Cut | Sometimes) else 1.0
            if share == 1:
                return True
            if packet is Packet.STREAM:
                return False
            if what not in luck:
                luck[what] = self._dice(source, target).random() < share
            return luck[what]

        return strikes

    def _dice(self, source: Place, target: Place) -> Random:
        pair = (source.name, target.name)
        if pair not in self._chances:
            self._chances[pair] = Random(f"{self._seed}:chance:{source.name}>{target.name}")
        return self._chances[pair]

    def are_well(self, source: Place, target: Place) -> bool:
        """Whether nothing is cut, and neither has a fault: everything passes."""
        return source is target or not (self.cuts or source.is_faulty or target.is_faulty)

    def is_cut(self, source: Place, target: Place) -> bool:
        """Whether nothing passes from one to the other, for certain; the other way it may."""
        return any(cut.share == 1 and _leads(cut, source, target) for cut in self.cuts)

    def line(self, source: Place, target: Place) -> Line | None:
        """What the way costs; None: nothing, it is instant and sure."""
        if not self._links or source is target:
            return None
        pair = (source.name, target.name)
        if pair not in self._lines:
            self._lines[pair] = self._lay(source, target)
        return self._lines[pair]

    def _lay(self, source: Place, target: Place) -> Line | None:
        link = between(self._links, source.plan, target.plan)
        if link is None or link == _WIRE:
            return None
        return Line(link, f"{self._seed}:link:{source.name}>{target.name}")


_WIRE = Link()
_EXACTNESS = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1), (1, 2), (2, 1), (2, 2))
"""Which pair of labels counts first: 0 a host's name, 1 its organisation, 2 everywhere."""


def between(links: Mapping[tuple[str, str], Link], source: HostPlan, target: HostPlan) -> Link | None:
    """The line from one host to another, of those between places: the most exact one. None where there is none."""
    here, there = _labels(source), _labels(target)
    found = (links.get((here[i], there[j])) for i, j in _EXACTNESS)
    return next((link for link in found if link is not None), None)


def fate(packet: Packet, faults: Sequence[Fault]) -> Verdict:
    """The verdict of the severest of these faults."""
    return next(
        (verdicts[packet] for kind, verdicts in FATE.items() for fault in faults if isinstance(fault, kind)),
        Verdict.PASS,
    )


def _labels(plan: HostPlan) -> tuple[str, str, str]:
    return (plan.name, plan.organisation or plan.name, "*")


def _leads(cut: Cut, source: Place, target: Place) -> bool:
    """Whether a cut lies on the way from one host to another. A host always reaches itself."""
    if source is target:
        return False
    here, there = _labels(source.plan), _labels(target.plan)
    return any(_meet(here, a) and _meet(there, b) for a, b in cut.ways)


def _meet(labels: tuple[str, str, str], group: tuple[str, ...]) -> bool:
    return any(label in group for label in labels)
