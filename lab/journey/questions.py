"""The questions and answers of the DNS in a capture, and for which messages they were asked.

The rule: a stub's question belongs to the search whose span of time it was asked in, by the same host, for the
same name and type. Searches that found it asked already share it, as the stub has it (`lab.dns.stub`). What a
resolver asks belongs to those clients' questions of the same name and type that it has not answered yet.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator, Set
from dataclasses import field

from lab.events import HopAnswered, NameResolved
from lab.journey.talks import Key, Note
from lab.values import dataclass
from lab.wire.dns import read_name, type_name
from lab.wire.packet import End, Packet, Protocol

_DNS = 53
_KEPT = 4000
_RESPONSE, _RECURSION_DESIRED = 0x8000, 0x0100


@dataclass(eq=False, slots=True)
class Question:
    """One question on the wire, and its answer."""

    client: End
    server: End
    number: int
    name: str
    type: str
    recursive: bool
    t: float
    keys: dict[Key, None] = field(default_factory=dict)
    causes: tuple[Question, ...] = ()
    claimed: bool = False
    answered: bool = False
    outcome: str = ""

    def all_keys(self) -> Iterator[Key]:
        """Of the messages that it was asked for, itself or for a client."""
        yield from self.keys
        for cause in self.causes:
            yield from cause.all_keys()


class Questions:
    """The last few thousand."""

    def __init__(self) -> None:
        self._all: deque[Question] = deque()
        self._about: dict[tuple[str, str], dict[Question, None]] = {}
        """By name and type, oldest first."""

    # -- packets ----------------------------------------------------------------------------------------------

    def see(self, note: Note, packet: Packet, t: float) -> None:
        if _DNS not in (packet.source[1], packet.target[1]):
            return
        stream = packet.protocol == Protocol.TCP
        found = _read(packet.payload[2:] if stream else packet.payload)
        if found is None:
            return
        number, flags, name, kind = found
        if flags & _RESPONSE:
            self._answered(note, packet, number, (name, kind))
        else:
            recursive = bool(flags & _RECURSION_DESIRED)
            self._asked(note, Question(packet.source, packet.target, number, name, kind, recursive, t))

    def see_returned(self, note: Note, packet: Packet) -> None:
        """An error about a question: the host or its port is not there."""
        found = _read(packet.payload) if packet.target[1] == _DNS else None
        for question in self._about.get((found[2], found[3]), ()) if found else ():
            if (question.client, question.server) == (packet.source, packet.target):
                note.question, note.answers = question, True
                question.answered, question.outcome = True, "unreachable"

    def _asked(self, note: Note, question: Question) -> None:
        same = self._about.setdefault((question.name, question.type), {})
        again = [one for one in same if _is(one, question.client, question.server, question.number)]
        if again and not again[-1].answered:
            note.question = again[-1]
            return
        question.causes = tuple(
            one for one in same if one.server[0] == question.client[0] and not one.answered and one.recursive
        )
        same[question] = None
        note.question = question
        self._all.append(question)
        while len(self._all) > _KEPT:
            self._forget(self._all.popleft())

    def _answered(self, note: Note, packet: Packet, number: int, about: tuple[str, str]) -> None:
        for question in self._about.get(about, ()):
            if _is(question, packet.target, packet.source, number):
                note.question, note.answers, question.answered = question, True, True

    def _forget(self, question: Question) -> None:
        same = self._about.get((question.name, question.type), {})
        same.pop(question, None)
        if not same:
            self._about.pop((question.name, question.type), None)

    # -- entries ----------------------------------------------------------------------------------------------

    def resolved(self, host: Set[str], event: NameResolved, begun: float, key: Key, outcome: str) -> None:
        """A host's search that began then has ended."""
        span = [
            one
            for one in self._about.get((event.name.lower(), event.type), ())
            if one.client[0] in host and one.recursive and one.t >= begun
        ]
        for question in [one for one in span if not one.claimed] or span[-1:]:
            question.claimed = True
            question.keys[key] = None
            if question.answered and question.server[0] == event.via:
                question.outcome = outcome

    def told(self, host: Set[str], event: HopAnswered) -> None:
        """A resolver tells what one server said."""
        for question in self._about.get((event.name.lower(), event.type), ()):
            mine = question.client[0] in host and question.server[0] == event.address
            if mine and not question.claimed:
                question.claimed = True
                question.outcome = question.outcome or event.outcome


def _is(question: Question, client: End, server: End, number: int) -> bool:
    return (question.client, question.server, question.number) == (client, server, number)


def _read(octets: bytes) -> tuple[int, int, str, str] | None:
    """A message's number and flags, and the name and type it is about; None where it is none of the DNS."""
    try:
        number, flags, count = struct.unpack_from("!HHH", octets)
        name, at = read_name(octets, 12)
        (kind,) = struct.unpack_from("!H", octets, at)
    except (struct.error, ValueError, IndexError):
        return None
    return (number, flags, name.lower(), type_name(kind)) if count == 1 else None
