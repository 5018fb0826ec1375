"""A message as its author's program hands it in: checked, and completed with what every message must have.

The rule: only what is missing is added (Date, Message-ID, From, and To if nobody is named), nothing that is
there is changed but line ends. Whether the sender may send from here is decided here too (RFC 6409 §6, §8).
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from datetime import datetime

from lab.errors import LabError
from lab.mail.envelope import Envelope, Recipient
from lab.mail.relay import Place, as_local, is_known
from lab.names import BadName, DomainName, EmailAddress
from lab.values import dataclass
from lab.wire.header_date import header_date

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:", re.MULTILINE)


class Refusal(LabError):
    """The host takes no such message; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Submitted:
    envelope: Envelope
    octets: bytes


def accept(
    sender: str,
    recipients: Sequence[str],
    text: bytes,
    *,
    place: Place,
    mailboxes: Container[EmailAddress],
    size_limit: int,
) -> Submitted:
    """What of it goes into the queue, line ends made CR LF; Refusal when it may not. `sender` "": the null one."""
    author = _own(_parsed(sender), place, mailboxes) if sender else None
    if not recipients:
        raise Refusal("a message needs a recipient")
    to = tuple(dict.fromkeys(_parsed(recipient) for recipient in recipients))
    octets = text if b"\n" not in text.replace(b"\r\n", b"") else re.sub(rb"\r\n|\r|\n", b"\r\n", text)
    if len(octets) > size_limit:
        raise Refusal(f"the message has {len(octets)} octets; {place.name} takes {size_limit}")
    utf8 = not all(address.isascii() for address in (author or "", *to))
    eight_bit = not octets.isascii()
    return Submitted(Envelope(author, tuple(map(Recipient, to)), eight_bit=eight_bit, smtputf8=utf8), octets)


def _parsed(text: str) -> EmailAddress:
    try:
        return EmailAddress.parse(text)
    except BadName as error:
        raise Refusal(error.sentence) from None


def _own(sender: EmailAddress, place: Place, mailboxes: Container[EmailAddress]) -> EmailAddress:
    """A name of this host's own domains has to be somebody's; what a program says of others is its affair."""
    local = as_local(sender, place)
    if local is not None and not is_known(local, place, mailboxes):
        raise Refusal(f"{sender} is nobody on {place.name}: no mailbox and no alias")
    return sender


def completed(submitted: Submitted, *, host: DomainName, queue_id: str, now: datetime) -> bytes:
    """The message with the header fields that it lacked in front (RFC 5322 §3.6, RFC 6409 §8)."""
    octets, envelope = submitted.octets, submitted.envelope
    if not _FIELD.match(octets):
        octets = b"\r\n" + octets.removeprefix(b"\r\n")  # it has no header at all
    header = octets[: octets.find(b"\r\n\r\n") + 2] if not octets.startswith(b"\r\n") else b""
    present = {name.lower() for name in _FIELD.findall(header or octets[:0])}
    recipients = ", ".join(recipient.address for recipient in envelope.recipients)
    fields = {
        "Date": header_date(now),
        "Message-ID": f"<{queue_id}@{host}>",
        "From": envelope.sender or f"MAILER-DAEMON@{host}",
        "To": "" if present & {b"cc", b"bcc"} else recipients,
    }
    missing = [
        f"{name}: {value}\r\n" for name, value in fields.items() if value and name.lower().encode() not in present
    ]
    return "".join(missing).encode() + octets + (b"" if octets.endswith(b"\r\n") else b"\r\n")
