"""Journeys out of a log.

    journeys = build(log)              # or Journeys(), then feed() each entry as it comes
    journeys["J-0002"].state           # State.HELD

The rule: numbers are given once, in the order of the log, and kept: J-0001 is the first message that a person or
a program handed in, or that a stranger brought. What came of it (bounce, warning, forward) bears no number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lab.journey.fates import fates, notices
from lab.journey.hops import Hop, Trail
from lab.journey.model import Fate, Journey, Notice, State, slowest
from lab.journey.steps import journey_steps
from lab.log import Entry


class Journeys(Mapping[str, Journey]):
    """The journeys of a log so far, by id. One is made when it is asked for, from its own entries only."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._trail = Trail()
        for entry in entries:
            self.feed(entry)

    def feed(self, entry: Entry) -> None:
        self._trail.feed(entry)

    @property
    def now(self) -> float:
        """Lab seconds of the last entry."""
        return self._trail.last

    @property
    def trail(self) -> Trail:
        """The messages' hops themselves, for who looks for causes (`case`)."""
        return self._trail

    def __getitem__(self, id: str) -> Journey:
        return self._journey(self.root(id))

    def __iter__(self) -> Iterator[str]:
        return (_id(hop) for hop in self._trail.roots if hop.parent is None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, host: str, queue_id: str) -> str | None:
        """The id of the journey that a message in a host's queue belongs to."""
        hop = self._trail.hops.get((host, queue_id))
        while hop is not None and hop.parent is not None:
            hop = hop.parent
        return _id(hop) if hop is not None else None

    def holding(self, host: str, mailbox: str, folder: str, uid: int) -> tuple[str, str] | None:
        """Host and queue_id of the message that a mailbox has under that number."""
        hop = self._trail.holding(host, mailbox, folder, uid)
        return (hop.host, hop.queue_id) if hop is not None else None

    def state(self, id: str) -> State:
        """The state alone, which costs less than the journey; so do `fates` and `notices`."""
        return slowest(self.fates(id))

    def fates(self, id: str) -> tuple[Fate, ...]:
        return fates(self._trail, self.root(id))

    def notices(self, id: str) -> tuple[Notice, ...]:
        return notices(self._trail, self.root(id))

    def root(self, id: str) -> Hop:
        """Where a journey began. KeyError where there is none of that id."""
        number = id.upper().removeprefix("J-")
        index = int(number) - 1 if number.isdecimal() else -1
        hop = self._trail.roots[index] if 0 <= index < len(self._trail.roots) else None
        if hop is None or hop.parent is not None:
            raise KeyError(id)
        return hop

    # -- below --------------------------------------------------------------------------------------------

    def _journey(self, hop: Hop) -> Journey:
        every = fates(self._trail, hop)
        return Journey(
            id=_id(hop),
            sender=hop.sender,
            recipients=hop.recipients,
            subject=hop.subject,
            host=hop.host,
            queue_id=hop.queue_id,
            started=hop.born.t,
            state=slowest(every),
            fates=every,
            notices=notices(self._trail, hop),
            steps=journey_steps(self._trail, hop),
        )


def build(entries: Iterable[Entry]) -> Journeys:
    """The journeys of a log, in its order."""
    return Journeys(entries)


def _id(hop: Hop) -> str:
    return f"J-{hop.number:04}"
