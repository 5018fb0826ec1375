"""Hand-made logs: what a mini-Internet would have logged, event by event."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.events import (
    BounceSent,
    ConnectionFailed,
    ConnectionOpened,
    DestinationBackedOff,
    Event,
    ExchangersFound,
    Failure,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    NameResolved,
    RecipientsFailed,
    ReplyReceived,
    Stage,
)
from lab.log import EventLog

ANN, ED = "ann@unige.ch", "ed@belgiannews.com"
HOME, MAIL, RELAY = "mail.unige.ch", "mail.belgiannews.com", "relay.eunet.be"
DOMAIN = "belgiannews.com"
PAIR = (f"5 {MAIL}", f"10 {RELAY}")


@dataclass
class Story:
    """Write a log as one tells a story; `pause` lets lab time pass."""

    log: EventLog = field(default_factory=EventLog)
    t: float = 0.0

    def pause(self, seconds: float) -> Story:
        self.t += seconds
        return self

    def at(self, host: str, *events: Event) -> Story:
        for event in events:
            self.log.append(self.t, host, event)
        return self

    def submit(self, id: str = "a1", to: tuple[str, ...] = (ED,), *, host: str = HOME, sender: str = ANN) -> Story:
        return self.at(host, MailSubmitted(id, f"{id}@{host}", sender, to, 400, "hello"))

    def route(
        self, id: str, host: str = HOME, exchangers: tuple[str, ...] = PAIR, **more: tuple[str, ...]
    ) -> Story:
        resolved = NameResolved(DOMAIN, "MX", "NOERROR", exchangers, "198.18.3.53", 0.04, id)
        return self.at(host, resolved, ExchangersFound(DOMAIN, exchangers, "mx", queue_id=id, **more))

    def refused(self, id: str, host: str = HOME, follows: str = "next exchanger") -> Story:
        address = "198.18.2.25"
        failed = ConnectionFailed(
            1, DOMAIN, MAIL, address, 25, 5, Stage.CONNECT, Failure.REFUSED, follows, "rfc5321/connect", id
        )
        return self.at(host, failed)

    def reply(self, id: str, stage: Stage, command: str, code: int, text: str, *, session: int = 2) -> Story:
        follows = "" if code < 400 else "next exchanger" if code < 500 else "bounce"
        return self.at(HOME, ReplyReceived(session, stage, command, code, text, follows, "", id))

    def talk(self, id: str, exchanger: str, *, host: str = HOME, session: int = 2) -> Story:
        opened = ConnectionOpened(session, DOMAIN, exchanger, "198.18.4.25", 25, 10, id)
        said = [(Stage.MAIL, "MAIL FROM:<…>"), (Stage.RCPT, "RCPT TO:<…>"), (Stage.DATA, "DATA")]
        replies = [ReplyReceived(session, stage, words, 250, "ok", queue_id=id) for stage, words in said]
        return self.at(host, opened, ReplyReceived(session, Stage.GREETING, "", 220, "ready"), *replies)

    def accept(self, id: str, host: str, *, message_id: str = f"a1@{HOME}", to: tuple[str, ...] = (ED,)) -> Story:
        return self.at(host, MailAccepted(id, message_id, ANN, to, 420, "198.18.3.25", HOME, "ESMTP", "hello"))

    def hand_over(self, id: str, new: str, to: str, *, host: str = HOME) -> Story:
        """`id` at `host` becomes `new` at `to`."""
        self.talk(id, to, host=host).accept(new, to)
        relayed = MailRelayed(id, (ED,), to, "198.18.4.25", f"250 2.0.0 queued as {new}", 2)
        return self.at(host, relayed, MailRemoved(id))

    def deliver(self, id: str, host: str = MAIL, to: str = ED) -> Story:
        return self.at(host, MailDelivered(id, to, to, 1), MailRemoved(id))

    def wait(self, id: str, host: str, seconds: float, attempt: int = 1) -> Story:
        deferred = MailDeferred(id, (ED,), DOMAIN, "connection refused", self.t + seconds, attempt)
        return self.at(host, deferred, DestinationBackedOff(DOMAIN, self.t + seconds, 1, "connection refused"))


def first_mail() -> Story:
    return Story().submit().route("a1").hand_over("a1", "b1", MAIL).deliver("b1")


def held_by_the_backup() -> Story:
    story = Story().submit().route("a1").refused("a1").hand_over("a1", "90bc", RELAY)
    only = {"left_out": (f"10 {RELAY}: itself",)}
    return story.route("90bc", RELAY, PAIR[:1], **only).refused("90bc", RELAY, "later").wait("90bc", RELAY, 300)


def came_home() -> Story:
    story = held_by_the_backup().pause(300).route("90bc", RELAY, PAIR[:1])
    return story.hand_over("90bc", "c7", MAIL, host=RELAY).deliver("c7")


def five_days(tries: int = 111) -> Story:
    story = Story().submit()
    for attempt in range(1, tries + 1):
        story.route("a1", HOME, PAIR[:1]).refused("a1", follows="later").wait("a1", HOME, 3900, attempt).pause(
            3900
        )
    gave_up = RecipientsFailed("a1", (ED,), "4.4.1", "connection refused")
    story.at(HOME, gave_up, MailSubmitted("d1", f"d1@{HOME}", "", (ANN,), 2000, "Undelivered", "a1"))
    story.at(HOME, BounceSent("a1", "d1", ANN), MailRemoved("a1"), MailDelivered("d1", ANN, ANN, 1))
    return story.at(HOME, MailRemoved("d1"))
