"""What became of a message for each of its recipients, and of the notices about it.

The rule: a recipient's fate is the best that any copy of the message met. Where a host's 250 was lost there are
two copies (RFC 1047), and one in the mailbox is enough to call it delivered.
"""

from __future__ import annotations

from lab.events import (
    DestinationBackedOff,
    MailDeferred,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    RecipientsFailed,
    SubmissionRefused,
)
from lab.journey.hops import Hop, Trail, destination_of
from lab.journey.model import Fate, Notice, State, slowest
from lab.log import Entry

Seen = tuple[tuple[Hop, str], ...]
"""Hops and recipients on the way here, so that a loop of hosts or aliases comes to an end."""

_BEST_FIRST = (State.DELIVERED, State.HELD, State.QUEUED, State.BOUNCED, State.REFUSED)


def fates(trail: Trail, root: Hop) -> tuple[Fate, ...]:
    """The fate of every recipient, in the order of the envelope; of a message without any, that of nobody ("")."""
    return tuple(_fate(trail, root, recipient, ()) for recipient in dict.fromkeys(root.recipients or ("",)))


def notices(trail: Trail, root: Hop) -> tuple[Notice, ...]:
    """The bounces and warnings about it, from any host it came to."""
    return tuple(
        Notice(hop.kind, ", ".join(hop.recipients), slowest(fates(trail, hop)))
        for hop in trail.children(root)
        if hop.kind
    )


def _fate(trail: Trail, hop: Hop, recipient: str, seen: Seen) -> Fate:
    if isinstance(hop.born.event, SubmissionRefused):
        return Fate(recipient, State.REFUSED, hop.host, hop.born.t, hop.born.event.reason)
    found = [_left(trail, hop, recipient, entry, seen) for entry in hop.departures.get(recipient.lower(), ())]
    if not found:
        found = [_waiting(trail, hop, recipient)]
    found += [
        _fate(trail, copy, recipient, (*seen, (hop, recipient))) for copy in _lost_copies(hop, recipient, seen)
    ]
    return min(found, key=lambda fate: _BEST_FIRST.index(fate.state))


def _left(trail: Trail, hop: Hop, recipient: str, entry: Entry, seen: Seen) -> Fate:
    match entry.event:
        case MailDelivered():
            return Fate(recipient, State.DELIVERED, hop.host, entry.t)
        case RecipientsFailed() as event:
            return Fate(recipient, State.BOUNCED, hop.host, entry.t, event.reason, status=event.status)
        case MailForwarded() as event:
            return _forwarded(trail, hop, recipient, event.to, (*seen, (hop, recipient)))
        case MailRelayed() as event:
            next_hop = hop.passed_to.get(entry.n)
            if next_hop is None or (next_hop, recipient) in seen:
                return Fate(recipient, State.HELD, event.exchanger, entry.t, "what it did next is not in this log")
            return _fate(trail, next_hop, recipient, (*seen, (hop, recipient)))
        case _:
            return _waiting(trail, hop, recipient)


def _forwarded(trail: Trail, hop: Hop, recipient: str, to: tuple[str, ...], seen: Seen) -> Fate:
    """A forwarded recipient is as far as the slowest of those it became."""
    carried = [(_carrier(hop, one), one) for one in to if one.lower() != recipient.lower()]
    further = [_fate(trail, carrier, one, seen) for carrier, one in carried if (carrier, one) not in seen]
    if not further:
        return Fate(recipient, State.DELIVERED, hop.host, hop.born.t)
    state = slowest(tuple(further))
    last = next(fate for fate in further if fate.state is state)
    return Fate(recipient, state, last.host, last.t, last.detail, last.next_try, last.status, last.at_home)


def _carrier(hop: Hop, recipient: str) -> Hop:
    """The message that carries a forwarded recipient: one of its own, or still this one."""
    own = (child for child in hop.children if child.host == hop.host and not child.kind)
    return next((child for child in own if recipient.lower() in map(str.lower, child.recipients)), hop)


def _lost_copies(hop: Hop, recipient: str, seen: Seen) -> list[Hop]:
    """Copies that another host took, though this one never heard its 250."""
    known = list(hop.passed_to.values())
    return [
        child
        for child in hop.children
        if not child.handed_in
        and child not in known
        and (child, recipient) not in seen
        and recipient.lower() in map(str.lower, child.recipients)
    ]


def _waiting(trail: Trail, hop: Hop, recipient: str) -> Fate:
    began = _began(hop)
    state = State.QUEUED if began.handed_in and began.host == hop.host else State.HELD
    last = hop.deferrals.get(recipient.lower())
    back_off = _last_back_off(trail, hop, recipient)
    if back_off is not None and (last is None or back_off.n > last.n):
        last = back_off
    match last.event if last else None:
        case MailDeferred(reason=reason, next_try=next_try) | DestinationBackedOff(reason=reason, until=next_try):
            at_home = getattr(last.event, "row", "") == "local" if last else False
            return Fate(recipient, state, hop.host, hop.born.t, reason, next_try, at_home=at_home)
        case _:
            return Fate(recipient, state, hop.host, hop.born.t)


def _began(hop: Hop) -> Hop:
    """Where its journey began; a notice's begins where it was written."""
    while hop.parent is not None and not hop.kind:
        hop = hop.parent
    return hop


def _last_back_off(trail: Trail, hop: Hop, recipient: str) -> Entry | None:
    entries = trail.back_offs.get((hop.host, destination_of(recipient)))
    return entries[-1] if entries and entries[-1].n > hop.born.n else None
