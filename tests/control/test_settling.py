"""When a message has come to rest."""

from __future__ import annotations

from lab.control.settling import Settling
from lab.events import (
    BounceSent,
    Event,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    RecipientsFailed,
)
from lab.log import Entry

HERE, THERE = "mail.unige.ch", "mail.belgiannews.com"
ED = ("ed@belgiannews.com",)
SUBMITTED = (HERE, MailSubmitted("a1", "<1@x>", "ann@unige.ch", ED, 100))
ACCEPTED = (THERE, MailAccepted("b1", "<1@x>", "ann@unige.ch", ED, 100, "198.18.3.25", HERE, "ESMTP"))
RELAYED = (HERE, MailRelayed("a1", ED, THERE, "198.18.2.25", "250 2.0.0 queued as b1"))
DELIVERED = (THERE, MailDelivered("b1", ED[0], ED[0], 1))


def rest_after(*happened: tuple[str, Event]) -> bool:
    settling = Settling((HERE, "a1"))
    for n, (host, event) in enumerate(happened, 1):
        settling.feed(Entry(n, float(n), host, event))
    return settling.at_rest


def test_it_moves_until_the_next_host_has_delivered_it() -> None:
    assert not rest_after()
    assert not rest_after(SUBMITTED)
    assert not rest_after(SUBMITTED, ACCEPTED, RELAYED)
    assert rest_after(SUBMITTED, ACCEPTED, RELAYED, DELIVERED)


def test_it_rests_in_a_queue_that_waits() -> None:
    deferred = (HERE, MailDeferred("a1", ED, "belgiannews.com", "refused", 300.0, 1))
    assert rest_after(SUBMITTED, deferred)


def test_it_rests_when_its_bounce_does() -> None:
    failed = (HERE, RecipientsFailed("a1", ED, "5.1.1", "550 no such user"))
    bounce = (HERE, MailSubmitted("a2", "<2@x>", "", ("ann@unige.ch",), 900, parent="a1"))
    told = (HERE, BounceSent("a1", "a2", "ann@unige.ch"))
    assert not rest_after(SUBMITTED, failed, bounce, told, (HERE, MailRemoved("a1")))
    home = (HERE, MailDelivered("a2", "ann@unige.ch", "ann@unige.ch", 1))
    assert rest_after(SUBMITTED, failed, bounce, told, (HERE, MailRemoved("a1")), home)


def test_other_messages_are_none_of_its_business() -> None:
    other = (HERE, MailSubmitted("z9", "<9@x>", "bob@unige.ch", ED, 100))
    assert rest_after(SUBMITTED, other, ACCEPTED, RELAYED, DELIVERED)
