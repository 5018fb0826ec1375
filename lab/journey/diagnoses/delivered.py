"""Delivered: all is well, and by which detours it came.

The rule: a message in its mailbox needs no remedy; what it met on the way is told all the same, the rarest first.
RFC 1047 (why a message may come twice), RFC 5321 §5.1 (backups), §4.5.4.1 (further tries), §3.9 (forwards).
"""

from __future__ import annotations

from lab.clock import show_span
from lab.events import (
    ExchangersFound,
    MailAccepted,
    MailDeferred,
    MailForwarded,
    MailRelayed,
    NameResolved,
    ReplyReceived,
    Stage,
)
from lab.journey.case import LOCAL, Case, Leg, Trouble, Try
from lab.journey.diagnoses.dns import outdated
from lab.journey.diagnoses.model import Diagnosis, Found
from lab.journey.diagnoses.search import Search
from lab.journey.model import State
from lab.log import Entry


def _ends(case: Case) -> tuple[Entry, ...]:
    """How it left each host."""
    return tuple(leg.left for leg in case.legs if leg.left is not None)


def _is_in(case: Case) -> bool:
    return case.state is State.DELIVERED


def _copies(case: Case) -> Found | None:
    if not case.copies:
        return None
    last = [leg.left for leg in case.legs if leg.left is not None][-1:]
    return Found({"at": case.copies[0].host, "from": case.legs[0].host}, (*case.copies, *last))


def _by_backup(case: Case) -> Found | None:
    between = [leg for leg in case.legs[1:-1] if leg.left and isinstance(leg.left.event, MailRelayed)]
    if not _is_in(case) or not between or not case.legs[0].troubles:
        return None
    first = case.legs[0].troubles[0]
    facts = {"backup": between[0].host, "exchanger": first.exchanger, "words": first.words, "took": _took(case)}
    return Found(facts, (first.entry, *_ends(case)))


def _took(case: Case) -> str:
    return show_span(round(case.fate.t - case.journey.started))


def _later(case: Case) -> Found | None:
    """It took more than one try somewhere."""
    before = [one for leg in case.legs for one in leg.tries[:-1]]
    vain = [one for one in before if one.troubles or _unanswered(one.entries) or _put_off(one)]
    if not _is_in(case) or not vain:
        return None
    first = vain[0]
    own = [one for leg in case.legs if leg.host == first.host for one in leg.tries if one in vain]
    met, words = _first(first)
    facts = {"host": first.host, "number": str(len(own) + 1), "words": words, "took": _took(case)}
    return Found(facts, (met, *_ends(case)))


def _first(tried: Try) -> tuple[Entry, str]:
    """What a try in vain met, and how it is said."""
    if tried.troubles:
        return tried.troubles[0].entry, _met(tried.troubles[0])
    unanswered = _unanswered(tried.entries)
    if unanswered:
        return unanswered[0], _rcode(unanswered[0])
    return tried.entries[-1], _put_off(tried)


def _put_off(tried: Try) -> str:
    """Why a host that keeps the mailbox itself waited."""
    event = tried.end.event if tried.end else None
    return event.reason if isinstance(event, MailDeferred) and event.row == LOCAL else ""


def _met(trouble: Trouble) -> str:
    if trouble.failure is not None:
        return f"{trouble.exchanger} could not be had ({trouble.words})"
    return f"{trouble.exchanger} said “{trouble.words}”"


def _unanswered(entries: tuple[Entry, ...]) -> list[Entry]:
    return [
        one
        for one in entries
        if isinstance(one.event, NameResolved) and one.event.rcode not in ("NOERROR", "NXDOMAIN")
    ]


def _rcode(entry: Entry) -> str:
    event = entry.event
    assert isinstance(event, NameResolved)
    return f"the DNS had no answer about {event.name}"


def _other_exchanger(case: Case) -> Found | None:
    """A later exchanger of the list took it, after an earlier one had not."""
    troubles = case.detours
    if not _is_in(case) or not troubles:
        return None
    end = next((one for one in _ends(case) if isinstance(one.event, MailRelayed)), None)
    taker = end.event.exchanger if end and isinstance(end.event, MailRelayed) else case.fate.host
    return Found(
        {"exchanger": troubles[0].exchanger, "words": troubles[0].words, "taker": taker},
        (troubles[0].entry, *_ends(case)),
    )


def _misnamed(case: Case) -> tuple[Entry, str] | None:
    """The exchanger that took it, where the MX should not have named it so."""
    for leg in case.legs:
        for one in leg.tries:
            route = one.route
            if route is not None and isinstance(route.event, ExchangersFound) and route.event.exchangers:
                return route, route.event.exchangers[0].split(" ")[-1]
    return None


def _address(case: Case) -> Found | None:
    named = _misnamed(case) if _is_in(case) else None
    if named is None or not named[1].replace(".", "").isdigit():
        return None
    return Found({"exchanger": named[1]}, (named[0], *_ends(case)))


def _alias(case: Case) -> Found | None:
    named = _misnamed(case) if _is_in(case) else None
    if named is None:
        return None
    target = case.world.said(named[1], "CNAME", named[0].n)
    return Found({"exchanger": named[1], "target": target[0]}, (named[0], *_ends(case))) if target else None


def _clear(case: Case) -> Found | None:
    """The sender begins TLS where it can, and could not."""
    sender = case.world.host(case.legs[0].host)
    wishes = sender is not None and sender.mail is not None and sender.mail.settings.get("tls") == "may"
    taken = case.legs[1].born if len(case.legs) > 1 else None
    if not _is_in(case) or not wishes or taken is None or not isinstance(taken.event, MailAccepted):
        return None
    if taken.event.protocol.rstrip("A").endswith("S"):
        return None
    codes = [one.code for one in _replies(case.legs[0]) if one.stage is Stage.STARTTLS]
    why = f"it refused STARTTLS with {codes[0]}" if codes else "it did not offer STARTTLS"
    return Found({"exchanger": taken.host, "why": why}, _ends(case))


def _replies(leg: Leg) -> list[ReplyReceived]:
    events = (one.event for tried in leg.tries for one in tried.entries)
    return [event for event in events if isinstance(event, ReplyReceived)]


_USED = ("PIPELINING", "SIZE")
"""Extensions of which this lab's senders make use for every message."""


def _plain_smtp(case: Case) -> Found | None:
    """The exchanger offers less than what makes SMTP quick."""
    for leg in case.legs if _is_in(case) else ():
        for event in _replies(leg):
            if event.stage is Stage.HELO and event.code == 250:
                offered = {line.split(" ")[0].upper() for line in event.text.splitlines()[1:]}
                missing = [word for word in _USED if word not in offered]
                if missing:
                    return Found(
                        {"missing": " and ".join(missing), "exchanger": event.text.split()[0]}, _ends(case)
                    )
    return None


def _slow_names(case: Case) -> Found | None:
    """Most of the time went by before anybody was dialled."""
    asked = [one for leg in case.legs for tried in leg.tries for one in tried.lookups()]
    spent = [one for one in asked if isinstance(one.event, NameResolved) and one.event.seconds >= 1]
    if not _is_in(case) or not spent:
        return None
    seconds = max(one.event.seconds for one in spent if isinstance(one.event, NameResolved))
    resolver = case.world.at(getattr(spent[0].event, "via", ""))
    facts = {"resolver": resolver.name if resolver else "its resolver", "seconds": show_span(seconds)}
    return Found({**facts, "took": _took(case), "name": getattr(spent[0].event, "name", "")}, _ends(case))


def _old_answer(case: Case) -> Found | None:
    """The sender's resolver still named an exchanger that the zone has replaced, and that one took it."""
    for entry in case.legs[0].tries[-1].lookups("MX") if _is_in(case) and case.legs[0].tries else ():
        assert isinstance(entry.event, NameResolved)
        found = outdated(Search(entry, entry.event, case.world))
        if found is not None:
            return Found(found.facts, (entry, *_ends(case)), found.notes)
    return None


def _forwarded(case: Case) -> Found | None:
    found = [entry for leg in case.legs for entry in leg.forwards]
    if not _is_in(case) or not found:
        return None
    event = found[0].event
    assert isinstance(event, MailForwarded)
    return Found({"address": event.recipient, "to": ", ".join(event.to)}, (*found, *_ends(case)))


def _local(case: Case) -> Found | None:
    if not _is_in(case) or len(case.legs) > 1 or not case.last.handed_in:
        return None
    return Found({}, _ends(case))


def _well(case: Case) -> Found | None:
    return Found({}, _ends(case)) if _is_in(case) else None


_NOTHING = "There is nothing to mend."
_BOX = ("lab mailbox {recipient}",)

COPIES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D701",
        "it came twice: a 250 was lost",
        "It is there twice: {at} took it and said 250, {from} never heard that, and sent it once more.",
        "between the dot and the 250 a message can be taken twice; lost it never is",
        "RFC 5321 §6.1, RFC 1047",
        "Nothing was lost, so there is nothing to mend; one of the two can be deleted.",
        "The sender may let go of a message only when it has heard the 250. Where that is lost on its way "
        "the sender has to send again, and the other side cannot know that the two are one. A server makes "
        "that window small by answering at once; to close it is impossible.",
        _copies,
        ("lab mailbox {recipient}", "lab journey {id}"),
    ),
)

DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D802",
        "delivered, by the backup",
        "It is in {recipient}'s mailbox, by way of the backup {backup}: {exchanger} did not take it "
        "at first ({words}).",
        "the backup takes mail while a better exchanger cannot be had, and passes it on when it can",
        "RFC 5321 §5.1",
        _NOTHING,
        "The sender went on to the next preference, the backup held the message and tried the preferred "
        "exchanger again and again. What the backup is for.",
        _by_backup,
        ("lab journey {id}", "lab explain backup-mx"),
    ),
    Diagnosis(
        "D803",
        "delivered, at a later try",
        "It is in {recipient}'s mailbox, at try {number} of {host}, after {took}: at first {words}.",
        "what fails for now is tried again, at first after some minutes",
        "RFC 5321 §4.5.4.1, §4.2.1",
        _NOTHING,
        "A 4xx, a host that was down, a name that was not found: for now is not for ever. The queue kept the "
        "message and tried again.",
        _later,
        ("lab journey {id}",),
    ),
    Diagnosis(
        "D807",
        "delivered, by another exchanger of the list",
        "It is in {recipient}'s mailbox; {exchanger} did not take it ({words}), so {taker} was tried, and did.",
        "the addresses of a domain's exchangers are tried one after the other until one takes it",
        "RFC 5321 §5.1",
        _NOTHING,
        "Several exchangers are there so that one may fail. The sender went down the list in the same try.",
        _other_exchanger,
        ("lab journey {id}", "lab dig {domain} MX"),
    ),
    Diagnosis(
        "D809",
        "delivered, though the MX names an address",
        "It is in {recipient}'s mailbox, though the MX of {domain} names an address, {exchanger}.",
        "an MX names a host, never an address",
        "RFC 5321 §5.1, RFC 1035 §3.3.9",
        "Name the host in the MX of {domain}: many senders give up on an address.",
        "This sender saw what was meant and dialled it. Others take '198.18.2.25' for a name, find nothing, "
        "and send the message back.",
        _address,
        ("lab dig {domain} MX", "lab explain T021"),
    ),
    Diagnosis(
        "D810",
        "delivered, though the MX names an alias",
        "It is in {recipient}'s mailbox, though the MX of {domain} names an alias: {exchanger} is {target}.",
        "an exchanger is a host's own name, no alias",
        "RFC 2181 §10.3, RFC 5321 §5.1",
        "Name {target} itself in the MX of {domain}: some senders do not follow an alias.",
        "Most senders follow the alias. But a backup looks for its own name in the list to know who is "
        "better than itself, and an alias hides it: such mail goes in a ring.",
        _alias,
        ("lab dig {exchanger} CNAME", "lab explain T022"),
    ),
    Diagnosis(
        "D806",
        "delivered, without TLS",
        "It is in {recipient}'s mailbox, and went to {exchanger} in the clear: {why}.",
        "TLS between mail hosts is opportunistic: where it is not offered the mail goes in the clear",
        "RFC 3207 §4, RFC 7435 §3",
        "Nothing is wrong with the mail. Who wants more than that it arrives needs a rule for it: MTA-STS or "
        "DANE.",
        "A sender that finds no STARTTLS in the answer to EHLO cannot tell a host that has no TLS from "
        "somebody on the line who took the word out. That is what RFC 8461 (MTA-STS) and RFC 7672 (DANE) are "
        "for.",
        _clear,
        ("lab talk {exchanger} smtp --explain", "lab explain tls"),
    ),
    Diagnosis(
        "D812",
        "delivered, in plain old SMTP",
        "It is in {recipient}'s mailbox, by a longer dialogue: {exchanger} does not offer {missing}.",
        "an extension is used where it is offered, and done without where it is not",
        "RFC 5321 §2.2.1, RFC 2920 §3",
        _NOTHING,
        "With PIPELINING MAIL, RCPT and DATA leave in one packet; without it each waits for its answer, a "
        "round trip a command. With SIZE a sender knows before it sends that a message is too large.",
        _plain_smtp,
        ("lab talk {exchanger} smtp --explain",),
    ),
    Diagnosis(
        "D811",
        "delivered, after slow answers of the DNS",
        "It is in {recipient}'s mailbox after {took}: {resolver} took {seconds} to find {name}.",
        "every delivery begins with questions to the DNS; while they are open, nobody is dialled",
        "RFC 5321 §5.1, RFC 1035 §7.2",
        "lab heal {resolver}",
        "MX, then an address for each exchanger: each question waits for its answer. What the resolver "
        "remembers costs nothing the second time.",
        _slow_names,
        ("lab dig {name} MX --trace", "lab explain ttl"),
    ),
    Diagnosis(
        "D813",
        "delivered, by an old answer of the DNS",
        "It is in {recipient}'s mailbox, though {resolver} still named {remembered}; the zone says {now} by now.",
        "an answer may be used until its TTL has run out, whatever the zone says meanwhile",
        "RFC 1034 §3.6, RFC 1035 §3.2.1",
        "Nothing is wrong, as long as the old host takes mail: keep it running until the TTL is over.",
        "Whoever changes an MX has two sets of senders for a while: those who ask anew, and those whose "
        "resolver remembers. Mail arrives on both ways only if both hosts take it.",
        _old_answer,
        ("lab dig {name} MX", "lab explain ttl"),
    ),
    Diagnosis(
        "D805",
        "delivered, through an alias",
        "It is there: {address} is an alias for {to}.",
        "an alias leads to mailboxes or to other addresses; the sender need not know",
        "RFC 5321 §3.9.1",
        _NOTHING,
        "The host that keeps the address knows who is meant by it. An office like info@ or postmaster@ is "
        "mostly one.",
        _forwarded,
        ("lab account list",),
    ),
    Diagnosis(
        "D804",
        "delivered, on the same host",
        "It is in {recipient}'s mailbox: sender and recipient have theirs on the same host, {host}.",
        "a host delivers mail for its own domains itself, and asks nobody",
        "RFC 5321 §2.3.10",
        _NOTHING,
        "No question to the DNS, no connection, no SMTP: the host has accepted the message and keeps the mailbox.",
        _local,
        _BOX,
    ),
    Diagnosis(
        "D801",
        "delivered, straight",
        "All is well: it is in {recipient}'s mailbox at {host}, by the straight way.",
        "the lower preference first; it took the mail, and the last 250 was true",
        "RFC 5321 §5.1, §4.2.5",
        _NOTHING,
        "The sender found the exchangers, the preferred one took the message with 250, and the mailbox has it.",
        _well,
        _BOX,
    ),
)
