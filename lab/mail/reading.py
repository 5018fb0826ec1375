"""What the lab's keeper may ask of a host's mailboxes: the console answers "mailbox", "message" and "mbox".

JSON in, JSON out:

    mailbox {address}       → {address, messages: [{uid, from, subject, size, received, flags}]}
    message {address, uid}  → {octets}     the message, each octet one Latin-1 character
    mbox    {address}       → {text}       the mailbox as `cat /var/mail/ed` shows it
"""

from __future__ import annotations

from typing import Any

from lab.fabric.base import Answer
from lab.mail.listing import Message
from lab.mail.store import Store
from lab.names import EmailAddress


def answers(store: Store) -> dict[str, Answer]:
    """For `host.console`."""

    async def mailbox(request: dict[str, Any]) -> dict[str, Any]:
        address = _address(request)
        return {"address": address, "messages": [_row(message) for message in store.messages(address)]}

    async def message(request: dict[str, Any]) -> dict[str, Any]:
        return {"octets": store.read(_address(request), int(request["uid"])).decode("latin-1")}

    async def mbox(request: dict[str, Any]) -> dict[str, Any]:
        return {"text": store.mbox(_address(request)).decode("utf-8", "replace")}

    return {"mailbox": mailbox, "message": message, "mbox": mbox}


def _address(request: dict[str, Any]) -> EmailAddress:
    return EmailAddress.parse(str(request["address"])).folded


def _row(message: Message) -> dict[str, Any]:
    return {
        "uid": message.uid,
        "from": message.author,
        "subject": message.subject,
        "size": message.size,
        "received": message.received.isoformat(),
        "flags": list(message.flags),
    }
