"""Which journey a packet belongs to, and what it does there: the comments in a capture.

    J-0002 · relay.eunet.be asks for MX belgiannews.com

The rule: a comment stands only where log and packet leave no doubt; none is better than a wrong one. Packets and
entries are fed in the order in which they happened.

    a session of SMTP          addresses and ports at both ends; where a port is not told, the only one it can be
    a failed connection        the only one of its host to that address and port that no session has claimed
    a message that came in     the only connection that its client has open to that host's SMTP
    a reader of mail           the only connection that is open to that host's POP3 or IMAP
    a question to a resolver   host, name, type, and the time that the search took
    a resolver's own question  the same name and type as a client's that it has not answered yet
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import suppress

from lab.events import (
    ConnectionFailed,
    ConnectionOpened,
    Failure,
    HopAnswered,
    MailAccepted,
    MailRead,
    MailRelayed,
    NameResolved,
    ReplyReceived,
    Stage,
)
from lab.journey.build import Journeys
from lab.journey.questions import Question, Questions
from lab.journey.talks import Key, Note, Talk, Talks
from lab.log import Entry
from lab.wire.packet import NoPacket, Packet, Protocol, read

_ROUNDING = 1e-5
"""Seconds by which the time that a search took may be off: the log rounds it."""
_LONGEST_TRY = 130.0
"""Seconds after which no kernel still tries to connect (127, `lab.fabric.stack`)."""
_MANY = 8
_SMTP = frozenset({25, 465, 587})
_READERS = {"POP3": frozenset({110, 995}), "IMAP": frozenset({143, 993})}


class Comments:
    """Fed with packets and entries in their order; `text` is asked as late as can be."""

    def __init__(self, names: Mapping[str, str], journeys: Journeys) -> None:
        """`names`: the host of each address."""
        self._names = names
        self._journeys = journeys
        self._addresses: dict[str, set[str]] = {}
        for address, name in names.items():
            self._addresses.setdefault(name, set()).add(address)
        self._talks = Talks()
        self._questions = Questions()
        self._sessions: dict[tuple[str, int], Talk] = {}

    # -- packets ----------------------------------------------------------------------------------------------

    def see(self, octets: bytes, t: float) -> Note:
        """A packet that was seen at lab time `t`."""
        note = Note()
        with suppress(NoPacket):
            self._place(note, read(octets), t)
        return note

    def _place(self, note: Note, packet: Packet, t: float) -> None:
        match packet.protocol:
            case Protocol.TCP:
                self._talks.see(note, packet, t)
                self._questions.see(note, packet, t)
            case Protocol.UDP:
                self._questions.see(note, packet, t)
            case Protocol.ICMP | Protocol.ICMPV6:
                returned = read(packet.payload[8:])  # an error quotes the packet that it is about
                self._talks.see_returned(note, returned)
                self._questions.see_returned(note, returned)
            case _:
                pass

    def text(self, note: Note) -> str:
        """The comment, as far as is known now; empty where there is none."""
        found = [self._journeys.of(*key) for key in self._keys(note)]
        ids = list(dict.fromkeys(one for one in found if one is not None))
        if not ids:
            return ""
        more = f" and {len(ids) - _MANY} more" if len(ids) > _MANY else ""
        what = note.text or self._what(note)
        return f"{', '.join(ids[:_MANY])}{more}" + (f" · {what}" if what else "")

    def _keys(self, note: Note) -> Iterator[Key]:
        if note.keys:
            yield from note.keys
        elif note.question is not None:
            yield from note.question.all_keys()
        elif note.talk is not None and note.talk.is_over:
            yield from note.talk.keys

    def _what(self, note: Note) -> str:
        if note.question is not None:
            return self._search(note.question, note.answers)
        if note.talk is None:
            return ""
        here, there = note.talk.client, note.talk.server
        if note.answers:
            here, there = there, here
        return f"{self._name(here[0])} to {self._name(there[0])}, {note.talk.service}"

    def _search(self, question: Question, answers: bool) -> str:
        asks, asked = self._name(question.client[0]), self._name(question.server[0])
        about = f"{question.type} {question.name}"
        if answers:
            return f"{asked} answers {asks}: {about}{question.outcome and f': {question.outcome}'}"
        whom = "" if question.recursive else f"{asked} "
        return f"{asks} asks {whom}for {about}"

    def _name(self, address: str) -> str:
        return self._names.get(address, address)

    # -- entries ----------------------------------------------------------------------------------------------

    def feed(self, entry: Entry) -> None:
        match entry.event:
            case ConnectionOpened() as event:
                self._opened(entry, event)
            case ConnectionFailed() as event:
                self._failed(entry, event)
            case ReplyReceived() as event:
                self._replied(entry.host, event)
            case MailRelayed() as event:
                self._relayed(entry.host, event)
            case MailAccepted() as event:
                self._accepted(entry.host, event)
            case MailRead() as event:
                self._read(entry.host, event)
            case NameResolved() as event:
                self._resolved(entry, event)
            case HopAnswered() as event:
                self._questions.told(self._owns(entry.host), event)
            case _:
                pass

    def _owns(self, host: str) -> Set[str]:
        """A host's addresses."""
        return self._addresses.get(host, set())

    def _opened(self, entry: Entry, event: ConnectionOpened) -> None:
        host = entry.host
        talk = self._claim(entry, event, event.local_port)
        if talk is None:
            return
        self._sessions[host, event.session] = talk
        for note in talk.opening:
            note.text = f"{host} connects to {event.exchanger}, port {event.port}, for {event.destination}"
        talk.serve((host, event.queue_id))

    def _claim(self, entry: Entry, event: ConnectionOpened | ConnectionFailed, port: int) -> Talk | None:
        """The connection that an event is about, if it can only be one; it is nobody else's then."""
        mine, failed = self._owns(entry.host), isinstance(event, ConnectionFailed)
        found = [
            talk
            for talk in self._talks.to(event.address, frozenset({event.port}))
            if talk.client[0] in mine
            and not talk.claimed
            and port in (0, talk.client[1])
            and talk.t >= entry.t - _LONGEST_TRY
            and not (failed and talk.stands)
        ]
        if port and found:
            found = found[-1:]  # the same port again: the newest is meant
        if len(found) != 1:
            return None
        found[0].claimed = True
        return found[0]

    def _failed(self, entry: Entry, event: ConnectionFailed) -> None:
        host, key = entry.host, (entry.host, event.queue_id)
        if event.stage is not Stage.CONNECT:
            talk = self._sessions.get((host, event.session))
            if talk is not None:
                talk.serve(key)
            return
        talk = self._claim(entry, event, 0)
        if talk is None:
            return
        for note in talk.waiting:
            if event.failure in (Failure.REFUSED, Failure.TIMED_OUT, Failure.UNREACHABLE):
                note.text = (
                    f"{host} tries {event.exchanger}, port {event.port}, for {event.destination}: {event.failure}"
                )
        talk.serve(key)

    def _replied(self, host: str, event: ReplyReceived) -> None:
        talk = self._sessions.get((host, event.session))
        if talk is None:
            return
        answer = talk.last_answer
        if event.code >= 400 and talk.says(str(event.code)) and answer is not None and not answer.text:
            who = self._name(talk.server[0])
            answer.text = f"{who} says no at {event.stage}: {event.code} {event.text}"
        talk.serve((host, event.queue_id))

    def _relayed(self, host: str, event: MailRelayed) -> None:
        talk = self._sessions.get((host, event.session))
        if talk is not None and talk.last_answer is not None and talk.says("250"):
            talk.last_answer.text = f"{event.exchanger} takes it: {event.reply}"
            talk.last_answer.keys[host, event.queue_id] = None

    def _accepted(self, host: str, event: MailAccepted) -> None:
        mine = self._owns(host)
        found = [
            talk
            for address in mine
            for talk in self._talks.to(address, _SMTP)
            if talk.client[0] == event.peer and talk.is_open
        ]
        if len(found) == 1 and not found[0].claimed:
            found[0].serve((host, event.queue_id))

    def _read(self, host: str, event: MailRead) -> None:
        ports = _READERS.get(event.how, frozenset())
        found = [talk for address in self._owns(host) for talk in self._talks.to(address, ports) if talk.is_open]
        key = self._journeys.holding(host, event.mailbox, event.folder, event.uid)
        if len(found) == 1 and key is not None:
            found[0].read(key, f"{event.mailbox} reads it by {event.how}")

    def _resolved(self, entry: Entry, event: NameResolved) -> None:
        if event.queue_id and event.via:
            begun = entry.t - event.seconds - _ROUNDING
            outcome = ", ".join(event.answers[:_MANY]) or ("" if event.rcode == "TIMEOUT" else event.rcode)
            self._questions.resolved(self._owns(entry.host), event, begun, (entry.host, event.queue_id), outcome)
