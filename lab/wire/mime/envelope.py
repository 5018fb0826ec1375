"""A message's ENVELOPE: who wrote what to whom, as its header says it (RFC 9051 §7.5.2).

The rule: octets as they stand, unfolded; a date is not rewritten and an encoded word not decoded. What is not
there is None or (), an empty field b"". Sender and Reply-To are From where they are missing. A field that stands
twice is read once if it is a text; if it is addresses, all count, so that nobody is hidden from one reader and
shown to another.
"""

from __future__ import annotations

from lab.values import dataclass
from lab.wire.mime.addresses import Address, addresses
from lab.wire.mime.fields import fields
from lab.wire.mime.tree import Part

_TEXTS = frozenset({"date", "subject", "in-reply-to", "message-id"})
_PEOPLE = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc"})

Addresses = tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """In the order in which ENVELOPE gives them."""

    date: bytes | None = None
    subject: bytes | None = None
    author: Addresses = ()
    sender: Addresses = ()
    reply_to: Addresses = ()
    to: Addresses = ()
    cc: Addresses = ()
    bcc: Addresses = ()
    in_reply_to: bytes | None = None
    message_id: bytes | None = None


def envelope(octets: bytes, message: Part) -> Envelope:
    """Of a message: the root of an index, or the child of a message/rfc822. `author` is From."""
    texts: dict[str, bytes] = {}
    people: dict[str, Addresses] = {}
    for field in fields(octets, message.header_start, message.header_end):
        if field.name in _TEXTS:
            texts.setdefault(field.name, field.value)
        elif field.name in _PEOPLE:
            people[field.name] = people.get(field.name, ()) + addresses(field.value)
    author = people.get("from", ())
    return Envelope(
        texts.get("date"),
        texts.get("subject"),
        author,
        people.get("sender") or author,
        people.get("reply-to") or author,
        people.get("to", ()),
        people.get("cc", ()),
        people.get("bcc", ()),
        texts.get("in-reply-to"),
        texts.get("message-id"),
    )
