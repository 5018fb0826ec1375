"""What a mini-Internet promises of mail, and whether it was kept: pure functions of the log and the mailboxes.

The promise: *what was accepted is delivered, bounced, or still queued*; when all is well again and time has
passed, nothing is queued any more. Who is told that a message failed has that in a mailbox. Nothing is there
twice, save by RFC 1047: a host took a message, and the host that sent it never got to note that (the 250 was lost
on the way, or the sender's memory with it), so it sent it again. That cannot be closed, only recognised: by one
Message-ID that two hosts accepted, and by what the sender's log has of it.

A message is known by its Message-ID; one without it cannot be followed, and is not judged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from lab.events import (
    BounceSent,
    Event,
    FailureRecovered,
    FaultApplied,
    FaultLifted,
    HostStarted,
    MailAccepted,
    MailDelivered,
    MailExpunged,
    MailMoved,
    MailRecovered,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    ProgramCrashed,
    RecipientsFailed,
)
from lab.log import Entry
from lab.values import dataclass

Key = tuple[str, str]
"""(Message-ID, address in small letters)"""
Instance = tuple[str, str]
"""(host, queue_id): a message in one queue."""


class Breach(StrEnum):
    """How a promise can be broken."""

    LOST = "lost"
    TWICE = "twice"
    GARBLED = "garbled"
    """In the mailbox, and not as it was sent."""
    UNTOLD = "untold"
    """It failed, and the sender does not know."""
    QUEUED = "still queued"
    CRASHED = "crashed"
    """A program of the lab broke down."""
    ENDLESS = "endless"


@dataclass(frozen=True, slots=True)
class Broken:
    """One promise that was not kept: `message_id` and `address` where it is about a message."""

    breach: Breach
    message_id: str = ""
    address: str = ""
    detail: str = ""

    def __str__(self) -> str:
        what = f"{self.message_id} for {self.address} is " if self.address else ""
        return f"{what}{self.breach}{f': {self.detail}' if self.detail else ''}"


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """What lies in them: how often each message for each address, and which of it is not whole."""

    copies: Mapping[Key, int]
    garbled: frozenset[Key] = frozenset()


@dataclass(slots=True)
class Story:
    """What the log tells of messages. Numbers are those of its entries."""

    ids: dict[Instance, str] = field(default_factory=dict)
    where: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Message-ID → the hosts that have had it."""
    written: Counter[str] = field(default_factory=Counter)
    """Message-ID → how often such a message came to be: handed in, or sent on by an alias."""
    promised: dict[Key, float] = field(default_factory=dict)
    """Who is to have which message, and since when."""
    failed: dict[Key, Instance] = field(default_factory=dict)
    told: set[Instance] = field(default_factory=set)
    """Messages of whose failure a letter was sent."""
    double: set[Instance] = field(default_factory=set)
    """Letters to a postmaster about a bounce that failed: nobody hears when they fail, too."""
    arrived: dict[Key, float] = field(default_factory=dict)
    uids: dict[tuple[str, str, int], str] = field(default_factory=dict)
    """(host, mailbox, UID in its inbox) → Message-ID."""
    taken_out: set[Key] = field(default_factory=set)
    """What the owner of a mailbox deleted, or put into another folder."""
    boxes: dict[Key, set[str]] = field(default_factory=dict)
    """In which mailboxes a message was put that is not its recipient's own."""
    accepted: list[tuple[int, Instance, tuple[str, ...]]] = field(default_factory=list)
    relayed: dict[tuple[str, str], tuple[int, Instance]] = field(default_factory=dict)
    """(address of the host that took it, its queue_id there) → who gave it, as far as that host knows."""
    given: set[Instance] = field(default_factory=set)
    """Those that another host of the lab had in its queue before."""
    removed: dict[Instance, int] = field(default_factory=dict)
    started: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    full: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """When a host's disk came to be full, and had room again, in turns."""
    crashes: list[str] = field(default_factory=list)


_DOUBLE = "Postmaster notify:"


def read(log: Iterable[Entry]) -> Story:
    """The log, once through."""
    story = Story()
    for entry in log:
        reader = _READERS.get(type(entry.event))
        if reader is not None:
            reader(story, entry, entry.event)
    return story


def _submitted(story: Story, entry: Entry, event: MailSubmitted) -> None:
    _known(story, (entry.host, event.queue_id), event.message_id)
    story.written[event.message_id] += 1
    if not event.sender and event.subject.startswith(_DOUBLE):
        story.double.add((entry.host, event.queue_id))
    promise(story, event.message_id, event.recipients, entry.t)


def _accepted(story: Story, entry: Entry, event: MailAccepted) -> None:
    instance = (entry.host, event.queue_id)
    _taken(story, instance, entry.n, event)
    if not event.sender and event.subject.startswith(_DOUBLE):
        story.double.add(instance)
    promise(story, event.message_id, event.recipients, entry.t)


def _taken(story: Story, instance: Instance, n: int, event: MailAccepted | MailRecovered) -> None:
    if any(host != instance[0] for host in story.where[event.message_id]):
        story.given.add(instance)
    _known(story, instance, event.message_id)
    story.accepted.append((n, instance, event.recipients))


def _known(story: Story, instance: Instance, message_id: str) -> None:
    story.ids[instance] = message_id
    story.where[message_id].append(instance[0])


def _recovered(story: Story, entry: Entry, event: MailRecovered) -> None:
    """Of a message that is new to the log, its host went down between taking it and telling so."""
    instance = (entry.host, event.queue_id)
    if instance not in story.ids:
        _taken(story, instance, entry.n, event)
    promise(story, event.message_id, event.recipients, entry.t)


def promise(story: Story, message_id: str, recipients: Sequence[str], at: float) -> None:
    if message_id:
        for address in recipients:
            story.promised.setdefault((message_id, address.lower()), at)


def _relayed(story: Story, entry: Entry, event: MailRelayed) -> None:
    queue_id = event.reply.rpartition("queued as ")[2].split(" ")[0]
    story.relayed[event.address, queue_id] = (entry.n, (entry.host, event.queue_id))


def _failed(story: Story, entry: Entry, event: RecipientsFailed | FailureRecovered) -> None:
    instance = (entry.host, event.queue_id)
    if isinstance(event, FailureRecovered) and event.bounce_id:
        story.told.add(instance)
    for address in event.recipients:
        story.failed[story.ids.get(instance, ""), address.lower()] = instance


def _bounced(story: Story, entry: Entry, event: BounceSent) -> None:
    story.told.add((entry.host, event.queue_id))


def _delivered(story: Story, entry: Entry, event: MailDelivered) -> None:
    message_id = story.ids.get((entry.host, event.queue_id), "")
    recipient, mailbox = event.recipient.lower(), event.mailbox.lower()
    story.arrived.setdefault((message_id, recipient), entry.t)
    story.uids[entry.host, mailbox, event.uid] = message_id
    if mailbox != recipient:
        story.arrived.setdefault((message_id, mailbox), entry.t)
        story.boxes.setdefault((message_id, recipient), set()).add(mailbox)


def _taken_out(story: Story, entry: Entry, event: MailExpunged | MailMoved) -> None:
    if event.folder == "INBOX" and not (isinstance(event, MailMoved) and event.copied):
        mailbox = event.mailbox.lower()
        found = [story.uids.get((entry.host, mailbox, uid)) for uid in event.uids]
        story.taken_out |= {(message_id, mailbox) for message_id in found if message_id}


def _removed(story: Story, entry: Entry, event: MailRemoved) -> None:
    story.removed.setdefault((entry.host, event.queue_id), entry.n)


def _started(story: Story, entry: Entry, event: HostStarted) -> None:
    story.started[entry.host].append(entry.n)


def _disk(story: Story, entry: Entry, event: FaultApplied | FaultLifted) -> None:
    if event.fault == "disk-full":
        story.full[event.target].append(entry.n)


def _crashed(story: Story, entry: Entry, event: ProgramCrashed) -> None:
    story.crashes.append(f"{event.program} of {entry.host}: {event.error}")


_READERS: Mapping[type[Event], Callable[..., None]] = {
    MailSubmitted: _submitted,
    MailAccepted: _accepted,
    MailRecovered: _recovered,
    MailRelayed: _relayed,
    RecipientsFailed: _failed,
    FailureRecovered: _failed,
    BounceSent: _bounced,
    MailDelivered: _delivered,
    MailRemoved: _removed,
    MailExpunged: _taken_out,
    MailMoved: _taken_out,
    HostStarted: _started,
    FaultApplied: _disk,
    FaultLifted: _disk,
    ProgramCrashed: _crashed,
}


# -- was it kept? -----------------------------------------------------------------------------------------

Ends = Callable[[str], Iterable[str]]
"""Where an address leads: itself, or through aliases to others. In small letters."""
Addresses = Mapping[str, Sequence[str]]
"""host → its network addresses."""


def broken(story: Story, mailboxes: Mailboxes, ends: Ends, addresses: Addresses, waiting: int) -> list[Broken]:
    """Every promise that was not kept, `waiting` deliveries being in queues still."""
    found = [Broken(Breach.CRASHED, detail=crash) for crash in story.crashes]
    if waiting:
        found.append(Broken(Breach.QUEUED, detail=f"{waiting} deliveries wait, though all is well"))
    lost = [key for key in story.promised if not is_settled(key, story, mailboxes, ends)]
    found += [Broken(Breach.LOST, *key) for key in lost]
    found += [Broken(Breach.GARBLED, *key) for key in sorted(mailboxes.garbled)]
    found += [Broken(Breach.UNTOLD, *key) for key, instance in story.failed.items() if _is_untold(story, instance)]
    excused = excuses(story, addresses)
    for key, count in mailboxes.copies.items():
        if count - 1 > excused.get(key[0], 0):
            found.append(Broken(Breach.TWICE, *key, f"{count} copies"))
    return found


def is_settled(key: Key, story: Story, mailboxes: Mailboxes, ends: Ends) -> bool:
    """Whether it failed (which is told), or is wherever its address leads."""
    message_id, address = key
    if key in story.failed:
        return True
    return all(
        (message_id, end) in story.failed or _is_there((message_id, end), story, mailboxes)
        for end in ends(address)
    )


def _is_there(key: Key, story: Story, mailboxes: Mailboxes) -> bool:
    """In its mailbox, or in that of an office (postmaster@HOST reads in the domain's postmaster's); or it was
    there, until its owner took it out."""
    offices = story.boxes.get(key, ())
    places = [key, *((key[0], office) for office in offices)]
    return any(place in mailboxes.copies or place in story.taken_out for place in places)


def _is_untold(story: Story, instance: Instance) -> bool:
    return instance not in story.told and instance not in story.double


def excuses(story: Story, addresses: Addresses) -> Counter[str]:
    """Message-ID → how many more copies of it than one may be in a mailbox. RFC 1047: one for each time that a
    host took the message, and the host that gave it did not get to note that. And whoever is written to by two
    ways, directly and through another host's alias, has it from both."""
    found: Counter[str] = Counter({name: count - 1 for name, count in story.written.items()})
    for _, instance, _ in story.accepted:
        noted = any(_is_noted(story, address, instance) for address in addresses.get(instance[0], ()))
        if not noted and instance in story.given:
            found[story.ids[instance]] += 1
    return found


def _is_noted(story: Story, address: str, instance: Instance) -> bool:
    """The giver heard the 250, and wrote that down before it lost its memory, or it never lost it."""
    heard = story.relayed.get((address, instance[1]))
    if heard is None:
        return False
    n, giver = heard
    restart = next((start for start in story.started[giver[0]] if start > n), None)
    noted = story.removed.get(giver, 0)
    return restart is None or (n < noted < restart and not _had_no_room(story, giver[0], n, noted))


def _had_no_room(story: Story, host: str, start: int, end: int) -> bool:
    """Whether the disk of a host was full at some time between: what it noted then, it noted in memory."""
    turns = story.full[host]
    return sum(turn < start for turn in turns) % 2 == 1 or any(start < turn < end for turn in turns)


def twice(mailboxes: Mailboxes) -> int:
    """How many messages are in one mailbox more than once."""
    return sum(count > 1 for count in mailboxes.copies.values())
