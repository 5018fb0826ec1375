"""What a sender is told: that it failed, that it takes longer, or (if asked for) that it arrived.

The rule: a notification has the null return path, and none is ever sent about one that has it (RFC 5321 §4.5.5,
§6.1): what would be a bounce of a bounce goes to this host's postmaster, and if that fails, nowhere.

Who is told what: RFC 3461 §4.1 (NOTIFY; without it failure and delay), §5.2; how much of the original comes
back: RET, else the whole of a small message, as Postfix does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from lab.mail.envelope import Envelope, Recipient
from lab.names import DomainName, EmailAddress
from lab.values import dataclass
from lab.wire.dsn import Action, Notification, Report, Status, build

WHOLE = 50_000
"""Octets up to which a message comes back whole where RET does not say (Postfix's bounce_size_limit)."""


@dataclass(frozen=True, slots=True)
class News:
    """What became of one recipient of a message, and how it is to be said."""

    recipient: int
    action: Action
    status: str
    text: str
    remote: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification ready for the queue."""

    envelope: Envelope
    octets: bytes
    subject: str
    message_id: str


_SUBJECT = {
    "failed": "Undelivered Mail Returned to Sender",
    "delayed": "Delayed Mail (still being retried)",
    "delivered": "Successful Mail Delivery Report",
    "relayed": "Successful Mail Delivery Report",
    "expanded": "Successful Mail Delivery Report",
}
_DOUBLE = "Postmaster notify: a bounce could not be delivered"

_SENTENCES = {
    "failed": (
        "I'm sorry to have to inform you that your message could not be delivered",
        "to one or more recipients. It is attached below.",
    ),
    "delayed": (
        "THIS IS A WARNING ONLY.  YOU DO NOT NEED TO SEND YOUR MESSAGE AGAIN.",
        "Your message could not be delivered yet. It will be tried again until it is {patience} old.",
    ),
    "success": ("Your message was handed on or delivered, as you asked to be told.",),
}


def wants(recipient: Recipient, word: str) -> bool:
    """Whether the sender wants to hear of it: `word` one of failure, delay, success."""
    if not recipient.notify:
        return word in ("failure", "delay")
    return word in {one.lower() for one in recipient.notify}


def addressee(envelope: Envelope, host: DomainName) -> EmailAddress:
    """To whom a failure is told: the sender; this host's postmaster where that is nobody."""
    return envelope.sender or EmailAddress(f"postmaster@{host}")


def compose(
    queue_id: str,
    envelope: Envelope,
    news: Sequence[News],
    octets: bytes,
    *,
    to: EmailAddress,
    host: DomainName,
    letter_id: str,
    now: datetime,
    arrived: datetime,
    patience: str = "",
    retry_until: datetime | None = None,
) -> Letter:
    """One notification, `letter_id`, about some recipients of the message `queue_id`."""
    action = news[0].action
    double = envelope.sender is None
    subject = _DOUBLE if double else _SUBJECT[action]
    report = Report(
        host,
        tuple(_status(envelope, one, retry_until) for one in news),
        envelope.envid,
        format_datetime(arrived),
    )
    notification = Notification(
        report,
        subject,
        to,
        format_datetime(now),
        f"<{letter_id}@{host}>",
        _explained(action, news, envelope, patience),
        octets,
        queue_id,
        headers_only=action != "failed" or envelope.ret == "HDRS" or (not envelope.ret and len(octets) > WHOLE),
    )
    text = build(notification)
    # Of a double bounce nobody wants to hear any more: NEVER holds through aliases and other hosts as well.
    recipient = Recipient(to, frozenset({"never"}) if double else frozenset())
    letter = Envelope(None, (recipient,), eight_bit=not text.isascii(), smtputf8=not to.isascii())
    return Letter(letter, text, subject, notification.message_id)


def _explained(action: Action, news: Sequence[News], envelope: Envelope, patience: str) -> list[str]:
    opening = _SENTENCES.get(action, _SENTENCES["success"])
    lines = [sentence.format(patience=patience) for sentence in opening]
    return [*lines, "", *(f"<{envelope.recipients[one.recipient].address}>: {one.text}" for one in news)]


def _status(envelope: Envelope, news: News, retry_until: datetime | None) -> Status:
    recipient = envelope.recipients[news.recipient]
    return Status(
        recipient.address,
        news.action,
        news.status,
        recipient.original,
        news.remote,
        news.diagnostic,
        format_datetime(retry_until) if retry_until else "",
    )


def at(moment: datetime) -> datetime:
    """Whole seconds, as mail headers have them."""
    return moment.replace(microsecond=0)
