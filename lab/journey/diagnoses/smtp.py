"""SMTP: what an exchanger answered, and where in the dialogue.

The rule: 4xx is not now, 5xx is never; the stage tells what the answer was about, and where the answer has an
enhanced code of its own, that tells more. RFC 5321 §4.2.1 (classes), §4.3.2 (which where), RFC 3463 (enhanced).
"""

from __future__ import annotations

from collections.abc import Callable

from lab.events import Stage
from lab.journey.case import Case, Trouble
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.model import State

Match = Callable[[Trouble], bool]


def answered(match: Match) -> Predicate:
    """The reply that decided over an undelivered message is such."""

    def applies(case: Case) -> Found | None:
        trouble = case.trouble if case.state is not State.DELIVERED else None
        if trouble is None or not trouble.code or not match(trouble):
            return None
        return found_at(case, trouble)

    return applies


def found_at(case: Case, trouble: Trouble) -> Found:
    """With every time that it went so with this exchanger."""
    alike = [one for one in case.detours if (one.exchanger, one.stage) == (trouble.exchanger, trouble.stage)]
    facts = {"exchanger": trouble.exchanger, "reply": trouble.words, "stage": stage_words(trouble.stage)}
    return Found(facts, tuple(one.entry for one in alike if one.words == trouble.words))


_STAGES = {
    Stage.GREETING: "at the greeting",
    Stage.HELO: "at HELO",
    Stage.STARTTLS: "at STARTTLS",
    Stage.MAIL: "at MAIL",
    Stage.RCPT: "at RCPT",
    Stage.DATA: "at DATA",
    Stage.EOM: "after the final dot",
}


def stage_words(stage: Stage) -> str:
    return _STAGES.get(stage, f"at {stage}")


def _at(stage: Stage, klass: int) -> Match:
    return lambda trouble: trouble.stage is stage and trouble.code // 100 == klass


def _status(*codes: str) -> Match:
    return lambda trouble: trouble.status in codes


def _unknown_user(trouble: Trouble) -> bool:
    return trouble.stage is Stage.RCPT and trouble.status in ("5.1.1", "5.1.0", "5.1.10")


def _relaying(trouble: Trouble) -> bool:
    return trouble.stage is Stage.RCPT and trouble.status == "5.7.1"


def _size(trouble: Trouble) -> bool:
    return trouble.status[1:] == ".3.4" or (trouble.code == 552 and trouble.status[1:] != ".2.2")


def _wants_tls(trouble: Trouble) -> bool:
    return trouble.code == 530


def _shutting_down(trouble: Trouble) -> bool:
    return trouble.code == 421 and trouble.stage is not Stage.GREETING


_HEAL = "lab heal {exchanger}{onward}"
_NOT_NOW = "4xx means not now: another exchanger may take it, or this one later"
_NEVER = "5xx means never: no other exchanger is asked, the sender is told"
_FATE = ("lab journey {id}",)

BY_MEANING: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D409",
        "no such user",
        "{exchanger} has no mailbox {recipient}.",
        "550 to RCPT is for good: no other exchanger is asked, the sender is told",
        "RFC 5321 §3.3, §4.2.1",
        "Write the address as it really is, or give it a mailbox:  lab account add {recipient}",
        "The host that keeps the domain's mailboxes knows all its people, and says no while the sender is "
        "still on the line. So the sender's own host writes the bounce, to somebody it knows.",
        answered(_unknown_user),
        ("lab account list", "lab explain 5.1.1"),
    ),
    Diagnosis(
        "D410",
        "relaying denied",
        "{exchanger} does not take mail for {domain}: it would have to relay it, and does that for its own "
        "people only.",
        "a host takes mail for its own domains, from its own people to everywhere, and nothing else",
        "RFC 2505 §2.1, RFC 5321 §3.6.2",
        "Name a host in the MX of {domain} that keeps or holds its mail, or let {exchanger} do so{onward}",
        "A host that passes on anyone's mail to anywhere is an open relay: spam would leave in its name. So "
        "a host that is listed as an exchanger and has not been told of the domain refuses like this.",
        answered(_relaying),
        ("lab dig {domain} MX", "lab explain open-relay"),
    ),
    Diagnosis(
        "D415",
        "the message is too large",
        "{exchanger} takes no message of that size: “{reply}”.",
        "a host says its limit in EHLO (SIZE), and 552 to what is larger: for good",
        "RFC 1870 §6, RFC 5321 §4.5.3.1.7",
        "Send less, or raise the host's limit (`mail: {{size_limit: …}}`){onward}",
        "The limit stands in the answer to EHLO, so the sender knows before a single octet of the text has "
        "left, and does not try in vain again and again.",
        answered(_size),
        ("lab config {exchanger}", "lab talk {exchanger} smtp --explain"),
    ),
    Diagnosis(
        "D417",
        "the exchanger's disk is full",
        "The disk of {exchanger} is full: it cannot take responsibility for anything now.",
        "452 means not now; a host may say 250 only when the message is safe",
        "RFC 5321 §4.2.3, RFC 3463 §3.4",
        _HEAL,
        "A message is accepted when it is on the disk. Where it finds no room the host says so with 452, and "
        "the sender keeps it; nothing is lost, on either side.",
        answered(_status("4.3.1", "5.3.1")),
        ("lab queue {host}", "lab explain 4.3.1"),
    ),
    Diagnosis(
        "D426",
        "the exchanger takes no 8-bit text",
        "{exchanger} does not offer 8BITMIME, and the message has octets beyond ASCII: “{reply}”.",
        "8-bit text may be sent only to a host that offers 8BITMIME",
        "RFC 6152 §3",
        "Write it in quoted-printable or base64, or let {exchanger} offer 8BITMIME{onward}",
        "SMTP was made for seven bits. A host that lacks the extension might change or drop the eighth bit, "
        "so the sender either recodes the text or sends it back.",
        answered(_status("5.6.3")),
        ("lab talk {exchanger} smtp --explain", "lab explain mime"),
    ),
    Diagnosis(
        "D427",
        "the exchanger takes no addresses in UTF-8",
        "{exchanger} does not offer SMTPUTF8, and {recipient} cannot be written without: “{reply}”.",
        "an address beyond ASCII may be sent only to a host that offers SMTPUTF8",
        "RFC 6531 §3.5",
        "Write to an address in ASCII, or let {exchanger} offer SMTPUTF8{onward}",
        "Domains can be written in ASCII in any case (xn--…), what stands before the @ cannot: only its own "
        "host knows what it means. So every host on the way has to be able to carry it.",
        answered(_status("5.6.7")),
        ("lab talk {exchanger} smtp --explain",),
    ),
    Diagnosis(
        "D422",
        "the exchanger wants TLS or a login first",
        "{exchanger} wants the sender to begin TLS or to log in first: “{reply}”.",
        "530 asks for something that has to come before; between mail hosts it need not be demanded",
        "RFC 3207 §4, RFC 4954 §6",
        "Let it take mail from everyone at port 25, or let the sender begin TLS (`settings: {{tls: "
        "may}}`){onward}",
        "Port 25 is where hosts meet that do not know each other: to demand a login there is a mistake, and "
        "to demand TLS bars whoever has none. People hand their mail in at port 587, where a login is the "
        "rule.",
        answered(_wants_tls),
        ("lab explain submission", "lab explain tls"),
    ),
    Diagnosis(
        "D421",
        "the exchanger breaks the session off with 421",
        "{exchanger} breaks off {stage}: “{reply}”.",
        "421 may come at any time and ends the session; it counts as not now",
        "RFC 5321 §3.8, §4.2.1",
        _HEAL,
        "A server that shuts down, or has had enough of a client, says 421 and hangs up. What had its 250 by "
        "then stays accepted, everything else is the sender's still.",
        answered(_shutting_down),
        ("lab queue {host}", "lab explain 421"),
    ),
)

BY_STAGE: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D401",
        "not now, at the greeting",
        "{exchanger} serves nobody just now: it greets with “{reply}”.",
        "421 in place of the greeting: no service now; the next exchanger is tried, else the mail waits",
        "RFC 5321 §3.1, §4.2.1",
        _HEAL,
        "A busy or starting host would rather say no at the door than half-way. It says nothing about the "
        "message, which nobody has mentioned yet.",
        answered(_at(Stage.GREETING, 4)),
        ("lab queue {host}", "lab explain 421"),
    ),
    Diagnosis(
        "D402",
        "no service, at the greeting",
        "{exchanger} turns the sender away at the door: it greets with “{reply}”.",
        "554 in place of the greeting turns the session away, not the message: the next exchanger is tried",
        "RFC 5321 §3.1, §4.2.1",
        _HEAL,
        "A host that takes no mail at all, or none from this client, greets with 554. Since it knows nothing "
        "of the message yet, another exchanger may take it; this lab's senders keep it and try again.",
        answered(_at(Stage.GREETING, 5)),
        ("lab queue {host}", "lab explain 554"),
    ),
    Diagnosis(
        "D403",
        "not now, at HELO",
        "{exchanger} does not want to hear from this sender just now: it says “{reply}” to HELO.",
        _NOT_NOW,
        "RFC 5321 §4.1.1.1, §4.2.1",
        _HEAL,
        "The answer is about the client, by the name that it gave itself, before any message. Hosts that are "
        "busy or look names up at this point answer so.",
        answered(_at(Stage.HELO, 4)),
        ("lab queue {host}",),
    ),
    Diagnosis(
        "D404",
        "the sender's name is refused at HELO",
        "{exchanger} refuses the sender by its name: it says “{reply}” to HELO.",
        "a refused HELO is about the client; where nobody else is left to try, the message comes back",
        "RFC 5321 §4.1.1.1, §4.1.4",
        "Ask its postmaster why; lifted, it works:  lab heal {exchanger}{onward}",
        "Both EHLO and HELO were refused: the host takes nothing from a client of this name. A client that "
        "names itself as something it is not, or by an address, is often met so.",
        answered(_at(Stage.HELO, 5)),
        _FATE,
    ),
    Diagnosis(
        "D405",
        "not now, at MAIL",
        "{exchanger} does not take mail from {sender} just now: it says “{reply}” to MAIL.",
        _NOT_NOW,
        "RFC 5321 §4.2.1, §4.3.2",
        _HEAL,
        "The answer is about the sender's address: its domain may not be found at the moment, or too much "
        "came from it in a short time.",
        answered(_at(Stage.MAIL, 4)),
        ("lab queue {host}",),
    ),
    Diagnosis(
        "D406",
        "the sender is refused at MAIL",
        "{exchanger} takes no mail from {sender}: it says “{reply}” to MAIL.",
        _NEVER,
        "RFC 5321 §4.2.1, §4.3.2",
        "Ask its postmaster why; lifted, it works:  lab heal {exchanger}{onward}",
        "The answer is about the sender, whoever the recipient may be: its domain does not exist, or is not "
        "wanted there.",
        answered(_at(Stage.MAIL, 5)),
        _FATE,
    ),
    Diagnosis(
        "D407",
        "not now, for this recipient",
        "{exchanger} does not take mail for {recipient} just now: it says “{reply}” to RCPT.",
        _NOT_NOW,
        "RFC 5321 §4.2.1, §4.5.4.1",
        _HEAL,
        "450 and 451 are what greylisting says to a stranger's first try: who comes again later gets in, and "
        "most spam does not. To a sender it is a wait of some minutes.",
        answered(_at(Stage.RCPT, 4)),
        ("lab queue {host}", "lab explain reply-codes"),
    ),
    Diagnosis(
        "D408",
        "the recipient is refused at RCPT",
        "{exchanger} refuses {recipient}: it says “{reply}” to RCPT.",
        _NEVER,
        "RFC 5321 §4.2.1, §4.3.2",
        "Ask its postmaster why; lifted, it works:  lab heal {exchanger}{onward}",
        "The answer is about this recipient alone; others of the same message may have been taken. Not every "
        "550 means that nobody is called so: the text and the enhanced code tell more.",
        answered(_at(Stage.RCPT, 5)),
        _FATE,
    ),
    Diagnosis(
        "D411",
        "not now, at DATA",
        "{exchanger} took the addresses, and does not want the text just now: it says “{reply}” to DATA.",
        _NOT_NOW,
        "RFC 5321 §4.1.1.4, §4.2.1",
        _HEAL,
        "Between envelope and text a host may find that it cannot go on. Nothing of the text has been sent, "
        "nothing was accepted.",
        answered(_at(Stage.DATA, 4)),
        ("lab queue {host}",),
    ),
    Diagnosis(
        "D412",
        "refused at DATA",
        "{exchanger} took the addresses, and wants no text: it says “{reply}” to DATA.",
        _NEVER,
        "RFC 5321 §4.1.1.4, §4.2.1",
        "Ask its postmaster why; lifted, it works:  lab heal {exchanger}{onward}",
        "The transaction as a whole is refused, sender and recipients together, before a line of the text "
        "was sent.",
        answered(_at(Stage.DATA, 5)),
        _FATE,
    ),
    Diagnosis(
        "D413",
        "not now, after the final dot",
        "{exchanger} heard the whole message, and does not take it just now: “{reply}”.",
        "without a 250 after the dot the sender still has the message, and tries again",
        "RFC 5321 §4.2.5, §4.2.1",
        _HEAL,
        "Responsibility passes with the 250 after the dot, and not before. A 4xx at this point leaves the "
        "message with its sender, who sends all of it again later.",
        answered(_at(Stage.EOM, 4)),
        ("lab queue {host}",),
    ),
    Diagnosis(
        "D414",
        "the message is refused after the final dot",
        "{exchanger} heard the whole message, and refuses it: “{reply}”.",
        _NEVER,
        "RFC 5321 §4.2.1, §4.2.5",
        "Change what it says, or ask its postmaster; lifted, it works:  lab heal {exchanger}{onward}",
        "Now the answer is about the text: what filters for spam and viruses say comes here, and what is "
        "wrong with the form. It holds for all recipients of the message.",
        answered(_at(Stage.EOM, 5)),
        _FATE,
    ),
)

DIAGNOSES: tuple[Diagnosis, ...] = (*BY_MEANING, *BY_STAGE)
