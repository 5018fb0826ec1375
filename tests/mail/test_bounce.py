"""What a notification says, to whom, and how much of the original it brings back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lab.mail.bounce import WHOLE, News, addressee, compose, wants
from lab.mail.envelope import Envelope, Recipient
from lab.names import DomainName, EmailAddress
from lab.wire.dsn import read

ANN, ED = EmailAddress("ann@unige.ch"), Recipient(EmailAddress("ed@b.com"), original="rfc822;Ed@b.com")
HOST, NOON = DomainName("mail.unige.ch"), datetime(2026, 1, 5, 12, tzinfo=UTC)
NO = News(0, "failed", "5.1.1", "host mx said: 550 5.1.1 no", "mx.b.com", "smtp; 550 5.1.1 no")
TEXT = b"Subject: hi\r\n\r\nhello\r\n"


def letter(envelope: Envelope, octets: bytes = TEXT, news: News = NO) -> bytes:
    to = addressee(envelope, HOST)
    return compose("q1", envelope, [news], octets, to=to, host=HOST, letter_id="q2", now=NOON, arrived=NOON).octets


@pytest.mark.parametrize(
    ("ret", "size", "whole"),
    [("", 10, True), ("", WHOLE, False), ("FULL", WHOLE, True), ("HDRS", 10, False)],
)
def test_ret_says_how_much_comes_back_and_else_the_size(ret: str, size: int, whole: bool) -> None:
    octets = letter(Envelope(ANN, (ED,), ret), TEXT + b"x" * size)
    assert (b"hello" in octets) is whole
    assert b"Subject: hi" in octets


def test_it_names_the_recipient_as_its_sender_wrote_it() -> None:
    report = read(letter(Envelope(ANN, (ED,), envid="e1")))
    assert report is not None
    assert report.envid == "e1"
    assert report.statuses[0].original == "rfc822;Ed@b.com"


def test_it_has_the_null_return_path() -> None:
    envelope = Envelope(ANN, (ED,))
    made = compose("q1", envelope, [NO], TEXT, to=ANN, host=HOST, letter_id="q2", now=NOON, arrived=NOON)
    assert made.envelope == Envelope(None, (Recipient(ANN),))
    assert made.message_id == "<q2@mail.unige.ch>"


def test_a_bounce_of_a_bounce_goes_to_the_postmaster_and_asks_for_no_more() -> None:
    envelope = Envelope(None, (ED,))
    to = addressee(envelope, HOST)
    made = compose("q1", envelope, [NO], TEXT, to=to, host=HOST, letter_id="q2", now=NOON, arrived=NOON)
    assert to == "postmaster@mail.unige.ch"
    assert made.envelope.recipients[0].notify == {"never"}
    assert not wants(made.envelope.recipients[0], "failure")


@pytest.mark.parametrize(
    ("notify", "heard"),
    [(set(), {"failure", "delay"}), ({"NEVER"}, set()), ({"success", "DELAY"}, {"success", "delay"})],
)
def test_a_sender_hears_what_it_asked_to_hear(notify: set[str], heard: set[str]) -> None:
    recipient = Recipient(ED.address, frozenset(notify))
    assert {word for word in ("failure", "delay", "success") if wants(recipient, word)} == heard
