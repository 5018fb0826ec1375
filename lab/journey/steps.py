"""The steps of one message on one host, from the log entries that name it.

The rule: a step is what a person would tell. Several entries make one step: a whole SMTP session that went well
is "250 queued as …". How many tries read in a few lines is for `tries` to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lab.clock import show_span
from lab.events import (
    BounceSent,
    ConnectionFailed,
    ConnectionOpened,
    DelayWarned,
    DestinationBackedOff,
    ExchangersFound,
    LoopDetected,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailExpunged,
    MailForwarded,
    MailMoved,
    MailRead,
    MailRecovered,
    MailRelayed,
    NameResolved,
    RecipientsFailed,
    ReplyReceived,
    Stage,
    SubmissionRefused,
)
from lab.journey import why
from lab.journey.hops import Hop, Trail
from lab.journey.model import Layer, Step
from lab.journey.tries import Act, Kind, tell
from lab.log import Entry


def journey_steps(trail: Trail, root: Hop) -> tuple[Step, ...]:
    """All steps of a message and of all that came of it, numbered, in the order they happened."""
    found = [step for hop in trail.children(root) for step in _in_their_order([*_hop_steps(trail, hop)])]
    found.sort(key=lambda step: step.n)
    return tuple(replace(step, n=n) for n, step in enumerate(found, 1))


def _in_their_order(steps: list[Step]) -> list[Step]:
    """One host's: what led to a step stands before it. Software that writes its log in the end tells of a refusal,
    and of whom it would try, when the other side has taken the message long ago."""
    ordered: list[Step] = []
    for step in reversed(steps):
        ordered.append(replace(step, n=min(step.n, ordered[-1].n)) if ordered else step)
    return ordered[::-1]


def _hop_steps(trail: Trail, hop: Hop) -> Iterator[Step]:
    """Steps that bear, until they are sorted, the number of their log entry."""
    yield from _birth(hop)
    yield from tell(_acts(trail, hop))
    yield from (_read(hop, entry) for entry in hop.read)


def entries_of(trail: Trail, hop: Hop) -> list[Entry]:
    """Its own, those of its sessions that name no message, and the back-offs it waited through."""
    sessions = dict.fromkeys(
        entry.event.session for entry in hop.entries if isinstance(entry.event, _OF_A_SESSION)
    )
    shared = [entry for session in sessions for entry in trail.shared.get((hop.host, session), ())]
    return sorted([*hop.entries, *shared, *trail.waits(hop)], key=lambda entry: entry.n)


_OF_A_SESSION = (ConnectionOpened, ConnectionFailed, ReplyReceived)


def _acts(trail: Trail, hop: Hop) -> Iterator[Act]:
    """The steps of its entries, in order; what makes no step of its own goes with the next one."""
    quiet: list[int] = []
    for entry in entries_of(trail, hop):
        step = _step(trail, hop, entry)
        if step is None:
            quiet.append(entry.n)
            continue
        yield Act(replace(step, entries=(*quiet, *step.entries)), _KINDS.get(type(entry.event), Kind.TRIAL))
        quiet = []


_KINDS = {MailDeferred: Kind.WAIT, DestinationBackedOff: Kind.WAIT, DelayWarned: Kind.ASIDE}


def _birth(hop: Hop) -> Iterator[Step]:
    """A message that came from outside, was refused, or whose sender never heard that it was taken."""
    step = partial(Step, hop.born.n, hop.born.t, hop.host, entries=(hop.born.n,))
    match hop.born.event:
        case SubmissionRefused(reason=reason):
            yield step(Layer.MAIL, hop.sender, f"refused: {reason}", "it was never taken into a queue")
        case MailAccepted() as event if hop.parent is None:
            outcome = f"250 queued as {event.queue_id}, from {event.helo} [{event.peer}]"
            yield step(Layer.SMTP, hop.host, outcome, why.accepted())
        case MailAccepted() if hop.parent and hop not in hop.parent.passed_to.values():
            yield step(Layer.SMTP, hop.host, f"took it as {hop.queue_id}", why.lost_reply())
        case _:
            return


def _read(hop: Hop, entry: Entry) -> Step:
    """What the owner of a mailbox did with it."""
    layer, outcome = Layer.MAIL, ""
    match entry.event:
        case MailRead(how=how, octets=octets):
            layer = Layer(how) if how in Layer.__members__ else Layer.MAIL
            outcome = f"{'fetched' if layer is Layer.POP3 else 'read'} by {how}"
            outcome += f", {octets:,} octet{'s' * (octets != 1)}" if octets else ""
        case MailMoved(to=to, copied=copied):
            outcome = f"copied to {to}" if copied else f"moved to {to}"
        case MailExpunged(folder=folder):
            outcome = "removed from the mailbox" if folder == "INBOX" else f"removed from {folder}"
        case _:
            pass
    return Step(
        entry.n, entry.t, entry.host, layer, getattr(entry.event, "mailbox", ""), outcome, entries=(entry.n,)
    )


def _step(trail: Trail, hop: Hop, entry: Entry) -> Step | None:
    """The step that an entry makes; None for what only goes with the next one."""
    step = partial(Step, entry.n, entry.t, entry.host, entries=(entry.n,))
    match entry.event:
        case NameResolved() as event if _disappoints(event):
            about = f"{event.type} {event.name}"
            return step(Layer.DNS, about, _answer(event), why.lookup(event))
        case ExchangersFound() as event:
            found = ", ".join(event.exchangers) or "no exchanger"
            return step(Layer.DNS, f"MX {event.destination}", found, why.routing(event))
        case ConnectionFailed() as event:
            layer = Layer.TCP if event.stage is Stage.CONNECT else Layer.SMTP
            return step(layer, _door(event), _broke(event), why.failure(event))
        case ReplyReceived() as event if event.code >= 400 and (event.follows or event.stage in _WEIGHTY):
            return step(
                Layer.SMTP, _session_door(trail, entry, event), f"{event.code} {event.text}", why.reply(event)
            )
        case MailRelayed() as event:
            return _relayed(trail, hop, entry, event)
        case MailDelivered(recipient=whose, uid=uid):
            subject = f"the {hop.kind} is " if hop.kind else ""
            return step(Layer.MAIL, whose, f"{subject}in the mailbox" + (f" (message {uid})" if uid else ""))
        case _:
            return _local(entry, step)


_WEIGHTY = (Stage.GREETING, Stage.MAIL, Stage.RCPT, Stage.EOM)
"""A no at one of these changes the message's way; to EHLO or QUIT it need not, and DATA without a recipient left
is refused for that reason alone."""


def _local(entry: Entry, step: partial[Step]) -> Step | None:
    """Steps that a host takes without a partner."""
    match entry.event:
        case MailDeferred() as event:
            again = f"waits, tries again in {show_span(max(0, event.next_try - entry.t))}"
            return step(Layer.QUEUE, entry.host, again, why.attempt(event.reason, event.attempt, event.row))
        case DestinationBackedOff() as event:
            again = f"waits, tries again in {show_span(max(0, event.until - entry.t))}"
            return step(Layer.QUEUE, entry.host, again, event.reason)
        case RecipientsFailed() as event:
            who = ", ".join(event.recipients)
            return step(
                Layer.QUEUE, entry.host, f"gives up on {who}: {event.status}", why.gave_up(event.reason, event.row)
            )
        case MailRecovered():
            return step(Layer.QUEUE, entry.host, "found in its queue when it came up", "a queue outlives a crash")
        case DelayWarned():
            return step(Layer.MAIL, entry.host, "warns the sender of the delay", "nothing is given up yet")
        case BounceSent() as event:
            told = "a message that cannot be delivered is never dropped in silence (RFC 5321 §6.1)"
            return step(Layer.MAIL, entry.host, f"sends a bounce to {event.to}", told)
        case MailForwarded() as event:
            return step(Layer.MAIL, event.recipient, f"forwarded to {', '.join(event.to)}", "an alias says so")
        case LoopDetected() as event:
            return step(
                Layer.SMTP, entry.host, f"{event.hops} hops", "it came by too often: a loop (RFC 5321 §6.3)"
            )
        case _:
            return None


def _relayed(trail: Trail, hop: Hop, entry: Entry, event: MailRelayed) -> Step:
    """Placed where the other side took it, since that comes before the sender hears of it."""
    session = trail.sessions.get((entry.host, event.session))
    port = session.port if session else 25
    taken = hop.passed_to.get(entry.n)
    entries = (taken.born.n, entry.n) if taken else (entry.n,)
    reply = event.reply if event.reply[:1].isdigit() else f"250 {event.reply}"
    n = min(entries)
    return Step(n, entry.t, entry.host, Layer.SMTP, f"{event.exchanger}:{port}", reply, why.accepted(), entries)


def _disappoints(event: NameResolved) -> bool:
    """Worth telling by itself: a host without AAAA is no news, a domain without MX is for its router to tell."""
    if event.rcode == "NOERROR":
        return not event.answers and event.type not in ("AAAA", "MX")
    return event.type != "AAAA"


def _answer(event: NameResolved) -> str:
    return (
        "no answer in time"
        if event.rcode == "TIMEOUT"
        else event.rcode
        if event.rcode != "NOERROR"
        else "no record"
    )


def _door(event: ConnectionOpened | ConnectionFailed) -> str:
    return f"{event.exchanger}:{event.port}"


def _session_door(trail: Trail, entry: Entry, event: ReplyReceived) -> str:
    session = trail.sessions.get((entry.host, event.session))
    return _door(session) if session else "the exchanger"


def _broke(event: ConnectionFailed) -> str:
    return str(event.failure) if event.stage is Stage.CONNECT else f"{event.failure} at {event.stage}"
