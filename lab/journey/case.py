"""The case of one message: every fact that a diagnosis may look at, as values.

The rule: a case is made from the log and the plan alone, and judges nothing. It follows the recipient on whom the
whole message waits, from the host where it was handed in to the one where it is now; what each host met is cut
into tries, and what went wrong in a try is its troubles, in the order in which they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lab.events import (
    BounceSent,
    ConnectionFailed,
    ConnectionOpened,
    DelayWarned,
    DestinationBackedOff,
    Event,
    ExchangersFound,
    Failure,
    MailDeferred,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    NameResolved,
    RecipientsFailed,
    ReplyReceived,
    Stage,
)
from lab.journey.build import Journeys
from lab.journey.hops import Hop, Trail, destination_of
from lab.journey.model import Fate, Journey, State
from lab.journey.steps import entries_of
from lab.journey.world import NOW, World
from lab.log import Entry
from lab.topology.plan import HostPlan
from lab.values import dataclass

LOCAL = "local"
"""The policy row of what a host said of its own mailboxes."""

_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What kept a host from handing the message to one exchanger: a failure of the network, or a reply."""

    entry: Entry
    exchanger: str
    address: str
    preference: int
    stage: Stage
    failure: Failure | None = None
    code: int = 0
    text: str = ""
    follows: str = ""

    @property
    def status(self) -> str:
        """The enhanced code of a reply (RFC 3463), where it has one."""
        found = _STATUS.match(self.text)
        return found[1] if found else ""

    @property
    def words(self) -> str:
        return str(self.failure) if self.failure else f"{self.code} {self.text}"


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt of a host to be rid of the message. `t` is when it ended."""

    host: str
    t: float
    entries: tuple[Entry, ...]
    troubles: tuple[Trouble, ...]

    def lookups(self, *types: str) -> list[Entry]:
        """The questions that the host asked its resolver."""
        return [
            one
            for one in self.entries
            if isinstance(one.event, NameResolved) and one.event.type in (types or _ALL)
        ]

    @property
    def route(self) -> Entry | None:
        """The last word on whom to try: an `ExchangersFound`."""
        found = [one for one in self.entries if isinstance(one.event, ExchangersFound)]
        return found[-1] if found else None

    @property
    def touched(self) -> bool:
        """Something was asked or dialled, more than an outcome noted down."""
        return any(not isinstance(one.event, _ENDS) for one in self.entries)

    @property
    def end(self) -> Entry | None:
        """How it ended; None while it goes on."""
        return self.entries[-1] if isinstance(self.entries[-1].event, _ENDS) else None

    @property
    def rule(self) -> str:
        return self.route.event.rule if self.route and isinstance(self.route.event, ExchangersFound) else ""


_ALL = ("MX", "A", "AAAA")


@dataclass(frozen=True, slots=True)
class Leg:
    """The message on one host, for the recipient that is followed. `left`: how it left, if it did."""

    host: str
    queue_id: str
    sender: str
    recipient: str
    born: Entry
    handed_in: bool
    tries: tuple[Try, ...]
    waits: tuple[Entry, ...] = ()
    left: Entry | None = None
    ahead: str = ""
    """The message behind which it waits untried, by its journey's id; `tries` are then that one's."""
    told: tuple[Entry, ...] = ()
    """What its host said to the sender of it: warnings, bounces."""
    forwards: tuple[Entry, ...] = ()
    """Aliases that it went through there."""

    @property
    def destination(self) -> str:
        return destination_of(self.recipient)

    @property
    def troubles(self) -> list[Trouble]:
        return [trouble for one in self.tries for trouble in one.troubles]


@dataclass(frozen=True, slots=True)
class Case:
    """`legs` in their order; `children` are the other messages that came of it (a bounce, a second copy), each
    with the leg of its first recipient."""

    journey: Journey
    fate: Fate
    legs: tuple[Leg, ...]
    world: World
    now: float
    notices: tuple[tuple[str, Leg], ...] = ()
    """("bounce" or "warning", its last leg)."""
    copies: tuple[Entry, ...] = ()
    """How other hosts came to have a copy whose sender never heard the 250."""

    @property
    def state(self) -> State:
        return self.fate.state

    @property
    def waits(self) -> bool:
        return self.state in (State.QUEUED, State.HELD)

    @property
    def last(self) -> Leg:
        return self.legs[-1]

    @property
    def attempt(self) -> Try | None:
        """The try that decided where the message is now: the last of its last host, or the one that led there."""
        tries = (one for leg in reversed(self.legs) for one in reversed(leg.tries))
        return next((one for one in tries if one.touched), None)

    @property
    def trouble(self) -> Trouble | None:
        """What decided it: of a bounce the reply that it follows from, else the first thing that went wrong."""
        troubles = self.attempt.troubles if self.attempt else ()
        final = next((one for one in troubles if one.follows == "bounce"), None)
        if self.state is State.BOUNCED and final is not None:
            return final
        return troubles[0] if troubles else None

    @property
    def detours(self) -> list[Trouble]:
        return [trouble for leg in self.legs for trouble in leg.troubles]

    def plan_of(self, name: str) -> HostPlan | None:
        return self.world.host(name)


def case_of(journeys: Journeys, id: str, world: World, now: float | None = None, to: str = "") -> Case:
    """The case of a journey, at lab time `now` (that of the log's last entry where none is given): of the slowest
    recipient, or of the one named. KeyError where there is none of that id, or no such recipient."""
    journey, root, trail = journeys[id], journeys.root(id), journeys.trail
    fate = _fate(journey, to)
    legs = [_leg(trail, hop, recipient) for hop, recipient in _way(trail, root, fate.recipient)]
    if not any(one.touched for one in legs[-1].tries):
        legs[-1] = _behind(journeys, legs[-1])
    family = list(trail.children(root))
    notices = [(hop.kind, _last_leg(trail, hop)) for hop in family if hop.kind]
    known = [taken for hop in family for taken in hop.passed_to.values()]
    copies = [hop.born for hop in family if hop.parent and not hop.handed_in and hop not in known]
    moment = journeys.now if now is None else now
    return Case(journey, fate, tuple(legs), world, moment, tuple(notices), tuple(copies))


def _fate(journey: Journey, to: str) -> Fate:
    found = [one for one in journey.fates if one.recipient.lower() == to.lower() or not to]
    if not found:
        raise KeyError(to)
    return next((one for one in found if one.state is journey.state), found[0])


def _behind(journeys: Journeys, leg: Leg) -> Leg:
    """Where a message waits for its destination's turn, untried itself: with the tries of the one that was, or is
    being, tried."""
    if leg.left is not None or any(_is_local(one) for one in leg.waits):
        return leg
    for hop in reversed(journeys.trail.hops.values()):
        others = [one for one in hop.recipients if destination_of(one) == leg.destination]
        if hop.host == leg.host and hop.queue_id != leg.queue_id and others:
            tries = _leg(journeys.trail, hop, others[0]).tries
            under_way = bool(tries) and tries[-1].end is None
            if under_way or (leg.waits and any(one.touched for one in tries)):
                return replace(leg, tries=tries, ahead=journeys.of(hop.host, hop.queue_id) or "")
    return leg


def _is_local(entry: Entry) -> bool:
    return getattr(entry.event, "row", "") == LOCAL


def _last_leg(trail: Trail, hop: Hop) -> Leg:
    *_, (last, recipient) = _way(trail, hop, hop.recipients[0] if hop.recipients else "")
    return _leg(trail, last, recipient)


def _way(trail: Trail, hop: Hop, recipient: str) -> Iterator[tuple[Hop, str]]:
    """From hop to hop, as far as the recipient came; a forwarded one goes on as the slowest it became."""
    seen: set[tuple[int, str]] = set()
    here: Hop | None = hop
    while here is not None and (id(here), recipient) not in seen:
        seen.add((id(here), recipient))
        yield here, recipient
        here, recipient = _onward(here, recipient)


def _onward(hop: Hop, recipient: str) -> tuple[Hop | None, str]:
    departures = hop.departures.get(recipient.lower(), [])
    for entry in reversed(departures):
        match entry.event:
            case MailRelayed():
                return hop.passed_to.get(entry.n), recipient
            case MailForwarded(to=to):
                return _forwarded(hop, recipient, to)
            case _:
                return None, recipient
    return None, recipient


def _forwarded(hop: Hop, recipient: str, to: tuple[str, ...]) -> tuple[Hop | None, str]:
    others = [one for one in to if one.lower() != recipient.lower()]
    for one in others:
        for child in hop.children:
            if child.host == hop.host and not child.kind and one.lower() in map(str.lower, child.recipients):
                return child, one
    return None, recipient


# -- one host ---------------------------------------------------------------------------------------------


def _leg(trail: Trail, hop: Hop, recipient: str) -> Leg:
    departures = hop.departures.get(recipient.lower(), [])
    left = departures[-1] if departures else None
    until = left.n if left is not None else NOW
    own = [one for one in entries_of(trail, hop) if one.n <= until and _concerns(trail, hop, recipient, one)]
    relevant = [one for one in own if not _is_question_of_another(hop, own, one)]
    tries = [_try(trail, hop, recipient, entries) for entries in _cut(relevant, recipient)]
    waits = tuple(one for one in relevant if isinstance(one.event, MailDeferred | DestinationBackedOff))
    told = tuple(one for one in hop.entries if isinstance(one.event, DelayWarned | BounceSent))
    forwards = tuple(one for one in departures if isinstance(one.event, MailForwarded))
    return Leg(
        hop.host, hop.queue_id, hop.sender, recipient, hop.born, hop.handed_in, tuple(tries), waits, left,
        told=told, forwards=forwards,
    )  # fmt: skip


def _concerns(trail: Trail, hop: Hop, recipient: str, entry: Entry) -> bool:
    """Whether an entry is about this recipient rather than about another one of the same message."""
    event, own = entry.event, destination_of(recipient)
    recipients = getattr(event, "recipients", None) or ()
    if recipients and isinstance(event, MailDeferred | MailRelayed | RecipientsFailed):
        return recipient.lower() in map(str.lower, recipients)
    if isinstance(event, ReplyReceived):
        if event.stage is Stage.RCPT and _about_another(hop, recipient, f"{event.command} {event.text}".lower()):
            return False
        session = trail.sessions.get((hop.host, event.session))
        return session is None or not _of_another(hop, own, session.destination)
    return not _of_another(hop, own, getattr(event, "destination", "")) and not (
        isinstance(event, NameResolved) and event.type == "MX" and _of_another(hop, own, event.name)
    )


def _is_question_of_another(hop: Hop, own: list[Entry], entry: Entry) -> bool:
    """Of a message for several domains, the address of an exchanger that this one's route does not name."""
    event = entry.event
    several = len({destination_of(one) for one in hop.recipients}) > 1
    if not several or not isinstance(event, NameResolved) or event.type == "MX":
        return False
    routes = [one.event for one in own if isinstance(one.event, ExchangersFound)]
    named = {text.split(": ")[0].split(" ")[-1] for one in routes for text in (*one.exchangers, *one.left_out)}
    return event.name not in named


def _about_another(hop: Hop, recipient: str, words: str) -> bool:
    """An answer to RCPT names whom it is about: in the command, or (in foreign logs) in its text."""
    own = recipient.lower()
    return own not in words and any(one.lower() in words for one in hop.recipients if one.lower() != own)


def _of_another(hop: Hop, own: str, destination: str) -> bool:
    others = {destination_of(one) for one in hop.recipients} - {own}
    return destination.lower() in others


def _cut(entries: Iterable[Entry], recipient: str) -> Iterator[list[Entry]]:
    """Into tries: each ends with a wait or with the recipient's fate on this host."""
    found: list[list[Entry]] = []
    open_ = False
    for entry in entries:
        goodbye = isinstance(entry.event, ReplyReceived) and entry.event.stage is Stage.QUIT
        if goodbye or not isinstance(entry.event, _OF_A_TRY):
            continue
        ends = isinstance(entry.event, _ENDS)
        if not open_ and not (ends and found and entry.t - found[-1][-1].t < 1):
            found.append([])
        found[-1].append(entry)
        open_ = not ends
    return iter(found)


_ENDS = (MailDeferred, DestinationBackedOff, MailRelayed, RecipientsFailed, MailDelivered, MailForwarded)
_OF_A_TRY: tuple[type[Event], ...] = (
    *_ENDS, NameResolved, ExchangersFound, ConnectionOpened, ConnectionFailed, ReplyReceived,
)  # fmt: skip


def _try(trail: Trail, hop: Hop, recipient: str, entries: list[Entry]) -> Try:
    troubles = [found for one in entries if (found := _trouble(trail, hop, one)) is not None]
    troubles = troubles or [found for one in entries[-1:] if (found := _unsaid(entries, one)) is not None]
    return Try(hop.host, entries[-1].t, tuple(entries), tuple(troubles))


def _unsaid(entries: list[Entry], end: Entry) -> Trouble | None:
    """What a host knew without asking: the other side had said that it takes no such message (RFC 1870 §6)."""
    opened = [one.event for one in entries if isinstance(one.event, ConnectionOpened)]
    reason = getattr(end.event, "reason", "")
    if not opened or not isinstance(end.event, RecipientsFailed) or not reason[:3].isdigit():
        return None
    to = opened[-1]
    return Trouble(
        end, to.exchanger, to.address, to.preference, Stage.MAIL, None, int(reason[:3]), reason[4:], "bounce"
    )


def _trouble(trail: Trail, hop: Hop, entry: Entry) -> Trouble | None:
    match entry.event:
        case ConnectionFailed() as event:
            return Trouble(
                entry, event.exchanger, event.address, event.preference, event.stage, event.failure,
                follows=event.follows,
            )  # fmt: skip
        case ReplyReceived() as event if event.code >= 400 and event.follows:
            session = trail.sessions.get((hop.host, event.session))
            name, address, rank = (
                (session.exchanger, session.address, session.preference) if session else ("the exchanger", "", 0)
            )
            return Trouble(entry, name, address, rank, event.stage, None, event.code, event.text, event.follows)
        case _:
            return None
