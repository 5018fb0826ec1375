"""The ledger: what became of recipients is written down, with the letters it causes, in one transaction.

The rule: first the journal, then the log, then the world. A bounce exists exactly when its original's end does;
no event tells of an outcome that a power cut could still take back.

Who hears of it: RFC 3461 §4.1, §5.2; a bounce of a bounce goes to the postmaster (`bounce`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import timedelta

from lab.events import BounceSent, DelayWarned, Event, MailSubmitted, RecipientsFailed
from lab.fabric.base import Host
from lab.mail.bounce import Letter, News, addressee, at, compose, wants
from lab.mail.envelope import Envelope, Recipient
from lab.mail.local import Delivered, Forwarded
from lab.mail.queue import Queue
from lab.mail.spool import Failed, Stored
from lab.mail.waiting import Delivery, Message
from lab.mail.walk import Deferred, GivenUp, Reason, Taken
from lab.values import dataclass
from lab.wire.received import read_heading

_FULL = Reason("the disk of this host is full", "4.3.1", "disk")
Fate = Taken | Delivered | Forwarded | GivenUp | Deferred


@dataclass(slots=True)
class _Entry:
    """What one message adds to a transaction: ends, new messages, and the events that tell of them."""

    message: Message
    ends: list[int] = field(default_factory=list)
    takes: list[tuple[Stored, bytes]] = field(default_factory=list)
    fails: list[Failed] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    warned: bool = False


class Ledger:
    """Writes for one host's queue."""

    __slots__ = ("host", "queue")

    def __init__(self, host: Host, queue: Queue) -> None:
        self.host = host
        self.queue = queue

    async def settle(self, message: Message, fates: Mapping[int, Fate]) -> Reason | None:
        """Write down the fates of some of a message's recipients; why some of them still wait, if they do."""
        waits = [fate.reason for fate in fates.values() if isinstance(fate, Deferred)]
        try:
            await self._write([self._entry(message, fates)])
        except OSError:
            return self._unwritten(message, fates) or (waits[-1] if waits else None)
        return waits[-1] if waits else None

    def _unwritten(self, message: Message, fates: Mapping[int, Fate]) -> Reason | None:
        """The disk is full. Who was served was served; who needs a letter written waits until there is room."""
        served = [number for number, fate in fates.items() if isinstance(fate, Taken | Delivered)]
        self.queue.owe(message, served)
        self.queue.remove_finished(message)
        return _FULL if message.open & fates.keys() else None

    async def expire(self, messages: Sequence[Message]) -> None:
        """Patience is at its end. What is in hand just now is not touched: its try decides."""
        held = [delivery for message in messages for delivery in message.deliveries if not delivery.in_hand]
        entries = [self._entry(message, self._vain(message)) for message in messages]
        for delivery in held:
            delivery.in_hand = True  # nobody else takes it while the disk works
        try:
            await self._write(entries)
        except OSError:
            self._hold_back(held)

    def _hold_back(self, held: Sequence[Delivery]) -> None:
        for delivery in held:
            self.queue.defer(delivery, _FULL)

    async def warn(self, messages: Sequence[Message]) -> None:
        """Tell senders that it takes longer, where they want to know."""
        entries = [entry for message in messages if (entry := self._warning(message)) is not None]
        try:
            await self._write(entries)
        except OSError:
            return  # a warning that cannot be kept is not given

    async def _write(self, entries: Sequence[_Entry]) -> None:
        takes = [take for entry in entries for take in entry.takes]
        warns = [entry.message.id for entry in entries if entry.warned]
        fails = [failed for entry in entries for failed in entry.fails]
        await self.queue.record([(entry.message, entry.ends) for entry in entries], takes, warns, fails)
        for entry in entries:
            for event in entry.events:
                self.host.log(event)
            self.queue.remove_finished(entry.message)
        for stored, _ in takes:
            self.queue.admit(stored)

    # -- outcomes -------------------------------------------------------------------------------------------

    def _entry(self, message: Message, fates: Mapping[int, Fate]) -> _Entry:
        entry = _Entry(message, [number for number, fate in fates.items() if not isinstance(fate, Deferred)])
        if given_up := {number: fate.reason for number, fate in fates.items() if isinstance(fate, GivenUp)}:
            self._fail(given_up, entry)
        self._report_success(fates, entry)
        for number, fate in fates.items():
            if isinstance(fate, Forwarded):
                self._forward(number, fate, entry)
        return entry

    def _fail(self, reasons: Mapping[int, Reason], entry: _Entry) -> None:
        recipients = entry.message.envelope.recipients
        by_reason: dict[Reason, list[str]] = {}
        for number, reason in reasons.items():
            by_reason.setdefault(reason, []).append(recipients[number].address)
        told = [
            _news(number, reason) for number, reason in reasons.items() if wants(recipients[number], "failure")
        ]
        at, letter_id = len(entry.events), self._letter(told, entry) if told else ""
        entry.fails = [
            Failed(entry.message.id, tuple(addresses), reason.status, reason.text, reason.row, letter_id)
            for reason, addresses in by_reason.items()
        ]
        entry.events[at:at] = [
            RecipientsFailed(one.queue_id, one.recipients, one.status, one.reason, one.row) for one in entry.fails
        ]
        if told:
            to = addressee(entry.message.envelope, self.host.name)
            entry.events.append(BounceSent(entry.message.id, letter_id, to))

    def _report_success(self, fates: Mapping[int, Fate], entry: _Entry) -> None:
        recipients = entry.message.envelope.recipients
        told: list[News] = []
        for number, fate in fates.items():
            if wants(recipients[number], "success") and entry.message.envelope.sender is not None:
                if isinstance(fate, Delivered):
                    told.append(News(number, "delivered", "2.0.0", "delivered to its mailbox"))
                elif isinstance(fate, Taken) and fate.deaf:
                    told.append(_relayed(number, fate))
        for action in ("delivered", "relayed"):
            some = [news for news in told if news.action == action]
            if some:
                self._letter(some, entry)

    def _forward(self, number: int, fate: Forwarded, entry: _Entry) -> None:
        """An alias led elsewhere: a message of its own, for the same sender, with the same wishes."""
        message = entry.message
        wish = message.envelope.recipients[number]
        recipients = tuple(Recipient(address, wish.notify, wish.original) for address in fate.to)
        self._take(replace(message.envelope, recipients=recipients), self.queue.spool.octets(message.id), entry)

    def _vain(self, message: Message) -> dict[int, Fate]:
        fates: dict[int, Fate] = {}
        for delivery in message.deliveries:
            if not delivery.in_hand:
                reason = self.in_vain(delivery.reason)
                fates.update((number, GivenUp(reason)) for number in delivery.recipients)
        return fates

    def in_vain(self, last: Reason | None) -> Reason:
        """The reason of giving up is the reason of the last try; the code says that time ran out (RFC 3463
        §3.5)."""
        if last is None:
            return Reason(f"tried for {self.queue.patience} in vain", "4.4.7")
        text = f"tried for {self.queue.patience} in vain; at last: {last.text}"
        return Reason(text, "4.4.7", last.row, last.remote)

    # -- letters --------------------------------------------------------------------------------------------

    def _warning(self, message: Message) -> _Entry | None:
        recipients = message.envelope.recipients
        told = [
            _news(number, delivery.reason or Reason("not delivered yet", "4.4.7"), "delayed")
            for delivery in message.deliveries
            for number in delivery.recipients
            if wants(recipients[number], "delay")
        ]
        if not told or message.envelope.sender is None:
            return None
        entry = _Entry(message, warned=True)
        warning_id = self._letter(told, entry)
        addresses = tuple(recipients[news.recipient].address for news in told)
        entry.events.append(DelayWarned(message.id, addresses, warning_id))
        return entry

    def _letter(self, news: Sequence[News], entry: _Entry) -> str:
        """Compose a notification and put it beside the outcome; its queue_id."""
        message, now = entry.message, self.host.clock.now()
        age = self.host.clock.shown() - message.arrived
        left = self.queue.schedule.gives_up - age
        queue_id = self.queue.reserve()
        letter = compose(
            message.id,
            message.envelope,
            news,
            self.queue.spool.octets(message.id),
            to=addressee(message.envelope, self.host.name),
            host=self.host.name,
            letter_id=queue_id,
            now=at(now),
            arrived=at(now - timedelta(seconds=age)),
            patience=self.queue.patience,
            retry_until=at(now + timedelta(seconds=left)) if news[0].action == "delayed" else None,
        )
        return self._post(queue_id, letter, entry)

    def _post(self, queue_id: str, letter: Letter, entry: _Entry) -> str:
        stored = self.queue.stored(queue_id, letter.envelope, letter.octets, entry.message.id)
        entry.takes.append((stored, letter.octets))
        entry.events.append(_told(stored, letter.message_id, letter.subject))
        return queue_id

    def _take(self, envelope: Envelope, octets: bytes, entry: _Entry) -> None:
        stored = self.queue.stored(self.queue.reserve(), envelope, octets, entry.message.id)
        heading = read_heading(octets)
        entry.takes.append((stored, octets))
        entry.events.append(_told(stored, heading.message_id, heading.subject))


def submitted(
    queue_id: str, envelope: Envelope, size: int, message_id: str, subject: str, parent: str = ""
) -> MailSubmitted:
    recipients = tuple(recipient.address for recipient in envelope.recipients)
    return MailSubmitted(queue_id, message_id, envelope.sender or "", recipients, size, subject, parent)


def _told(stored: Stored, message_id: str, subject: str) -> MailSubmitted:
    return submitted(stored.id, stored.envelope, stored.size, message_id, subject, stored.parent)


def _news(number: int, reason: Reason, action: str = "failed") -> News:
    diagnostic = f"smtp; {reason.text}" if reason.reply else f"X-Lab; {reason.text}"
    text = f"host {reason.remote} said: {reason.text}" if reason.reply else reason.text
    if action == "delayed":
        return News(number, "delayed", "4" + reason.status[1:], text, reason.remote, diagnostic)
    return News(number, "failed", reason.status, text, reason.remote, diagnostic)


def _relayed(number: int, fate: Taken) -> News:
    text = f"taken by {fate.attempt.exchanger}, which sends no reports of its own"
    return News(number, "relayed", "2.0.0", text, fate.attempt.exchanger, f"smtp; {fate.reply}")
