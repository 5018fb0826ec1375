"""The queue. Its promise: *what was accepted is delivered, bounced, or still here*, through any crash.

`put` returns when the message is on stable storage; an outcome and the bounce it causes are one transaction.
At least once on the wire, exactly once in here: if our 250 is lost, the sender tries again (RFC 1047), and that
cannot be closed, only told.

The rule: work is per destination. One that cannot be had is tried with one message while the others wait behind
it, and one success wakes them all. Nothing polls: one timer stands for the next thing that is due, be it a try,
a warning or the end of patience.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Protocol

from lab.clock import show_span
from lab.events import DestinationBackedOff, FailureRecovered, MailDeferred, MailRecovered, MailRemoved
from lab.fabric.base import Host
from lab.mail.envelope import Envelope
from lab.mail.queue_id import QueueIds
from lab.mail.retry import Schedule
from lab.mail.spool import Failed, Spool, Stored, Transaction
from lab.mail.waiting import LOCAL, Delivery, Destination, Message
from lab.mail.walk import Reason
from lab.names import EmailAddress
from lab.wire.received import read_heading


class Agent(Protocol):
    """Who does the queue's work."""

    def work(self, destination: Destination) -> None:
        """Something waits for this destination, and it may be tried."""

    def notify(self, expired: Sequence[Message], overdue: Sequence[Message]) -> None:
        """Patience is at its end with some messages, and some have taken long enough for a warning."""


Due = tuple[float, int, str, Message | Delivery | Destination]


class Queue:
    """The messages of one host. `destination_of` names the destination of an address."""

    __slots__ = (
        "_agenda",
        "_alarm",
        "_alarm_when",
        "_ids",
        "_owed",
        "_serial",
        "agent",
        "destination_of",
        "destinations",
        "host",
        "messages",
        "most_recipients",
        "schedule",
        "spool",
    )

    def __init__(
        self,
        host: Host,
        spool: Spool,
        schedule: Schedule,
        destination_of: Callable[[EmailAddress], str],
        most_recipients: int = 0,
    ) -> None:
        """`most_recipients`: of one message, to one place in one go; 0: all."""
        self.host = host
        self.spool = spool
        self.schedule = schedule
        self.destination_of = destination_of
        self.most_recipients = most_recipients
        self.agent: Agent
        self.messages: dict[str, Message] = {}
        self.destinations: dict[str, Destination] = {}
        self._ids = QueueIds(host.clock, host.rng("queue"))
        self._agenda: list[Due] = []
        self._owed: list[tuple[str, tuple[int, ...]]] = []
        self._serial = itertools.count()
        self._alarm: asyncio.Handle | None = None
        self._alarm_when = 0.0

    # -- taking in ------------------------------------------------------------------------------------------

    def reserve(self) -> str:
        """A queue_id for a message that may come."""
        return self._ids.next()

    async def put(self, queue_id: str, envelope: Envelope, octets: bytes, parent: str = "") -> str:
        """Take responsibility: returns once the message is on stable storage. OSError when the disk is full."""
        stored = self.stored(queue_id, envelope, octets, parent)
        await self.spool.commit(Transaction([(stored, octets)]))
        self.admit(stored)
        return queue_id

    def stored(self, queue_id: str, envelope: Envelope, octets: bytes, parent: str = "") -> Stored:
        """The form in which the spool takes a new message."""
        arrived = self.host.clock.now().timestamp()
        recipients = tuple(range(len(envelope.recipients)))
        return Stored(queue_id, envelope, arrived, len(octets), recipients, parent)

    def recover(self) -> None:
        """Take up what the spool kept through a restart, and tell of it: who went down between writing and telling
        had no time to. Everything is tried at once."""
        living = self.spool.recover()
        for one in self.spool.failed:
            self.host.log(
                FailureRecovered(one.queue_id, one.recipients, one.status, one.reason, one.row, one.letter)
            )
        for stored in living:
            self._ids.heed(stored.id)
            self.host.log(self._recovered(stored))
            self.admit(stored)

    def _recovered(self, stored: Stored) -> MailRecovered:
        heading, envelope = read_heading(self.spool.octets(stored.id)), stored.envelope
        waiting = tuple(envelope.recipients[number].address for number in stored.open)
        sender, size = envelope.sender or "", stored.size
        return MailRecovered(stored.id, heading.message_id, sender, waiting, size, heading.subject, stored.parent)

    def admit(self, stored: Stored) -> None:
        """A message that the spool holds: one delivery, or a few, for each of its destinations."""
        age = self.host.clock.now().timestamp() - stored.arrived
        arrived = self.host.clock.shown() - age
        message = Message(
            stored.id, stored.envelope, arrived, stored.size, set(stored.open), stored.parent, stored.warned
        )
        self.messages[stored.id] = message
        by_destination: dict[str, list[int]] = {}
        for number in stored.open:
            name = self.destination_of(stored.envelope.recipients[number].address)
            by_destination.setdefault(name, []).append(number)
        for name, recipients in by_destination.items():
            at_once = len(recipients) if name == LOCAL else self.most_recipients or len(recipients)
            for first in range(0, len(recipients), at_once):
                delivery = Delivery(message, self._destination(name), recipients[first : first + at_once])
                message.deliveries.append(delivery)
                self._join(delivery)

    def _destination(self, name: str) -> Destination:
        if name not in self.destinations:
            self.destinations[name] = Destination(name, alive=name == LOCAL)
        return self.destinations[name]

    def _join(self, delivery: Delivery) -> None:
        """Into the destination's line; if that is left alone just now, wait like all the others."""
        destination = delivery.destination = self._destination(delivery.destination.name)
        delivery.due, delivery.joined = None, destination.tries
        destination.waiting.append(delivery)
        if destination.failures:
            # Whoever brought the message tells of it first.
            asyncio.get_running_loop().call_soon(self._hold, delivery)
        if destination.until <= self.host.clock.elapsed():
            self.agent.work(destination)

    # -- handing out ----------------------------------------------------------------------------------------

    def take(self, destination: Destination) -> Delivery | None:
        """The next delivery of a destination, into the caller's hands; None: nothing to do there now."""
        if destination.until > self.host.clock.elapsed():
            return None
        while destination.waiting:
            delivery = destination.waiting.popleft()
            if delivery.recipients and not delivery.in_hand:
                delivery.in_hand = True
                return delivery
        return None

    def idle(self, destination: Destination) -> None:
        """Nobody works for it any more; forget it unless something waits."""
        if not (destination.workers or destination.waiting or destination.until):
            self.destinations.pop(destination.name, None)

    async def record(
        self,
        ends: Sequence[tuple[Message, Sequence[int]]],
        takes: Sequence[tuple[Stored, bytes]] = (),
        warns: Sequence[str] = (),
        fails: Sequence[Failed] = (),
    ) -> None:
        """Recipients have their fate, and messages were made of it: one transaction."""
        owed = tuple(self._owed)
        forms = [*owed, *((message.id, tuple(recipients)) for message, recipients in ends if recipients)]
        if forms or takes or warns:
            await self.spool.commit(Transaction(takes, forms, warns, fails))
        # More may be owed by now, and another record may have paid these.
        self._owed = [one for one in self._owed if one not in owed]
        for message, recipients in ends:
            self._close(message, recipients)

    def owe(self, message: Message, recipients: Sequence[int]) -> None:
        """These were served, and the disk could not take it down: it is written with the next record. A crash
        before that sends them a second copy, never none."""
        if recipients:
            self._owed.append((message.id, tuple(recipients)))
            self._close(message, recipients)

    def _close(self, message: Message, recipients: Sequence[int]) -> None:
        message.open.difference_update(recipients)
        for delivery in message.deliveries:
            delivery.recipients = [number for number in delivery.recipients if number in message.open]

    def finish(self, delivery: Delivery) -> None:
        """Nothing of this delivery waits any more."""
        delivery.in_hand = False

    def remove_finished(self, message: Message) -> None:
        """Say goodbye to a message whose recipients all have their fate."""
        if not message.open and self.messages.pop(message.id, None) is not None:
            message.deliveries.clear()  # which name the message: a circle less for the collector
            self.host.log(MailRemoved(message.id))

    # -- not yet --------------------------------------------------------------------------------------------

    def succeeded(self, destination: Destination) -> None:
        """Somebody there says hello: whoever waits behind may come."""
        destination.failures, destination.until, destination.reason = 0, 0.0, None
        if not destination.alive:
            destination.alive = True
            self.agent.work(destination)

    def defer(self, delivery: Delivery, reason: Reason) -> None:
        """This message waits alone; others of its destination go on."""
        delivery.tries = delivery.attempts + 1
        delivery.reason, delivery.in_hand = reason, False
        now = self.host.clock.elapsed()
        delivery.due = self.schedule.next_due(self._arrival(delivery.message), delivery.tries, now)
        self._deferred(delivery, reason, delivery.due)
        self._watch(delivery.message)
        self._plan(delivery.due, "try", delivery)

    def back_off(self, delivery: Delivery, reason: Reason) -> None:
        """The destination cannot be had: what is left of this message goes back to the head of the line, and all
        wait."""
        destination, now = delivery.destination, self.host.clock.elapsed()
        delivery.reason, delivery.in_hand = reason, False
        destination.waiting.appendleft(delivery)
        if destination.until > now:  # a second session found the same
            self._wait_behind(delivery, reason)
            return
        destination.tries += 1
        destination.failures += 1
        destination.alive, destination.reason = False, reason
        arrived = self._arrival(delivery.message)
        destination.until = self.schedule.next_due(arrived, delivery.attempts, now)
        self._deferred(delivery, reason, destination.until)
        self._watch(delivery.message)
        if destination.failures == 1:
            for waiting in destination.waiting:
                self._hold(waiting)
        if count := sum(bool(one.recipients) for one in destination.waiting):
            self.host.log(DestinationBackedOff(destination.name, destination.until, count, reason.text))
        self._plan(destination.until, "wake", destination)

    def _hold(self, delivery: Delivery) -> None:
        """It comes to wait behind others, untried: told once, not at every try of theirs."""
        destination = delivery.destination
        if delivery.reason is None and destination.reason is not None and not delivery.in_hand:
            delivery.reason = destination.reason
            self._wait_behind(delivery, destination.reason)

    def _wait_behind(self, delivery: Delivery, reason: Reason) -> None:
        """Till its destination's turn, at the most until its own patience ends."""
        self._deferred(delivery, reason, delivery.destination.until)
        self._watch(delivery.message)

    def _deferred(self, delivery: Delivery, reason: Reason, due: float) -> None:
        if not delivery.recipients:
            return
        name, attempts = delivery.destination.name, delivery.attempts
        self.host.log(
            MailDeferred(
                delivery.message.id,
                delivery.addresses,
                name,
                reason.text,
                due,
                attempts,
                reason.row,
                reason.status,
            )
        )

    # -- what is due ----------------------------------------------------------------------------------------

    def _watch(self, message: Message) -> None:
        """From the first delay on, its warnings and its end are on the agenda."""
        if not message.watched:
            message.watched = True
            arrived = self._arrival(message)
            self._plan(arrived + self.schedule.gives_up, "expire", message)
            for age in self.schedule.warns[message.warned :]:
                self._plan(arrived + age, "warn", message)

    def _arrival(self, message: Message) -> float:
        """When it came, in lab seconds, for what this host's clock now says that its age is."""
        return message.arrived - self.host.clock.ahead

    def _plan(self, when: float, what: str, subject: Message | Delivery | Destination) -> None:
        heappush(self._agenda, (when, next(self._serial), what, subject))
        self._arm()

    def _arm(self) -> None:
        """One alarm, for the first item; a timer of the host's, so that it dies with it."""
        when = self._agenda[0][0]
        if self._alarm is not None:
            if self._alarm_when <= when:
                return
            self._alarm.cancel()
        self._alarm_when = when
        self._alarm = self.host.after(max(0.0, when - self.host.clock.elapsed()), self._ring)

    def _ring(self) -> None:
        """What else begins at this very moment goes first."""
        self._alarm = asyncio.get_running_loop().call_soon(self._rung)

    def _rung(self) -> None:
        self._alarm = None
        self._strike()

    def _strike(self) -> None:
        """Everything that is due now. A microsecond early is not early: two clocks' rounding may differ."""
        now = self.host.clock.elapsed() + 1e-6
        expired: list[Message] = []
        overdue: list[Message] = []
        while self._agenda and self._agenda[0][0] <= now:
            when, _, _, subject = due = heappop(self._agenda)
            match subject:
                case Message() if subject.id in self.messages:
                    if due[2] == "expire" and not self.is_expired(subject):  # its host's clock was set back
                        self._plan(self._arrival(subject) + self.schedule.gives_up, "expire", subject)
                    else:
                        (expired if due[2] == "expire" else overdue).append(subject)
                case Delivery() if subject.due == when:
                    self._join(subject)
                case Destination() if subject.until == when:
                    subject.until = 0.0
                    self.agent.work(subject)
        if expired or overdue:
            self.agent.notify(expired, overdue)
        if self._agenda:
            self._arm()

    def is_expired(self, message: Message) -> bool:
        return self.host.clock.elapsed() + 1e-6 >= self._arrival(message) + self.schedule.gives_up

    @property
    def patience(self) -> str:
        """How long it tries, as people read it."""
        return show_span(self.schedule.gives_up)

    def flush(self) -> int:
        """Everything that waits is due now; how many deliveries that is."""
        for destination in tuple(self.destinations.values()):
            destination.until = 0.0
            self.agent.work(destination)
        waiting = [delivery for delivery in self.deliveries() if not delivery.in_hand]
        for delivery in waiting:
            if delivery.due is not None:
                self._join(delivery)
        return len(waiting)

    def deliveries(self) -> Iterator[Delivery]:
        """Every delivery that is still to be made."""
        for message in self.messages.values():
            yield from (delivery for delivery in message.deliveries if delivery.recipients)
