"""A capture file of a mini-Internet: every packet once, at lab time, with host names and journey comments.

    recorder = Recorder(internet, journeys, sink=file.write)
    await internet.fabric.see_all()       # it looks
    …                                     # the lab goes on; `turn` now and then writes what has waited enough
    await internet.fabric.see_all()       # it has seen
    counts = recorder.finish()

The rule: each packet stands at its sender's interface, as it left. Where only some hosts are looked at, packets
from elsewhere stand at theirs, as they arrived: what was lost on the way is not there. A packet waits a while,
because the event that tells what it was for comes after it; what is written is never changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime

from lab import __version__
from lab.events import LabStarted
from lab.fabric.tap import Frame
from lab.internet import Internet
from lab.journey.build import Journeys
from lab.journey.comments import Comments
from lab.journey.talks import Note
from lab.names import DomainName
from lab.values import dataclass
from lab.wire import pcapng
from lab.wire.packet import NoPacket, read

_MOST_WAITING = 50_000
"""Packets in memory, beyond which the oldest are written at once."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a capture holds; `dropped`: packets that there was no room for."""

    packets: int
    octets: int
    hosts: int
    dropped: int


class Recorder:
    """Begins when it is made. `hosts`: those to look at, none for all; `turns`: how many a packet waits; while
    `has_room` says no, packets are left out."""

    def __init__(
        self,
        internet: Internet,
        journeys: Journeys,
        sink: Callable[[bytes], object],
        hosts: Collection[DomainName] = (),
        turns: int = 1,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._log = internet.log
        self._hosts = frozenset(hosts)
        self._names: dict[str, str] = {
            address: host.name for host in internet.plan.hosts for address in host.addresses
        }
        self._plans = {host.name: host for host in internet.plan.hosts}
        self._comments = Comments(self._names, journeys)
        self._sink = sink
        self._turns = turns
        self._has_room = has_room
        self._left_out = 0
        self._heard = self._ripe = len(self._log)
        """Entries of the log that the comments know, and those by which all packets before them are here."""
        self._seen: deque[tuple[int, Frame]] = deque()
        self._noted: deque[tuple[int, Frame, Note]] = deque()
        self._turn = 0
        self._interfaces: dict[DomainName, int] = {}
        self._received: list[int] = []
        self._octets = 0
        self._last = self._epoch = _epoch(internet)
        sink(_head(internet))
        self._stop = internet.fabric.tap(self._see, self._hosts)

    # -- packets come ----------------------------------------------------------------------------------------

    def _see(self, frame: Frame) -> None:
        if self._hosts and not self._is_wanted(frame):
            return
        if not self._has_room():
            self._left_out += 1
        elif frame.sent or self._hosts:
            self._line_up(frame)
            if len(self._seen) > _MOST_WAITING:
                self.turn()
        if len(self._noted) > _MOST_WAITING:
            self._write(self._noted.popleft())

    def _line_up(self, frame: Frame) -> None:
        """By its time: what several kernels saw may come a moment late."""
        place = len(self._seen)
        while place and self._seen[place - 1][1].t > frame.t:
            place -= 1
        self._seen.insert(place, (self._before(frame.t), frame))

    def _is_wanted(self, frame: Frame) -> bool:
        """At a host that is looked at; not twice, when its sender is looked at, too."""
        if frame.host not in self._hosts:
            return False
        try:
            return frame.sent or self._names.get(read(frame.octets).source[0]) not in self._hosts
        except NoPacket:
            return False

    def _before(self, t: float) -> int:
        """How many entries the log had then. (A kernel shows a packet a moment after it was.)"""
        count = len(self._log)
        while count > self._heard and self._log.since(count - 1)[0].t > t:
            count -= 1
        return count

    # -- packets go ------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Time has passed: write what has waited enough."""
        self._settle(self._ripe)
        self._ripe = len(self._log)
        self._turn += 1
        while self._noted and self._noted[0][0] + self._turns < self._turn:
            self._write(self._noted.popleft())

    def finish(self) -> Counts:
        """The tap ends, and everything is written."""
        dropped = self._stop()
        self._settle(len(self._log))
        while self._noted:
            self._write(self._noted.popleft())
        for number, received in enumerate(self._received):
            self._sink(pcapng.statistics(number, self._last, received))
        return Counts(sum(self._received), self._octets, len(self._received), dropped + self._left_out)

    def _settle(self, limit: int) -> None:
        """Feed the comments with packets and entries, in the order in which they happened, up to an entry."""
        for entry in self._log.since(self._heard)[: max(0, limit - self._heard)]:
            self._note_before(entry.n)
            self._comments.feed(entry)
            self._heard = entry.n
        self._note_before(limit + 1)

    def _note_before(self, number: int) -> None:
        while self._seen and self._seen[0][0] < number:
            _, frame = self._seen.popleft()
            self._noted.append((self._turn, frame, self._comments.see(frame.octets, frame.t)))

    def _write(self, noted: tuple[int, Frame, Note]) -> None:
        _, frame, note = noted
        self._last = self._epoch + round(frame.t * 1e9)
        number = self._interface(frame.host)
        self._sink(pcapng.packet(number, self._last, frame.octets, self._comments.text(note), frame.sent))
        self._received[number] += 1
        self._octets += len(frame.octets)

    def _interface(self, host: DomainName) -> int:
        number = self._interfaces.get(host)
        if number is None:
            number = self._interfaces[host] = len(self._received)
            self._received.append(0)
            plan = self._plans[host]
            self._sink(pcapng.interface(host, f"{' '.join(plan.addresses)}  {', '.join(plan.roles)}"))
        return number


def _epoch(internet: Internet) -> int:
    """When lab time began, in nanoseconds since 1970."""
    started = next(entry.event for entry in internet.log.since(0) if isinstance(entry.event, LabStarted))
    return round(datetime.fromisoformat(started.epoch).timestamp() * 1000) * 1_000_000


def _head(internet: Internet) -> bytes:
    plan = internet.plan
    comment = (
        f'The mini-Internet "{plan.name}", fabric {internet.fabric.name}, seed {plan.seed}.\n'
        "Times are lab time, which may run ahead of the clock on the wall.\n"
        f"{internet.fabric.view}"
    )
    hosts = [(address, str(host.name)) for host in plan.hosts for address in host.addresses]
    return pcapng.section(comment, f"mini-internet-lab {__version__}") + pcapng.names(hosts)
