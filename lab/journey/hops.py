"""A message on one host is a hop; this joins hop to hop, one log entry at a time.

The rule: each entry is looked at once, when it comes, so that a log of any length costs its length, and a live
view can feed on a running lab. How the events of one message find each other is told in `lab.events`:

    the reply "queued as X" that a sender got, and the host that gave X      a relayed message
    `parent`                                                                a bounce, a warning, a forward
    the Message-ID, while a session to the other host was open              the reply was lost (RFC 1047)

A host that went down between writing and telling tells what it wrote when it is up again: what is new in that is
taken for what it should have told, what is old is passed over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import field, replace

from lab.events import (
    BounceSent,
    ConnectionFailed,
    ConnectionOpened,
    DelayWarned,
    DestinationBackedOff,
    FailureRecovered,
    FolderRenamed,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailExpunged,
    MailForwarded,
    MailMoved,
    MailRead,
    MailRecovered,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    RecipientsFailed,
    ReplyReceived,
    Stage,
    SubmissionRefused,
)
from lab.log import Entry
from lab.values import dataclass
from lab.wire.smtp_reply import queue_id_in

Departure = MailDelivered | MailForwarded | MailRelayed | RecipientsFailed
"""What settles a recipient on a host."""


@dataclass(eq=False, slots=True)
class Hop:
    """A message on one host, and what the log says of it there."""

    born: Entry
    queue_id: str
    sender: str
    recipients: tuple[str, ...]
    message_id: str = ""
    subject: str = ""
    parent: Hop | None = None
    children: list[Hop] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    """Every entry that names it, its birth included."""
    departures: dict[str, list[Entry]] = field(default_factory=dict)
    """By recipient in lower case."""
    deferrals: dict[str, Entry] = field(default_factory=dict)
    """The last deferral of each recipient."""
    passed_to: dict[int, Hop] = field(default_factory=dict)
    """By the number of a `MailRelayed` entry: the hop it became."""
    notices: dict[str, str] = field(default_factory=dict)
    """queue_id of a bounce or warning about it → which of the two."""
    read: list[Entry] = field(default_factory=list)
    """What the owners of mailboxes did with it there."""
    talking_to: str = ""
    """The exchanger that a session has begun to hand it to."""
    gone: Entry | None = None
    number: int = 0
    """Of a hop that began a journey: its place among them, from 1."""

    @property
    def host(self) -> str:
        return self.born.host

    @property
    def kind(self) -> str:
        """Of a notice, "bounce" or "warning"; else empty."""
        return self.parent.notices.get(self.queue_id, "") if self.parent else ""

    @property
    def handed_in(self) -> bool:
        """Its sender's own host has it, rather than one that took it from another (RFC 3848: A, authenticated)."""
        event = self.born.event
        return not isinstance(event, MailAccepted) or event.protocol.endswith("A")


class Trail:
    """All hops of a log, joined. `feed` it every entry, in order."""

    def __init__(self) -> None:
        self.roots: list[Hop] = []
        """Where journeys begin, in order; one that later proved to be part of another keeps its place."""
        self.hops: dict[tuple[str, str], Hop] = {}
        self.sessions: dict[tuple[str, int], ConnectionOpened] = {}
        self.shared: defaultdict[tuple[str, int], list[Entry]] = defaultdict(list)
        """A session's entries that name no message: greeting, HELO, QUIT."""
        self.back_offs: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        self.last = 0.0
        self._by_message_id: defaultdict[str, list[Hop]] = defaultdict(list)
        self._expected: dict[str, list[tuple[Hop, Entry]]] = {}
        """By the queue id that a reply named: hops whose other side has not told of it yet. Two hosts that tell by
        ways of their own (containers, logs of foreign software) may be heard in the wrong order."""
        self._delivered: dict[tuple[str, str, str], dict[int, Hop]] = defaultdict(dict)
        """By host, mailbox and folder: uid → the hop that brought it."""

    def feed(self, entry: Entry) -> None:
        self.last = entry.t
        match entry.event:
            case MailSubmitted() as event:
                self._submitted(entry, event)
            case MailAccepted() as event:
                self._accepted(entry, event)
            case MailRecovered() as event if (entry.host, event.queue_id) not in self.hops:
                self._recovered(entry, event)
            case FailureRecovered() as event:
                self._failure_recovered(entry, event)
            case SubmissionRefused() as event:
                self._root(Hop(entry, "", event.sender, event.recipients))
            case DestinationBackedOff() as event:
                self.back_offs[entry.host, event.destination].append(entry)
            case MailRead() | MailMoved() | MailExpunged():
                self._read(entry, entry.event)
            case FolderRenamed() as event:
                self._renamed(entry.host, event)
            case event:
                self._session(entry)
                hop = self.hops.get((entry.host, getattr(event, "queue_id", "")))
                if hop is not None:
                    self._happened(hop, entry)

    def holding(self, host: str, mailbox: str, folder: str, uid: int) -> Hop | None:
        """The hop that brought what is in a mailbox under that number."""
        return self._delivered.get((host, mailbox.lower(), folder), {}).get(uid)

    def children(self, hop: Hop) -> Iterator[Hop]:
        """The hop, and all that came of it, oldest first."""
        waiting, seen = [hop], {id(hop)}
        while waiting:
            now = waiting.pop(0)
            yield now
            fresh = [child for child in now.children if id(child) not in seen]
            seen.update(map(id, fresh))
            waiting += fresh

    def waits(self, hop: Hop) -> Sequence[Entry]:
        """The back-offs of its destinations while it was in the queue."""
        found: list[Entry] = []
        for destination in dict.fromkeys(map(destination_of, hop.recipients)):
            entries = self.back_offs.get((hop.host, destination), [])
            first = bisect_right(entries, hop.born.n, key=_number)
            found += entries[first : bisect_right(entries, hop.gone.n, key=_number) if hop.gone else None]
        return found

    # -- below --------------------------------------------------------------------------------------------

    def _submitted(self, entry: Entry, event: MailSubmitted) -> None:
        hop = Hop(entry, event.queue_id, event.sender, event.recipients, event.message_id, event.subject)
        parent = self.hops.get((entry.host, event.parent)) if event.parent else None
        self._begin(hop, parent)

    def _accepted(self, entry: Entry, event: MailAccepted) -> None:
        hop = Hop(entry, event.queue_id, event.sender, event.recipients, event.message_id, event.subject)
        self._begin(hop, self._sender_of(hop))
        self._late(hop)

    def _recovered(self, entry: Entry, event: MailRecovered) -> None:
        """A message that its host had taken, and could not tell of: from its own people or rules, or from whoever
        had it before."""
        elsewhere = [other for other in self._by_message_id[event.message_id] if other.host != entry.host]
        giver = elsewhere[-1] if elsewhere and event.message_id and not event.parent else None
        parent = self.hops.get((entry.host, event.parent)) if event.parent else giver
        if parent is not None and event.parent and not event.sender:
            parent.notices.setdefault(event.queue_id, "warning")  # a bounce would have been told of before
        born = replace(entry, event=_handed_in(event) if giver is None else _taken_over(event))
        hop = Hop(born, event.queue_id, event.sender, event.recipients, event.message_id, event.subject)
        self._begin(hop, parent)
        self._late(hop)

    def _failure_recovered(self, entry: Entry, event: FailureRecovered) -> None:
        hop = self.hops.get((entry.host, event.queue_id))
        if hop is None or all(recipient.lower() in hop.departures for recipient in event.recipients):
            return
        failed = RecipientsFailed(event.queue_id, event.recipients, event.status, event.reason, event.row)
        self._happened(hop, replace(entry, event=failed))
        if event.bounce_id:
            hop.notices[event.bounce_id] = "bounce"

    def _begin(self, hop: Hop, parent: Hop | None) -> None:
        self.hops[hop.host, hop.queue_id] = hop
        hop.entries.append(hop.born)
        self._by_message_id[hop.message_id].append(hop)
        if parent is None:
            self._root(hop)
        else:
            _adopt(parent, hop)

    def _root(self, hop: Hop) -> None:
        self.roots.append(hop)
        hop.number = len(self.roots)

    def _sender_of(self, hop: Hop) -> Hop | None:
        """Who is handing this message over right now, by Message-ID, envelope and an open session."""
        for other in reversed(self._by_message_id[hop.message_id]):
            known = other.talking_to == hop.host or (other.talking_to and hop.message_id)
            if known and other.host != hop.host and other.sender.lower() == hop.sender.lower():
                return other
        return None

    def _session(self, entry: Entry) -> None:
        match entry.event:
            case ConnectionOpened() as event:
                self.sessions[entry.host, event.session] = event
            case ReplyReceived(queue_id="") | ConnectionFailed(queue_id=""):
                self.shared[entry.host, entry.event.session].append(entry)
            case _:
                pass

    def _happened(self, hop: Hop, entry: Entry) -> None:
        hop.entries.append(entry)
        match entry.event:
            case MailRelayed() as event:
                self._relayed(hop, entry, event)
            case MailDelivered() as event:
                self._delivered[entry.host, event.mailbox.lower(), "INBOX"][event.uid] = hop
            case MailDeferred() as event:
                hop.deferrals.update(dict.fromkeys(map(str.lower, event.recipients), entry))
            case BounceSent(bounce_id=notice):
                hop.notices[notice] = "bounce"
            case DelayWarned(warning_id=notice):
                hop.notices[notice] = "warning"
            case ReplyReceived(stage=Stage.MAIL | Stage.RCPT | Stage.DATA) as event:
                session = self.sessions.get((entry.host, event.session))
                hop.talking_to = session.exchanger if session else ""
            case ConnectionFailed():
                hop.talking_to = ""
            case MailRemoved():
                hop.gone, hop.talking_to = entry, ""
            case _:
                pass
        if isinstance(entry.event, Departure):
            _depart(hop, entry, entry.event)

    def _relayed(self, hop: Hop, entry: Entry, event: MailRelayed) -> None:
        hop.talking_to = ""
        queue_id = queue_id_in(event.reply)
        taken = self._taken(hop, event.exchanger, queue_id) if queue_id else None
        if taken is not None:
            _pass(hop, entry, taken)
        elif queue_id:
            self._expected.setdefault(queue_id, []).append((hop, entry))

    def _late(self, taken: Hop) -> None:
        """Whoever has told already that this host took the message."""
        waiting = self._expected.get(taken.queue_id, ())
        rest = []
        for hop, entry in waiting:
            event = entry.event
            assert isinstance(event, MailRelayed)
            if self._taken(hop, event.exchanger, taken.queue_id) is taken:
                _pass(hop, entry, taken)
            else:
                rest.append((hop, entry))
        if rest:
            self._expected[taken.queue_id] = rest
        else:
            self._expected.pop(taken.queue_id, None)

    def _taken(self, hop: Hop, exchanger: str, queue_id: str) -> Hop | None:
        """The hop that the exchanger's reply names; an exchanger may go by another name than its host."""
        named = self.hops.get((exchanger, queue_id))
        if named is not None:
            return named
        same = self._by_message_id[hop.message_id] if hop.message_id else ()
        return next((other for other in reversed(same) if other.queue_id == queue_id and other is not hop), None)

    def _read(self, entry: Entry, event: MailRead | MailMoved | MailExpunged) -> None:
        """What its owner did with a message that was delivered."""
        mailbox = entry.host, event.mailbox.lower()
        folder = self._delivered[*mailbox, event.folder]
        uids = (event.uid,) if isinstance(event, MailRead) else event.uids
        hops = [folder.get(uid) for uid in uids]
        for hop in dict.fromkeys(hop for hop in hops if hop is not None):
            hop.read.append(entry)
        if isinstance(event, MailMoved):
            there = self._delivered[*mailbox, event.to]
            there.update((uid, hop) for uid, hop in zip(event.to_uids, hops, strict=True) if hop is not None)

    def _renamed(self, host: str, event: FolderRenamed) -> None:
        mailbox = host, event.mailbox.lower()
        self._delivered[*mailbox, event.to] = self._delivered.pop((*mailbox, event.folder), {})


def _handed_in(event: MailRecovered) -> MailSubmitted:
    queue_id, message_id, to = event.queue_id, event.message_id, event.recipients
    return MailSubmitted(queue_id, message_id, event.sender, to, event.size, event.subject, event.parent)


def _taken_over(event: MailRecovered) -> MailAccepted:
    """From whom is not known any more."""
    queue_id, message_id, to = event.queue_id, event.message_id, event.recipients
    return MailAccepted(queue_id, message_id, event.sender, to, event.size, "", "", "", event.subject)


def _number(entry: Entry) -> int:
    return entry.n


def destination_of(recipient: str) -> str:
    return recipient.rpartition("@")[2].lower()


def _adopt(parent: Hop, child: Hop) -> None:
    child.parent = parent
    parent.children.append(child)


def _pass(hop: Hop, entry: Entry, taken: Hop) -> None:
    """The message of `hop`, relayed as `entry` tells, is `taken` on the other host."""
    if taken is hop:
        return
    hop.passed_to[entry.n] = taken
    if taken.parent is not hop:
        _leave(taken)
        _adopt(hop, taken)


def _leave(child: Hop) -> None:
    if child.parent is not None:
        child.parent.children.remove(child)


def _depart(hop: Hop, entry: Entry, event: Departure) -> None:
    match event:
        case MailDelivered(recipient=one) | MailForwarded(recipient=one):
            leaving: tuple[str, ...] = (one,)
        case MailRelayed(recipients=several) | RecipientsFailed(recipients=several):
            leaving = several
    for recipient in leaving:
        hop.departures.setdefault(recipient.lower(), []).append(entry)
