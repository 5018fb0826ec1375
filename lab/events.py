"""Everything that can happen in a mini-Internet, as facts in the past tense.

The one rule: an event says what happened and nothing about who looks. Map, journey, matrix, grade, pcap
comment and assertion are each a pure function of these. When and where it happened is not in the event: the
log adds its number, lab time and host (`log.Entry`).

How one message's events find each other:
- `queue_id` is a message on one host; `MailAccepted`'s reply text ends in "queued as <queue_id>", which the
  sender's `MailRelayed.reply` repeats, and so hop joins hop, through foreign software too.
- `session` numbers an SMTP connection on the host that opened it; its lines carry the `queue_id` they serve.
- A connection that serves several messages of one destination, or a back-off, is known by `destination`.

Field values are str, int, float, bool, tuples of those; `event_forms` makes JSON of them.
"""

from __future__ import annotations

from enum import StrEnum

from lab.values import dataclass, made_often


class Failure(StrEnum):
    """Why a connection did not come about, or ended: what the sender's kernel would say."""

    REFUSED = "refused"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    CLOSED = "closed"


class Stage(StrEnum):
    """Where in its way to an exchanger a message was (RFC 5321 §3, §4.5.3.2)."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    HELO = "helo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    EOM = "eom"
    """After the final dot."""
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Event:
    """What all events are."""


# -- the lab itself ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LabStarted(Event):
    topology: str
    fabric: str
    seed: str
    epoch: str
    """ISO 8601; lab time 0."""
    hosts: int


@dataclass(frozen=True, slots=True)
class LabStopped(Event):
    pass


@dataclass(frozen=True, slots=True)
class ClockAdvanced(Event):
    seconds: float


@dataclass(frozen=True, slots=True)
class HostStarted(Event):
    """A host's programs run (again)."""


@dataclass(frozen=True, slots=True)
class FaultApplied(Event):
    """`target` is a host, or `a|b` for a link; `fault` as the user would type it."""

    target: str
    fault: str


@dataclass(frozen=True, slots=True)
class FaultLifted(Event):
    target: str
    fault: str


@dataclass(frozen=True, slots=True)
class FaultStruck(Event):
    """A server of this host did on purpose what a fault says: the reply, silence, reset or answer that its client
    saw next is not its own. `fault` is that of its FaultApplied, `about` whom it hit: the stage of SMTP and the
    addresses named there (`rcpt ed@b.be`), or the name that was asked for. What the client makes of it comes after
    it: a ReplyReceived or ConnectionFailed of that stage with this host as exchanger, a HopAnswered for that name
    with this host as server."""

    fault: str
    about: str


@dataclass(frozen=True, slots=True)
class FaultScheduled(Event):
    """It begins later, or ends by itself: `when` as people say it ("in 5 min for 20 min every 1 h")."""

    target: str
    fault: str
    when: str


@dataclass(frozen=True, slots=True)
class FaultCancelled(Event):
    """What was scheduled is not: it will not come, or not come again."""

    target: str
    fault: str


@dataclass(frozen=True, slots=True)
class ProgramCrashed(Event):
    """A defect of the lab, not of the mini-Internet: a host's task ended with an exception."""

    program: str
    error: str


# -- names ------------------------------------------------------------------------------------------------


@made_often
@dataclass(frozen=True, slots=True)
class NameResolved(Event):
    """A host asked its resolver. `answers` in presentation form ("5 mail.belgiannews.com"); `rcode` NOERROR,
    NXDOMAIN, SERVFAIL … or TIMEOUT. `via` the resolver's address, `seconds` how long it took."""

    name: str
    type: str
    rcode: str
    answers: tuple[str, ...] = ()
    via: str = ""
    seconds: float = 0.0
    queue_id: str = ""
    why: str = ""
    """The server's own reason for a SERVFAIL or REFUSED, where it gave one (RFC 8914)."""
    beside: str = ""
    """The software whose log leaves its questions out: the lab asked the same, of the same resolver, beside it."""


@made_often
@dataclass(frozen=True, slots=True)
class HopAnswered(Event):
    """A resolver asked one server on its way. `zone` is the zone it asked in; `outcome` one of answer,
    referral, nodata, nxdomain, cname, lame, refused, servfail, formerr, truncated, timeout, unreachable."""

    name: str
    type: str
    zone: str
    server: str
    address: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ZoneReloaded(Event):
    """`added` and `removed` where the lab's keeper made the edit: "belgiannews.com. MX 5 mail.belgiannews.com"."""

    zone: str
    serial: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


# -- the sending side -------------------------------------------------------------------------------------


@made_often
@dataclass(frozen=True, slots=True)
class MailSubmitted(Event):
    """A person, a program or the host itself (a bounce, an alias) handed a message to this host's queue."""

    queue_id: str
    message_id: str
    sender: str
    """Empty: the null return path of a bounce."""
    recipients: tuple[str, ...]
    size: int
    subject: str = ""
    parent: str = ""
    """queue_id on the same host of the message this one came from: a bounce's, a warning's, an alias's."""


@dataclass(frozen=True, slots=True)
class SubmissionRefused(Event):
    """`lab send` or a mail program was told no at once: unknown sender host, no such mailbox …"""

    sender: str
    recipients: tuple[str, ...]
    reason: str


@made_often
@dataclass(frozen=True, slots=True)
class ExchangersFound(Event):
    """Routing's answer for a destination. `exchangers`: ("5 mail.belgiannews.com", …) in the order of trial;
    `left_out`: ("10 relay.eunet.be: itself", …) with the reason each; `rule` e.g. "mx", "implicit-mx",
    "null-mx", "loop"."""

    destination: str
    exchangers: tuple[str, ...]
    rule: str
    left_out: tuple[str, ...] = ()
    queue_id: str = ""
    beside: str = ""
    """As in `NameResolved`."""


@made_often
@dataclass(frozen=True, slots=True)
class ConnectionOpened(Event):
    session: int
    destination: str
    exchanger: str
    address: str
    port: int
    preference: int
    queue_id: str = ""
    local_port: int = 0
    """At this end; 0: not known."""


@dataclass(frozen=True, slots=True)
class ConnectionFailed(Event):
    """It did not come about (stage CONNECT), or broke later. `follows`: next address, next exchanger, later,
    bounce; `row` names the policy row that said so."""

    session: int
    destination: str
    exchanger: str
    address: str
    port: int
    preference: int
    stage: Stage
    failure: Failure
    follows: str = ""
    row: str = ""
    queue_id: str = ""


@made_often
@dataclass(frozen=True, slots=True)
class ReplyReceived(Event):
    """One command and its reply, as the sender saw it; `command` is "" for the greeting and "." for the end of
    data. `follows` and `row` where a policy row applied."""

    session: int
    stage: Stage
    command: str
    code: int
    text: str
    follows: str = ""
    row: str = ""
    queue_id: str = ""


@made_often
@dataclass(frozen=True, slots=True)
class MailRelayed(Event):
    """Another host took responsibility for these recipients (250 after the dot)."""

    queue_id: str
    recipients: tuple[str, ...]
    exchanger: str
    address: str
    reply: str
    session: int = 0


@dataclass(frozen=True, slots=True)
class MailDeferred(Event):
    """These recipients stay in the queue. `next_try`: lab seconds."""

    queue_id: str
    recipients: tuple[str, ...]
    destination: str
    reason: str
    next_try: float
    attempt: int
    row: str = ""
    status: str = ""
    """The enhanced code (RFC 3463)."""


@dataclass(frozen=True, slots=True)
class DestinationBackedOff(Event):
    """No exchanger of a destination could be had: all `waiting` messages for it wait until `until`."""

    destination: str
    until: float
    waiting: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecipientsFailed(Event):
    """Given up for good: `status` is the enhanced code (RFC 3463), `reason` the last reply or rule."""

    queue_id: str
    recipients: tuple[str, ...]
    status: str
    reason: str
    row: str = ""


@dataclass(frozen=True, slots=True)
class DelayWarned(Event):
    """The sender was told that it takes longer: a DSN with action `delayed`."""

    queue_id: str
    recipients: tuple[str, ...]
    warning_id: str = ""


@dataclass(frozen=True, slots=True)
class BounceSent(Event):
    """The sender was told that it failed; `bounce_id` is the bounce's queue_id on this host, `to` its recipient
    (the sender, or postmaster for a double bounce)."""

    queue_id: str
    bounce_id: str
    to: str


@dataclass(frozen=True, slots=True)
class MailRecovered(Event):
    """A host came up and found a message in its queue's journal; `recipients` are those that still wait. Of one
    that it had taken when it went down, before it could tell, this is the first that is heard."""

    queue_id: str
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    subject: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class FailureRecovered(Event):
    """A host came up and found in its journal that these recipients had been given up, as `RecipientsFailed` tells
    it; `bounce_id` is the letter about it, which still waits. Where the host went down between writing and
    telling, this is the first that is heard of it; else it is old news."""

    queue_id: str
    recipients: tuple[str, ...]
    status: str
    reason: str
    row: str = ""
    bounce_id: str = ""


@made_often
@dataclass(frozen=True, slots=True)
class MailRemoved(Event):
    """Every recipient has its fate: the message left this host's queue."""

    queue_id: str


# -- the receiving side -----------------------------------------------------------------------------------


@made_often
@dataclass(frozen=True, slots=True)
class MailAccepted(Event):
    """This host answered 250 after the dot; the message is on stable storage."""

    queue_id: str
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    peer: str
    """The client's address."""
    helo: str
    protocol: str
    """SMTP, ESMTP, ESMTPS, ESMTPA … (RFC 3848)."""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class CommandRefused(Event):
    """This host said 4xx or 5xx to a client; `argument` is the command's (an address at MAIL and RCPT)."""

    peer: str
    stage: Stage
    argument: str
    code: int
    text: str
    sender: str = ""
    queue_id: str = ""


@dataclass(frozen=True, slots=True)
class LoopDetected(Event):
    """A message came by once too often; `hops` Received lines."""

    queue_id: str
    hops: int


@made_often
@dataclass(frozen=True, slots=True)
class MailDelivered(Event):
    """A message is in a mailbox, on stable storage. `uid` as the mailbox numbers it."""

    queue_id: str
    recipient: str
    mailbox: str
    uid: int = 0


@dataclass(frozen=True, slots=True)
class MailForwarded(Event):
    """An alias or a forward sent a recipient on: `to` are its new recipients."""

    queue_id: str
    recipient: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailRead(Event):
    """A mailbox's owner fetched a message; `how`: "POP3", "IMAP" …"""

    mailbox: str
    uid: int
    how: str
    octets: int = 0
    folder: str = "INBOX"


@dataclass(frozen=True, slots=True)
class MailMoved(Event):
    """A mailbox's owner moved messages from folder to folder: `uids` there are `to_uids` here, in the same order.
    `copied`: they stayed where they were, too."""

    mailbox: str
    uids: tuple[int, ...]
    folder: str
    to: str
    to_uids: tuple[int, ...]
    copied: bool = False


@dataclass(frozen=True, slots=True)
class MailExpunged(Event):
    """Messages were removed from a folder for good, by their owner (DELE, EXPUNGE) or with the whole folder."""

    mailbox: str
    uids: tuple[int, ...]
    folder: str = "INBOX"


@dataclass(frozen=True, slots=True)
class FolderRenamed(Event):
    """A folder has another name; its messages keep their UIDs."""

    mailbox: str
    folder: str
    to: str


@dataclass(frozen=True, slots=True)
class LoginRefused(Event):
    """The password never stands here."""

    user: str
    service: str
    peer: str


def _all(base: type[Event]) -> dict[str, type[Event]]:
    return {kind.__name__: kind for kind in base.__subclasses__()}


KINDS: dict[str, type[Event]] = _all(Event)
"""Every kind of event by its name."""
