"""What an SMTP reply means, for somebody who reads one for the first time.

The rule: a pure function of two tables. The three digits say it for programs (RFC 5321 §4.2.1–4.2.3): the first
whether it went well, the second what it is about. The enhanced code behind them, class.subject.detail, says why
(RFC 3463 §3); the text after it is for people, and no program should rely on it.
"""

from __future__ import annotations

import re
from types import MappingProxyType

_FIRST = MappingProxyType(
    {
        "2": "done",
        "3": "go on: the server waits for the rest",
        "4": "not now: the sender keeps the message and tries again later",
        "5": "no, and asking again will not help: the sender gives up and tells its author",
    }
)
_CODES = MappingProxyType(
    {
        211: "the system's state, or help",
        214: "help, for a person",
        220: "the server is ready and says who it is; now introduce yourself: EHLO your.host.name",
        221: "goodbye; the server closes the connection",
        235: "logged in",
        250: "done as asked",
        251: "not here, but it will be passed on",
        252: "cannot be verified, but mail for it will be tried",
        334: "the login goes on",
        354: "type the message now: headers, an empty line, the text; a line with only a dot ends it",
        421: "the server stops serving and closes the connection; try again later",
        450: "the mailbox cannot be used now (it is busy, or refused for now)",
        451: "an error of the server's own; try again later",
        452: "no room left, or too many recipients at once; try again later",
        454: "cannot be done for a temporary reason",
        455: "cannot take these parameters now",
        500: "the command was not understood",
        501: "the command was understood, its argument was not",
        502: "this server does not have the command",
        503: "not in this order: something else has to come first",
        504: "this server does not have this variant of the command",
        521: "this host takes no mail",
        530: "log in first",
        535: "user or password are wrong",
        550: "refused: there is no such mailbox, or a rule forbids it",
        551: "not here; try the address in the text",
        552: "the message, or the mailbox, is too large",
        553: "such an address cannot be",
        554: "refused for good",
        555: "the parameters are unknown here",
        556: "the domain takes no mail",
    }
)
_SUBJECTS = MappingProxyType(
    {
        "1": "the address",
        "2": "the mailbox",
        "3": "the mail system",
        "4": "the network or the way there",
        "5": "the dialogue itself",
        "6": "what is in the message",
        "7": "permission and policy",
    }
)
_DETAILS = MappingProxyType(
    {
        "1.1": "there is no such mailbox",
        "1.2": "there is no such domain",
        "1.3": "the address is not well formed",
        "1.5": "the recipient's address is fine",
        "1.6": "the mailbox has moved",
        "1.7": "the sender's address is not well formed",
        "1.8": "the sender's domain does not exist",
        "1.10": "the domain takes no mail: it has a null MX (RFC 7505)",
        "2.1": "the mailbox is switched off",
        "2.2": "the mailbox is full",
        "2.3": "the message is longer than this mailbox takes",
        "3.1": "the disk is full",
        "3.2": "the host takes no mail at the moment",
        "3.4": "the message is longer than this host takes",
        "4.1": "the next host does not answer",
        "4.2": "the connection broke",
        "4.3": "the DNS could not say where to go",
        "4.4": "there is no way to that domain",
        "4.6": "the message goes round in a loop",
        "4.7": "it was tried for too long",
        "5.1": "a command that is unknown or out of order",
        "5.2": "a command that cannot be read",
        "5.3": "too many recipients at once",
        "5.4": "an argument that cannot be taken",
        "6.1": "the text is in a form that this host does not take",
        "6.7": "an address in UTF-8, which the next host does not take",
        "7.1": "the server's rules forbid it: it does not relay for strangers, for one",
        "7.8": "user or password are wrong",
        "7.27": "the sender's domain takes no mail itself (null MX)",
    }
)
"""Subject.detail of RFC 3463 §3.2–3.8 and its successors."""
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")


def meaning(code: int, text: str) -> list[str]:
    """Sentences about a reply: what its digits say, and what its enhanced code adds.

    >>> meaning(250, "2.1.5 Ok")
    ['250: done as asked', "2.1.5: about the address: the recipient's address is fine"]
    """
    digits = str(code)
    lines = [f"{code}: {_CODES[code]}"] if code in _CODES else []
    if (digits[0] in "45" or not lines) and digits[0] in _FIRST:
        lines.append(f"{digits[0]}…: {_FIRST[digits[0]]}")
    return [*lines, *enhanced(text)]


def enhanced(text: str) -> list[str]:
    """The sentence about the enhanced code that a reply's text begins with, if it has one that says something."""
    found = _ENHANCED.match(text)
    if found is None or found[2] not in _SUBJECTS:
        return []
    detail = _DETAILS.get(f"{found[2]}.{found[3]}")
    if found[1] == "2" and detail is None:
        return []  # all went well, and there is nothing to add
    return [f"{found[0]}: about {_SUBJECTS[found[2]]}" + (f": {detail}" if detail else "")]


_REPLY = re.compile(r"(\d{3})(?: (.*))?$")


def last_line(line: str) -> tuple[int, str] | None:
    """Code and text of a reply's last line; None for a line that another follows ("250-SIZE"), and for what is no
    reply at all (RFC 5321 §4.2).

    >>> last_line("250-SIZE"), last_line("250 OK")
    (None, (250, 'OK'))
    """
    found = _REPLY.match(line.rstrip("\r\n"))
    return (int(found[1]), found[2] or "") if found else None
