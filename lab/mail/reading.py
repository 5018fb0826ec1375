"""What the lab's keeper may ask of a host's mailboxes: the console answers "mailbox", "message" and "mbox".

JSON in, JSON out:

    mailbox {address}       → {address, folder, messages: [{uid, from, subject, size, received, flags}], folders}
    message {address, uid}  → {octets}     the message, each octet one Latin-1 character
    mbox    {address}       → {text}       the mailbox as `cat /var/mail/ed` shows it

Each may name a `folder`; else it is INBOX. `folders` are all there are.
"""

from __future__ import annotations

from typing import Any

from lab.fabric.console import Answer
from lab.mail.listing import Message
from lab.mail.store import Store
from lab.names import EmailAddress


def answers(store: Store) -> dict[str, Answer]:
    """For `host.console`."""

    async def mailbox(request: dict[str, Any]) -> dict[str, Any]:
        address, folder = _address(request), _folder(request)
        rows = [_row(message) for message in store.messages(address, folder)]
        folders = [listed.name for listed in store.account(address).list()]
        return {"address": address, "folder": folder, "messages": rows, "folders": folders}

    async def message(request: dict[str, Any]) -> dict[str, Any]:
        octets = store.read(_address(request), int(request["uid"]), _folder(request))
        return {"octets": octets.decode("latin-1")}

    async def mbox(request: dict[str, Any]) -> dict[str, Any]:
        return {"text": store.mbox(_address(request), _folder(request)).decode("utf-8", "replace")}

    return {"mailbox": mailbox, "message": message, "mbox": mbox}


def _address(request: dict[str, Any]) -> EmailAddress:
    return EmailAddress.parse(str(request["address"])).folded


def _folder(request: dict[str, Any]) -> str:
    return str(request.get("folder") or "INBOX")


def _row(message: Message) -> dict[str, Any]:
    return {
        "uid": message.uid,
        "from": message.author,
        "subject": message.subject,
        "size": message.size,
        "received": message.received.isoformat(),
        "flags": list(message.flags),
    }
