"""Mail by hand: `send` and `mailbox`.

The rule: `send` hands a message in as a local program at its sender's host would, and waits on lab time, with
a bound, until the message rests: in a mailbox, in a queue, or back as a bounce; or until no host that has it does
anything. Everything it says then is read from the log.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from lab.control.arguments import Args, flag, number, optional, text, texts
from lab.control.running import Lab
from lab.control.settling import Settling
from lab.control.watching import full
from lab.errors import WrongUse
from lab.names import DomainName, EmailAddress

Form = dict[str, Any]

_PATIENCE = timedelta(minutes=1)
"""Lab time within which a message has to rest: a host that never answers costs 30 s at connect."""


async def send(lab: Lab, args: Args) -> Form:
    sender = None if args.get("from") == "<>" else EmailAddress.parse(text(args, "from"))
    recipients = [EmailAddress.parse(word) for word in texts(args, "to")]
    if not recipients:
        raise WrongUse("the message has no recipient", remedy="Name one:  --to ed@belgiannews.com", code="W011")
    start = len(lab.internet.log)
    submission = await lab.internet.send(sender, recipients, octets(args, sender), via=optional(args, "via"))
    if submission.refused:
        return {**full(lab, list(lab.journeys)[-1]), "reason": submission.refused}
    await _rest(lab, start, Settling((submission.host, submission.queue_id)))
    return full(lab, lab.journeys.of(submission.host, submission.queue_id) or "")


async def _rest(lab: Lab, start: int, settling: Settling) -> None:
    for entry in lab.internet.log.since(start):
        settling.feed(entry)
    leave = lab.internet.log.subscribe(settling.feed)
    try:
        await lab.internet.fabric.settle(
            lambda: settling.at_rest or _stands_still(lab, settling.places), _PATIENCE
        )
    finally:
        leave()


def _stands_still(lab: Lab, places: Collection[str]) -> bool:
    """Whether it moves on no host where anything happens."""
    return bool(places) and all(lab.internet.halted(DomainName(host)) for host in places)


async def pause(lab: Lab) -> None:
    """Let what is due now happen."""
    await lab.internet.fabric.settle(lambda: False, timedelta(seconds=1))


def octets(args: Args, sender: EmailAddress | None) -> bytes:
    """The message's octets: as given, or written around a body. What is missing besides, the host adds."""
    if args.get("message"):
        return _octets_of(text(args, "message"))
    try:
        return _written(args, sender).as_bytes()
    except ValueError as error:
        # The library's words: "Header values may not contain linefeed …", or that a character has no encoding.
        raise WrongUse(f"no message can be written from that: {str(error).lower()}", code="W012") from None


def _octets_of(message: str) -> bytes:
    try:
        return message.encode("latin-1")
    except UnicodeEncodeError:
        sentence = "'message' is a message's octets, a character each (Latin-1); one of these is beyond that"
        raise WrongUse(sentence, code="W012") from None


def _written(args: Args, sender: EmailAddress | None) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    if sender is not None:
        mail["From"] = sender
    mail["To"] = ", ".join(texts(args, "to"))
    mail["Subject"] = optional(args, "subject", "a message from the lab")
    mail.set_content(optional(args, "body", "Hello!\n"))
    return mail


async def mailbox(lab: Lab, args: Args) -> Form:
    address = EmailAddress.parse(text(args, "address"))
    folder = optional(args, "folder", "INBOX")
    uid = number(args, "uid")
    if uid:
        found = await lab.internet.message(address, uid, folder)
        return {"address": address, "uid": uid, "message": found.decode("latin-1")}
    if flag(args, "raw"):
        return {"address": address, "mbox": await lab.internet.mbox(address, folder)}
    return await lab.internet.mailbox(address, folder)
