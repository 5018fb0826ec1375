"""Mailboxes: why the last host, which keeps them, could not put the message into one.

The rule: the host's own word on its last step is the evidence; no other host has part in it.
RFC 5321 §4.2.5 (who has accepted answers for it), RFC 3463 §3.3 (mailbox full), §3.4 (disk full).
"""

from __future__ import annotations

from lab.events import MailDeferred, MailForwarded, RecipientsFailed
from lab.journey.case import LOCAL, Case
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.model import State
from lab.log import Entry


def said(case: Case) -> tuple[Entry, str] | None:
    """What the last host said of its mailboxes in the deciding try."""
    end = case.last.tries[-1].end if case.last.tries and case.state is not State.DELIVERED else None
    if end is None or not isinstance(end.event, MailDeferred | RecipientsFailed):
        return None
    return (end, end.event.reason) if end.event.row == LOCAL else None


def _says(*words: str) -> Predicate:
    def applies(case: Case) -> Found | None:
        own = said(case)
        if own is None or not all(word in own[1] for word in words):
            return None
        return Found({"words": own[1]}, (own[0],))

    return applies


def _unknown(case: Case) -> Found | None:
    """A host took it for somebody whom it does not have."""
    own = said(case)
    if own is None or case.state is not State.BOUNCED or "no such user" not in own[1] or case.last.handed_in:
        return None
    return Found({"sender": case.last.sender or "<>"}, (own[0], *case.last.told))


def _unknown_at_home(case: Case) -> Found | None:
    """Its sender's own host keeps the domain, and nobody there is called so."""
    own = said(case)
    if own is None or case.state is not State.BOUNCED or "no such user" not in own[1] or not case.last.handed_in:
        return None
    return Found({}, (own[0],))


def _forward(case: Case) -> Found | None:
    """The recipient is forwarded, and it failed behind that."""
    forwards = [leg for leg in case.legs if leg.left and isinstance(leg.left.event, MailForwarded)]
    if not forwards or case.state is not State.BOUNCED or forwards[-1].recipient == case.last.recipient:
        return None
    if case.fate.status == "5.4.6":
        return None  # it went round, and has no end that the forward could be blamed for
    first, entry = forwards[0], forwards[0].left
    assert entry is not None
    facts = {"address": first.recipient, "target": case.last.recipient, "at": first.host}
    return Found(facts, (entry,), rests=True)


FORWARDS: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D434",
        "the address is forwarded, and that failed",
        "{address} is forwarded by {at} to {target}, and that failed.",
        "whoever forwards a message answers for it as for any other",
        "RFC 5321 §3.9.1, §6.1",
        "Correct where {address} is forwarded to:  lab account list{onward}",
        "The sender knows nothing of the forward, and the bounce names an address that he never wrote to. "
        "The host that forwards hears of it first.",
        _forward,
        ("lab account list",),
    ),
)

DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D416",
        "the mailbox is full",
        "{host} has the message, but {words}.",
        "a full mailbox is temporary: it may be emptied; the host tries again for days",
        "RFC 3463 §3.3, RFC 5321 §4.5.4.1",
        "lab account quota {recipient} 0{onward}",
        "The host that keeps the mailbox has accepted the message and cannot file it. It keeps it in its "
        "queue, as the sender would; after days it tells the sender.",
        _says("mailbox", "full"),
        ("lab mailbox {recipient}", "lab explain 4.2.2"),
    ),
    Diagnosis(
        "D433",
        "aliases in a circle",
        "{recipient} is an alias that leads back to itself, from alias to alias.",
        "an alias has to end in a mailbox",
        "RFC 5321 §3.9, §6.3",
        "Let one of these aliases lead to somebody:  lab account alias {recipient} ADDRESS{onward}",
        "A circle within one host is seen at once; one over two hosts is found out by the number of Received "
        "lines only.",
        _says("lead in a circle"),
        ("lab account list",),
    ),
    Diagnosis(
        "D435",
        "no such user, on the sender's own host",
        "{host} keeps the mailboxes of {domain} itself, and has no {recipient}.",
        "a host delivers mail for its own domains itself; for whom it does not know, the sender is told",
        "RFC 5321 §2.3.10, §6.1",
        "Write the address as it really is, or give it a mailbox:  lab account add {recipient}",
        "Sender and recipient are on the same host, so no other host was asked. The bounce comes from the "
        "next room, so to speak.",
        _unknown_at_home,
        ("lab account list", "lab explain 5.1.1"),
    ),
    Diagnosis(
        "D604",
        "backscatter: taken first, bounced afterwards",
        "{host} took it for {recipient}, found only then that nobody is called so, and wrote a bounce to "
        "{sender}.",
        "refuse while the sender is on the line: a later bounce goes to whoever the envelope names",
        "RFC 5321 §6.1, §3.6.2",
        "Let {host} refuse unknown people at RCPT: take `accept_unknown` out of its settings.",
        "The envelope's sender is easily forged. A host that takes everything and bounces afterwards writes "
        "to people who never wrote to it: backscatter. Refusing at RCPT leaves the bounce to the real "
        "sender's host.",
        _unknown,
        ("lab config {host}", "lab explain bounce"),
    ),
)
