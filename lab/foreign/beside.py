"""What an agent's log leaves out of a route: the MX list, asked again beside the agent.

The rule: nothing is made up. When the log first tells of an attempt for a destination, the resolvers of that very
host are asked for its MX, as the agent has just asked them, so that an old list that they remember is told as it
is; the answer is logged before what the attempt led to, with the agent's name in `beside`. What the list means is
read by the agent's own policy table. Who dials a smarthost, or an address in brackets, asks nobody, and so do we.

A message's events keep their order: those behind one that waits for an answer wait too, `PATIENCE` at most.
RFC 5321 §5.1.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Iterator
from dataclasses import field, replace
from random import Random
from typing import Protocol

from lab.events import (
    ConnectionFailed,
    ConnectionOpened,
    Event,
    ExchangersFound,
    MailAccepted,
    MailDeferred,
    MailForwarded,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    NameResolved,
    RecipientsFailed,
)
from lab.fabric.base import Host
from lab.foreign.readers.reader import domain_of
from lab.mail import routing
from lab.mail.policies import POLICIES, RFC5321
from lab.mail.routing import Exchangers, Identity, Verdict
from lab.names import BadName, DomainName
from lab.topology.plan import MailPlan
from lab.values import dataclass
from lab.wire.records import Answer

PATIENCE = 2.0
"""Seconds for an answer that the resolver has given a moment ago."""
_MOST = 10_000
"""Messages whose destinations are remembered; one that the log never tells the end of is forgotten some day."""
_NOT_TRIED = ("delivery temporarily suspended", "Network error on destination MXs")
"""How an agent says of mail that was not tried itself that other mail for the same place has failed: Postfix, and
OpenSMTPD, which says so of mail that was tried, too."""
_OF_AN_ATTEMPT = (ConnectionOpened, ConnectionFailed, MailRelayed, MailDeferred, RecipientsFailed)


class Ask(Protocol):
    """The host's own stub: see `lab.dns.stub.Stub.resolve`."""

    def __call__(self, name: DomainName, type: str, queue_id: str = "", beside: str = "") -> Awaitable[Answer]: ...


@dataclass(slots=True)
class Attempt:
    """One of a message's attempts for a destination. `ranks`: the preference of each exchanger; `number`: which
    attempt it was, once it is over."""

    ranks: dict[str, int] = field(default_factory=dict)
    number: int = 0

    @property
    def is_over(self) -> bool:
        return self.number > 0


class Beside:
    """One host's. `tell` takes what the readers say; the log has it, and what belongs before it, in that order."""

    def __init__(self, host: Host, software: str, mail: MailPlan, ask: Ask) -> None:
        self._host = host
        self._software = software
        self._mail = mail
        self._ask = ask
        self._policy = POLICIES.get(software, RFC5321)
        self._me = Identity(host.name, host.addresses)
        self._home = {host.name, *mail.local_domains}
        self._destinations: dict[str, dict[str, Attempt | None]] = {}
        """By message, where it goes from here."""
        self._waiting: dict[str, deque[Event]] = {}
        """By message, what is told when there is an answer, or `PATIENCE` is over."""

    def tell(self, event: Event) -> None:
        message = getattr(event, "queue_id", "")
        if message in self._waiting:
            self._waiting[message].append(event)
        elif message and isinstance(event, _OF_AN_ATTEMPT):
            self._waiting[message] = deque([event])
            self._host.spawn(self._go_on(message), "beside the agent")
        else:
            self._say(event)

    def tell_all(self) -> None:
        """The host goes down: what was heard is told as it is."""
        for events in self._waiting.values():
            while events:
                self._say(events.popleft())

    async def _go_on(self, message: str) -> None:
        events = self._waiting[message]
        try:
            while events:
                event = events[0]
                completed = await self._completed(event)
                if events:  # else all has been told meanwhile
                    events.popleft()
                    self._say(completed)
        finally:  # a defect here loses nothing of what the agent said
            del self._waiting[message]
            while events:
                self._say(events.popleft())

    def _say(self, event: Event) -> None:
        match event:
            case MailAccepted(queue_id=queue_id, recipients=to) | MailSubmitted(queue_id=queue_id, recipients=to):
                self._note(queue_id, to)
            case MailForwarded(queue_id=queue_id, to=to):
                self._note(queue_id, to)
            case MailRemoved(queue_id=queue_id):
                self._destinations.pop(queue_id, None)
            case NameResolved(via=""):  # the agent says what came of its question, and not whom it asked
                event = replace(event, via=self._resolver)
            case _:
                pass
        self._host.log(event)

    async def _completed(self, event: Event) -> Event:
        """The event, when what belongs before it has been told."""
        match event:
            case ConnectionOpened() | ConnectionFailed():
                return await self._dialled(event)
            case MailRelayed(queue_id=queue_id, recipients=recipients):
                for one in self._outward(recipients):
                    await self._begun(queue_id, one)
            case MailDeferred(queue_id=queue_id, recipients=recipients, attempt=number):
                was_tried = not event.reason.startswith(_NOT_TRIED)
                await self._ended(queue_id, recipients, number, was_tried)
            case RecipientsFailed(queue_id=queue_id, recipients=recipients):
                await self._ended(queue_id, recipients, 0)
            case _:
                pass
        return event

    # -- which destinations a message has -------------------------------------------------------------------

    def _note(self, queue_id: str, recipients: tuple[str, ...]) -> None:
        mine = self._destinations.setdefault(queue_id, {})
        for one in self._outward(recipients):
            mine.setdefault(one)
        if len(self._destinations) > _MOST:
            self._destinations.pop(next(iter(self._destinations)))

    def _outward(self, recipients: tuple[str, ...]) -> Iterator[str]:
        """Their domains, each once, but for those whose mailboxes are here."""
        return (one for one in dict.fromkeys(map(domain_of, recipients)) if one and one not in self._home)

    # -- attempts ----------------------------------------------------------------------------------------------

    async def _dialled(self, event: ConnectionOpened | ConnectionFailed) -> Event:
        """With its preference. An agent that does not say for which destination it dials does it for one of the
        message's that names this exchanger."""
        known = self._destinations.setdefault(event.queue_id, {})
        candidates = [event.destination] if event.destination else list(known)
        for one in candidates:
            attempt = await self._begun(event.queue_id, one)
            if event.exchanger in attempt.ranks or len(candidates) == 1:
                rank = attempt.ranks.get(event.exchanger, event.preference)
                return replace(event, destination=one, preference=rank)
        return event

    async def _begun(self, queue_id: str, destination: str) -> Attempt:
        """The attempt that goes on, or a new one."""
        known = self._destinations.setdefault(queue_id, {})
        attempt = known.get(destination)
        if attempt is None or attempt.is_over:
            attempt = known[destination] = Attempt(await self._ranks(queue_id, destination, dialled=True))
        return attempt

    async def _ended(
        self, queue_id: str, recipients: tuple[str, ...], number: int, was_tried: bool = True
    ) -> None:
        """It led to nothing. `number` 0: it is the last. One that never dialled anybody began just now, unless the
        mail was not tried at all."""
        for one in self._outward(recipients):
            known = self._destinations.setdefault(queue_id, {})
            attempt = known.get(one)
            if attempt is None or (attempt.is_over and number > attempt.number):
                ranks = await self._ranks(queue_id, one, dialled=False) if was_tried else {}
                attempt = known[one] = Attempt(ranks)
            attempt.number = max(number, attempt.number, 1)

    # -- the question ------------------------------------------------------------------------------------------

    async def _ranks(self, queue_id: str, destination: str, dialled: bool) -> dict[str, int]:
        """Tell the route; the preference of each exchanger on it."""
        route = self._without_question(destination)
        if route is None:
            answer = await self._answer(queue_id, destination, dialled)
            if answer is None:
                return {}
            route = routing.exchangers(answer, self._me, self._policy, lambda: Random(0))
        found = route.found if isinstance(route, Exchangers) else ()
        words = tuple(map(str, found))
        self._host.log(
            ExchangersFound(destination, words, route.rule, route.left_out, queue_id, beside=self._software)
        )
        return {one.name: one.preference for one in found}

    def _without_question(self, destination: str) -> Exchangers | Verdict | None:
        if self._mail.smarthost is not None:
            return routing.smarthost(self._mail.smarthost)
        if destination.startswith("["):
            return Exchangers("literal", (routing.Exchanger(0, destination),))
        return None

    async def _answer(self, queue_id: str, destination: str, dialled: bool) -> Answer | None:
        """None where none comes; of an attempt that never dialled anybody, that is the news."""
        try:
            name = DomainName.parse(destination)
        except BadName:
            return None
        try:
            return await asyncio.wait_for(self._ask(name, "MX", queue_id, self._software), PATIENCE)
        except TimeoutError:
            if not dialled:
                self._host.log(self._silence(name, queue_id))
            return None

    def _silence(self, name: DomainName, queue_id: str) -> NameResolved:
        return NameResolved(name, "MX", "TIMEOUT", (), self._resolver, PATIENCE, queue_id, beside=self._software)

    @property
    def _resolver(self) -> str:
        """Whom the host asks first."""
        return next(iter(self._host.plan.resolvers), "")
