"""The TCP connections of a capture, with what is known of each: who speaks, and which messages it serves.

The rule: a note is what is known of one packet; it belongs to the message that the next event of its connection
names. What no event has named when the connection is over belongs to all messages that it served.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from lab.values import dataclass
from lab.wire.packet import End, Flag, Packet

if TYPE_CHECKING:
    from lab.journey.questions import Question

Key = tuple[str, str]
"""A message: host and queue_id."""

SERVICES = MappingProxyType(
    {25: "SMTP", 53: "DNS", 110: "POP3", 143: "IMAP", 465: "SMTP", 587: "submission", 993: "IMAP", 995: "POP3"}
)
_WAITING = 2000
"""Packets of a connection that wait to hear which message they serve."""
_ENDED_KEPT = 500
_TLS = range(0x14, 0x18)
"""The first octet of a TLS record (RFC 8446 §5.1)."""


@dataclass(eq=False, slots=True)
class Note:
    """What is known of one packet."""

    keys: dict[Key, None] = field(default_factory=dict)
    text: str = ""
    answers: bool = False
    """It comes from the server's side."""
    talk: Talk | None = None
    question: Question | None = None


@dataclass(eq=False, slots=True)
class Talk:
    """A connection, from its first packet on that was seen."""

    client: End
    server: End
    t: float = 0.0
    """When it was seen first."""
    start: int = -1
    """The SYN's number; -1 where none was seen."""
    keys: dict[Key, None] = field(default_factory=dict)
    served: Key | None = None
    """The last of them."""
    claimed: bool = False
    """A session of the log is this connection."""
    opening: list[Note] = field(default_factory=list)
    """Its SYN, as often as it was sent."""
    waiting: deque[Note] = field(default_factory=lambda: deque(maxlen=_WAITING))
    last_command: Note | None = None
    last_answer: Note | None = None
    last_words: bytes = b""
    """The beginning of the last answer."""
    stands: bool = False
    finished: set[End] = field(default_factory=set)
    reading: tuple[dict[Key, None], str] | None = None

    @property
    def is_open(self) -> bool:
        return self.stands and not self.is_over

    @property
    def is_over(self) -> bool:
        return len(self.finished) == 2

    @property
    def service(self) -> str:
        return SERVICES.get(self.server[1], f"port {self.server[1]}")

    def see(self, note: Note, packet: Packet) -> None:
        note.talk, note.answers = self, packet.source == self.server
        if packet.flags == Flag.ACK and not (packet.payload or self.waiting) and self.served:
            note.keys = {self.served: None}  # it acknowledges what was for this message
        else:
            self.waiting.append(note)
        if packet.flags & Flag.SYN and not note.answers:
            self.opening.append(note)
        if packet.flags & Flag.RST:
            self.finished = {self.client, self.server}
        elif packet.flags & Flag.FIN:
            self.finished.add(packet.source)
        elif not note.answers and not packet.flags & Flag.SYN:
            self.stands = True
        if packet.payload:
            self._hear(note, packet.payload)

    def _hear(self, note: Note, payload: bytes) -> None:
        self.stands = True
        if note.answers:
            self.last_answer, self.last_words = note, payload[:1024]
            if self.reading is not None:
                note.keys, note.text = self.reading
        else:
            self.last_command, self.reading = note, None

    def says(self, code: str) -> bool:
        """Whether the last answer has that reply; what TLS hides is believed."""
        words = self.last_words
        return words[:1] != b"" and (
            words[0] in _TLS or any(line.startswith(code.encode()) for line in words.split(b"\r\n"))
        )

    def serve(self, key: Key) -> None:
        """What was said until now was for this message."""
        if not key[1]:
            return
        for note in self.waiting:
            note.keys = {key: None}
        self.waiting.clear()
        self.keys[key] = None
        self.served = key

    def read(self, key: Key, text: str) -> None:
        """The last command fetched this message, too; the answers that follow bring it."""
        if self.last_command is None:
            return
        if self.reading is None:
            self.reading = (self.last_command.keys, text)
            self.last_command.text = text
        self.reading[0][key] = None


class Talks:
    """All connections that are open, and those that ended last."""

    def __init__(self) -> None:
        self._by_ends: dict[tuple[End, End], Talk] = {}
        self._by_server: dict[str, dict[Talk, None]] = {}
        self._ended: deque[Talk] = deque()

    def see(self, note: Note, packet: Packet, t: float) -> None:
        talk = self._of(packet, t)
        was_over = talk.is_over
        talk.see(note, packet)
        if talk.is_over and not was_over:
            self._note_end(talk)

    def see_returned(self, note: Note, packet: Packet) -> None:
        """An error about one of its packets."""
        talk = self._by_ends.get((packet.source, packet.target))
        if talk is not None and packet.source[1]:
            note.talk, note.answers = talk, True
            talk.waiting.append(note)
            talk.finished = {talk.client, talk.server}
            self._note_end(talk)

    def to(self, address: str, ports: frozenset[int]) -> Iterator[Talk]:
        """Those with a server, oldest first."""
        return (talk for talk in self._by_server.get(address, ()) if talk.server[1] in ports)

    def _of(self, packet: Packet, t: float) -> Talk:
        ends = (packet.source, packet.target)
        if packet.flags & Flag.SYN and not packet.flags & Flag.ACK:
            known = self._by_ends.get(ends)
            again = known is not None and known.start == packet.sequence
            return known if known is not None and again else self._begin(Talk(*ends, t, packet.sequence))
        known = self._by_ends.get(ends) or self._by_ends.get(ends[::-1])
        if known is None:
            client, server = sorted(ends, key=lambda end: end[1], reverse=True)
            known = self._begin(Talk(client, server, t))
        return known

    def _begin(self, talk: Talk) -> Talk:
        self._by_ends[talk.client, talk.server] = talk
        self._by_server.setdefault(talk.server[0], {})[talk] = None
        return talk

    def _note_end(self, talk: Talk) -> None:
        self._ended.append(talk)
        while len(self._ended) > _ENDED_KEPT:
            self._forget(self._ended.popleft())

    def _forget(self, talk: Talk) -> None:
        self._by_server.get(talk.server[0], {}).pop(talk, None)
        if self._by_ends.get((talk.client, talk.server)) is talk:
            del self._by_ends[talk.client, talk.server]
