"""The grammar of an SMTP client's commands, read by a server: octets in, typed arguments out.

The rule: what cannot be read raises `BadCommand`, which carries the whole reply to give; nothing else is raised,
whatever the octets. Paths stand in angle brackets, source routes are read and ignored (RFC 5321 §4.1.1.3), a
`postmaster` without a domain is completed with the host's (§4.5.1).

Commands: RFC 5321 §4.1.1–4.1.2. Parameters: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), RET, ENVID,
NOTIFY, ORCPT and xtext (RFC 3461 §4). Values are decoded: `envid` and `original` are what the sender meant, not
the xtext it travelled in. AUTH= (RFC 4954 §5) is read where it is offered, and believed nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from lab.errors import LabError
from lab.names import DomainName, EmailAddress
from lab.values import dataclass, made_often
from lab.wire.smtp_reply import Reply


class BadCommand(Exception):
    """A command that cannot be taken, with the reply to give."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.reply = Reply(code, text)


@made_often
@dataclass(frozen=True, slots=True)
class MailFrom:
    """MAIL's arguments; `sender` None is the null return path, `size` in octets (0: not declared)."""

    sender: EmailAddress | None
    size: int = 0
    eight_bit: bool = False
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@made_often
@dataclass(frozen=True, slots=True)
class RcptTo:
    """RCPT's arguments; `notify` in lower case, `original` as "rfc822;Ed@belgiannews.com"."""

    address: EmailAddress
    notify: frozenset[str] = frozenset()
    original: str = ""


Parameters = dict[str, str | None]

_FROM = re.compile(r"FROM:\s*(.*)$", re.IGNORECASE)
_TO = re.compile(r"TO:\s*(.*)$", re.IGNORECASE)
_PATH = re.compile(r'<(?:@[^<>":]*:)?((?:"(?:[^"\\]|\\.)*"|[^<>"\s])*)>(?:\s+(.*))?$')
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^=\s]+))?$")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$")
_ORCPT = re.compile(r"([A-Za-z0-9-]+);(.+)$")
_HELO = re.compile(r"[\w.:\-]+$|\[[\w.:\-]+\]$")


def split_command(line: bytes) -> tuple[str, str]:
    """A command line, its end taken off, as (VERB, argument).

    >>> split_command(b"mail FROM:<ann@unige.ch>  ")
    ('MAIL', 'FROM:<ann@unige.ch>')
    """
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        raise BadCommand(500, "5.5.2 this line is neither ASCII nor UTF-8") from None
    if not text.isprintable():
        raise BadCommand(500, "5.5.2 a command holds no control characters")
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument.strip()


def read_helo(argument: str) -> str:
    """The name a client gives itself: a domain or an address literal, not more than looked at (§4.1.4)."""
    if not argument:
        raise BadCommand(501, "say who you are: EHLO mail.example.org")
    if len(argument) > 255 or not _HELO.match(argument):
        raise BadCommand(501, "that is neither a domain nor an [address]")
    return argument


def read_mail(argument: str, extended: bool, auth: bool = False) -> MailFrom:
    """`FROM:<path> [parameters]`; `extended` after EHLO, `auth` where AUTH is offered."""
    path, words = _path_of(_FROM, argument, "MAIL FROM:<ann@example.org>")
    if not words:
        return MailFrom(_address(path, False) if path else None)
    known = _MAIL_PARAMETERS | {"AUTH"} if auth else _MAIL_PARAMETERS
    given = _parameters(words, extended, known, "MAIL")
    _taken(given, "AUTH", decode_xtext, "")
    utf8 = "SMTPUTF8" in given
    return MailFrom(
        _address(path, utf8) if path else None,
        _taken(given, "SIZE", _size, 0),
        _taken(given, "BODY", _body, False),
        utf8,
        _taken(given, "RET", _ret, ""),
        _taken(given, "ENVID", _envid, ""),
    )


def read_rcpt(argument: str, extended: bool, home: DomainName, utf8: bool = False) -> RcptTo:
    """`TO:<path> [parameters]`; `home` completes a bare postmaster, `utf8`: MAIL had SMTPUTF8."""
    path, words = _path_of(_TO, argument, "RCPT TO:<ed@example.org>")
    if not path:
        raise BadCommand(501, "5.1.3 a recipient cannot be empty")
    given = _parameters(words, extended, _RCPT_PARAMETERS, "RCPT") if words else None
    address = _address(f"{path}@{home}" if path.lower() == "postmaster" else path, utf8)
    if given is None:
        return RcptTo(address)
    return RcptTo(address, _taken(given, "NOTIFY", _notify, frozenset()), _taken(given, "ORCPT", _orcpt, ""))


def decode_xtext(text: str) -> str:
    """RFC 3461 §4: `+HH` is one octet.

    >>> decode_xtext("ann+2Bnews")
    'ann+news'
    """
    if not _XTEXT.match(text):
        raise BadCommand(501, f"5.5.4 '{text[:40]}' is not xtext (RFC 3461 section 4)")
    octets = re.sub(rb"\+([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
    return octets.decode("utf-8", "replace")


def _path_of(opening: re.Pattern[str], argument: str, model: str) -> tuple[str, str]:
    head = opening.match(argument)
    if head is None:
        raise BadCommand(501, f"5.5.4 syntax: {model}")
    found = _PATH.match(head[1])
    if found is None:
        status = "5.1.7" if opening is _FROM else "5.1.3"
        raise BadCommand(501, f"{status} an address stands in <>: {model}")
    return found[1], found[2] or ""


def _address(path: str, utf8: bool) -> EmailAddress:
    try:
        address = EmailAddress.parse(path)
    except LabError as error:
        raise BadCommand(501, "5.1.3 " + error.sentence.replace("§", "section ")) from None
    if not utf8 and not path.isascii():
        raise BadCommand(553, "5.6.7 an address beyond ASCII needs SMTPUTF8 at MAIL (RFC 6531 section 3.5)")
    return address


def _parameters(words: str, extended: bool, known: frozenset[str], verb: str) -> Parameters:
    given: Parameters = {}
    for word in words.split():
        found = _PARAMETER.match(word)
        if found is None:
            raise BadCommand(501, f"5.5.4 '{word[:40]}' is no parameter: write KEY or KEY=value")
        key = found[1].upper()
        if not extended or key not in known:
            needs = "" if extended else " without EHLO"
            raise BadCommand(555, f"5.5.4 {verb} takes no parameter {key[:40]}{needs}")
        if key in given:
            raise BadCommand(501, f"5.5.4 {key} stands there twice")
        if (found[2] is None) is not (key == "SMTPUTF8"):
            raise BadCommand(501, f"5.5.4 {key} takes {'no' if key == 'SMTPUTF8' else 'a'} value")
        given[key] = found[2]
    return given


_Value = TypeVar("_Value")


def _taken(given: Parameters, key: str, read: Callable[[str], _Value], default: _Value) -> _Value:
    value = given.get(key)
    return default if value is None else read(value)


def _size(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise BadCommand(501, "5.5.4 SIZE is a number of octets (RFC 1870 section 4)")
    return int(value)


def _body(value: str) -> bool:
    kind = value.upper()
    if kind not in ("7BIT", "8BITMIME"):
        raise BadCommand(504, "5.5.4 BODY is 7BIT or 8BITMIME here (RFC 6152)")
    return kind == "8BITMIME"


def _ret(value: str) -> str:
    if value.upper() not in ("FULL", "HDRS"):
        raise BadCommand(501, "5.5.4 RET is FULL or HDRS (RFC 3461 section 4.3)")
    return value.upper()


def _envid(value: str) -> str:
    if len(value) > 100:
        raise BadCommand(501, "5.5.4 ENVID has at most 100 characters (RFC 3461 section 4.4)")
    return decode_xtext(value)


def _notify(value: str) -> frozenset[str]:
    wishes = frozenset(value.lower().split(","))
    if not wishes <= {"never", "success", "failure", "delay"} or ("never" in wishes and len(wishes) > 1):
        raise BadCommand(501, "5.5.4 NOTIFY is NEVER, or of SUCCESS,FAILURE,DELAY (RFC 3461 section 4.1)")
    return wishes


def _orcpt(value: str) -> str:
    found = _ORCPT.match(value)
    if found is None or len(value) > 500:
        raise BadCommand(501, "5.5.4 ORCPT is type;address (RFC 3461 section 4.2)")
    return f"{found[1].lower()};{decode_xtext(found[2])}"


_MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID"})
_RCPT_PARAMETERS = frozenset({"NOTIFY", "ORCPT"})


SYNTAX: dict[str, str] = {
    "HELO": "HELO your.host.name",
    "EHLO": "EHLO your.host.name, then you see what this host can do",
    "MAIL": "MAIL FROM:<sender> [SIZE=octets] [BODY=8BITMIME] [SMTPUTF8] [RET=FULL|HDRS] [ENVID=id]",
    "RCPT": "RCPT TO:<recipient> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=rfc822;address]",
    "STARTTLS": "STARTTLS, then TLS begins on this connection",
    "AUTH": "AUTH PLAIN|LOGIN|SCRAM-SHA-256 [initial response in base64]",
    "DATA": "DATA, then the message, then a line with a dot alone",
    "RSET": "RSET forgets sender and recipients",
}
"""How a command is written, in one line; `HELP verb` tells it."""
