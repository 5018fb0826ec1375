"""A POP3 server without its wire (RFC 1939): lines in, what to say and what to do out.

The rule: which command is heard when is a table (`HEARD`); nothing is deleted before UPDATE, and UPDATE is reached
by QUIT alone, so that a connection that breaks deletes nothing. The maildrop is what it was at the login.

    AUTHORIZATION ── PASS, APOP, AUTH ──→ TRANSACTION ── QUIT ──→ UPDATE ──→ OVER
          └──────────── QUIT ────────────────────────────────────────────────↑

With TOP and UIDL (§7), CAPA, RESP-CODES, PIPELINING and EXPIRE (RFC 2449), AUTH (RFC 5034), STLS (RFC 2595),
AUTH-RESP-CODE (RFC 3206). A line may end in a bare LF, as `nc` sends it; what goes out ends in CR LF, and is
counted so.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from enum import StrEnum

from lab.values import dataclass
from lab.wire import sasl

LONGEST_COMMAND = 2_048
"""Octets. RFC 2449 §4 grants 255; an initial response of AUTH may need more."""
PATIENCE_WITH_ERRORS = 20
LOGINS = 5
"""So many wrong passwords on one connection, and it ends."""


class State(StrEnum):
    AUTHORIZATION = "authorization"
    CHALLENGED = "challenged"
    """Within AUTH: the next line is a response, not a command."""
    TRANSACTION = "transaction"
    UPDATE = "update"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Message:
    """`size` in octets, CR LF counted."""

    uid: int
    size: int


@dataclass(slots=True)
class Maildrop:
    """What a login opens: a snapshot. `validity` and a UID name a message for ever; `read` gives its octets,
    KeyError when another program has removed it."""

    validity: int
    messages: tuple[Message, ...]
    read: Callable[[int], bytes]
    deleted: dict[int, None] = field(default_factory=dict)
    """Numbers, from 1."""
    retrieved: dict[int, None] = field(default_factory=dict)

    def kept(self) -> Iterator[tuple[int, Message]]:
        return ((at, each) for at, each in enumerate(self.messages, 1) if at not in self.deleted)

    def uids(self, numbers: dict[int, None]) -> list[int]:
        return [self.messages[number - 1].uid for number in numbers]


@dataclass(frozen=True, slots=True)
class Terms:
    """`stamp`: the greeting's timestamp, with which APOP is offered; `tls`: whether STLS is."""

    name: str
    sasl: sasl.Terms
    stamp: str = ""
    tls: bool = False


# -- what a line leads to ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    octets: bytes


@dataclass(frozen=True, slots=True)
class Retrieved(Say):
    """A whole message goes out."""

    uid: int


@dataclass(frozen=True, slots=True)
class Secure(Say):
    """Say it, turn to TLS, then call `secured`."""


@dataclass(frozen=True, slots=True)
class Refused(Say):
    """A wrong name or password: say it when the client has waited for it."""

    login: str


@dataclass(frozen=True, slots=True)
class Granted:
    """The password is right: call `admit` with the maildrop, or `turn_away`."""

    login: str


@dataclass(frozen=True, slots=True)
class Update:
    """QUIT: remove these, mark those as seen, then call `updated`. Both are UIDs."""

    deleted: list[int]
    seen: list[int]


Turn = Say | Granted | Update


class _Bad(Exception):
    """-ERR, with this text."""


class Session:
    """One client's session."""

    __slots__ = ("_errors", "_exchange", "_logins", "_secure", "_user", "maildrop", "state", "terms")

    def __init__(self, terms: Terms, secure: bool = False) -> None:
        self.terms = terms
        self.state = State.AUTHORIZATION
        self.maildrop = Maildrop(0, (), _nothing)
        self._secure = secure
        self._user = ""
        self._exchange: sasl.Exchange | None = None
        self._errors = self._logins = 0

    def greet(self) -> Say:
        stamp = f" {self.terms.stamp}" if self.terms.stamp else ""
        return _ok(f"{self.terms.name} POP3 mini-Internet{stamp}")

    def take(self, line: bytes) -> Turn:
        """What one line, its end included or not, leads to."""
        line = line.rstrip(b"\r\n")
        try:
            return self._respond(line) if self.state is State.CHALLENGED else self._perform(line)
        except _Bad as bad:
            return self._bad(str(bad))

    def refuse(self, sentence: str) -> Say:
        """The answer to a line that is none."""
        return self._bad(sentence)

    # -- what the server comes back with ---------------------------------------------------------------------

    def secured(self) -> None:
        """TLS is up: what was said before is forgotten (RFC 2595 §4)."""
        self._secure, self._user = True, ""

    def admit(self, maildrop: Maildrop) -> Say:
        self.state, self.maildrop = State.TRANSACTION, maildrop
        return _ok(f"{_messages(len(maildrop.messages))} ({sum(each.size for each in maildrop.messages)} octets)")

    def turn_away(self, sentence: str) -> Say:
        """The password was right, the maildrop cannot be had; the text may begin with a code, as [IN-USE]."""
        self.state = State.AUTHORIZATION
        return _err(sentence)

    def updated(self, whole: bool) -> Say:
        self.state = State.OVER
        if not whole:
            return _err("[SYS/TEMP] some deleted messages could not be removed; they are there next time")
        left = len(self.maildrop.messages) - len(self.maildrop.deleted)
        return _ok(f"{self.terms.name} goodbye, {_messages(left)} left")

    # -- lines -----------------------------------------------------------------------------------------------

    def _perform(self, line: bytes) -> Turn:
        try:
            verb, _, argument = line.decode().partition(" ")
        except UnicodeDecodeError:
            raise _Bad("this line is neither ASCII nor UTF-8") from None
        act = HEARD[self.state].get(verb.upper())
        if act is None:
            raise _Bad(self._why_not(verb.upper()))
        return act(self, argument)

    def _why_not(self, verb: str) -> str:
        if verb == "STLS" and self.state is State.TRANSACTION:
            return "STLS comes before the login (RFC 2595 section 4)"
        if verb in HEARD[State.TRANSACTION]:
            return "log in first: USER and PASS"
        if verb in HEARD[State.AUTHORIZATION]:
            return "you are logged in already"
        shown = verb[:20] if verb.isprintable() else "(unprintable)"
        return f"no such command: {shown}; CAPA lists what there is"

    def _bad(self, sentence: str) -> Say:
        self._errors += 1
        if self._errors > PATIENCE_WITH_ERRORS:
            self.state = State.OVER
            sentence = "too many errors, goodbye"
        return _err(sentence)

    # -- authorization ---------------------------------------------------------------------------------------

    def _do_user(self, argument: str) -> Turn:
        if not argument.strip():
            raise _Bad("USER takes a name: USER ed")
        self._user = argument.strip()
        return _ok("send PASS")

    def _do_pass(self, argument: str) -> Turn:
        """The rest of the line is the password, spaces and all (RFC 1939 §7)."""
        login, self._user = self._user, ""
        if not login:
            raise _Bad("USER comes first")
        kept = self.terms.sasl.passwords(login)
        good = hmac.compare_digest(sasl.prepared(kept or ""), sasl.prepared(argument))
        return self._judged(login, good and bool(kept))

    def _do_apop(self, argument: str) -> Turn:
        if not self.terms.stamp:
            raise _Bad("APOP is not offered here")
        login, _, digest = argument.strip().rpartition(" ")
        if not login:
            raise _Bad("APOP takes a name and a digest (RFC 1939 section 7)")
        kept = self.terms.sasl.passwords(login)
        secret = f"{self.terms.stamp}{kept or ''}".encode()
        expected = hashlib.md5(secret, usedforsecurity=False).hexdigest()
        good = hmac.compare_digest(expected.encode(), digest.lower().encode())
        return self._judged(login, good and bool(kept))

    def _judged(self, login: str, good: bool) -> Turn:
        if good:
            return Granted(login)
        self._logins += 1
        last = self._logins >= LOGINS
        self.state = State.OVER if last else State.AUTHORIZATION
        goodbye = "; that was the last try, goodbye" if last else ""
        return Refused(_err(f"[AUTH] wrong name or password{goodbye}").octets, login)

    def _do_auth(self, argument: str) -> Turn:
        name, _, initial = argument.strip().partition(" ")
        if not name:
            return _list("mechanisms", sasl.MECHANISMS)
        if name.upper() not in sasl.MECHANISMS:
            raise _Bad(f"no such mechanism; there are {', '.join(sasl.MECHANISMS)}")
        given = sasl.unline(initial.encode()) if initial else None
        if initial and given is None:
            raise _Bad("the initial response is not base64")
        self._exchange = sasl.Exchange(name.upper(), self.terms.sasl)
        return self._outcome(self._exchange.begin(given))

    def _respond(self, line: bytes) -> Turn:
        assert self._exchange is not None
        self.state = State.AUTHORIZATION
        return self._outcome(self._exchange.answer_line(line))

    def _outcome(self, outcome: sasl.Outcome) -> Turn:
        match outcome:
            case sasl.Challenge():
                self.state = State.CHALLENGED
                return Say(b"+ " + outcome.line + b"\r\n")
            case sasl.Granted(login):
                return self._judged(login, True)
            case sasl.Denied(login, ""):
                return self._judged(login, False)
        raise _Bad(outcome.flaw)

    def _do_stls(self, argument: str) -> Turn:
        if self._secure:
            raise _Bad("this connection is TLS already")
        if not self.terms.tls:
            raise _Bad("STLS is not offered here")
        return Secure(b"+OK begin TLS\r\n")

    # -- at any time -----------------------------------------------------------------------------------------

    def _do_capa(self, argument: str) -> Turn:
        mechanisms = f"SASL {' '.join(sasl.MECHANISMS)}"
        offers = ["USER", mechanisms, "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
        if self.terms.tls and not self._secure and self.state is State.AUTHORIZATION:
            offers.append("STLS")
        return _list("what this server can do", [*offers, "IMPLEMENTATION mini-Internet-lab"])

    def _do_quit(self, argument: str) -> Turn:
        self.state = State.OVER
        return _ok(f"{self.terms.name} goodbye")

    # -- transaction -----------------------------------------------------------------------------------------

    def _do_update(self, argument: str) -> Turn:
        self.state, drop = State.UPDATE, self.maildrop
        read = {number: None for number in drop.retrieved if number not in drop.deleted}
        return Update(drop.uids(drop.deleted), drop.uids(read))

    def _do_stat(self, argument: str) -> Turn:
        sizes = [message.size for _, message in self.maildrop.kept()]
        return _ok(f"{len(sizes)} {sum(sizes)}")

    def _do_list(self, argument: str) -> Turn:
        if argument.strip():
            number, message = self._message(argument)
            return _ok(f"{number} {message.size}")
        rows = [f"{number} {message.size}" for number, message in self.maildrop.kept()]
        return _list(_messages(len(rows)), rows)

    def _do_uidl(self, argument: str) -> Turn:
        validity = self.maildrop.validity
        if argument.strip():
            number, message = self._message(argument)
            return _ok(f"{number} {validity}.{message.uid}")
        return _list(
            "a name for each, for ever",
            [f"{number} {validity}.{message.uid}" for number, message in self.maildrop.kept()],
        )

    def _do_retr(self, argument: str) -> Turn:
        number, message = self._message(argument)
        octets = self._octets(number, message)
        self.maildrop.retrieved[number] = None
        return Retrieved(b"+OK %d octets\r\n%b" % (message.size, stuffed(octets)), message.uid)

    def _do_top(self, argument: str) -> Turn:
        which, _, count = argument.strip().partition(" ")
        number, message = self._message(which)
        if not _NUMBER.match(count.strip()):
            raise _Bad("TOP takes a message and a number of lines: TOP 1 10")
        part = top(self._octets(number, message), int(count))
        size = len(part) + part.count(b"\n") - part.count(b"\r\n")
        # Wireshark takes the first word for a number, as it is after RETR, and calls all else malformed.
        return Say(b"+OK %d octets: the header, and as many lines\r\n%b" % (size, stuffed(part)))

    def _do_dele(self, argument: str) -> Turn:
        number, _ = self._message(argument)
        self.maildrop.deleted[number] = None
        return _ok(f"message {number} goes at QUIT; RSET keeps it")

    def _do_rset(self, argument: str) -> Turn:
        self.maildrop.deleted.clear()
        return _ok(f"{_messages(len(self.maildrop.messages))}, none deleted")

    def _do_noop(self, argument: str) -> Turn:
        return _ok("")

    def _message(self, argument: str) -> tuple[int, Message]:
        text = argument.strip()
        if not _NUMBER.match(text):
            raise _Bad("a message is named by its number, from 1")
        number, messages = int(text), self.maildrop.messages
        if not 1 <= number <= len(messages):
            raise _Bad(f"no such message; there are {len(messages)}")
        if number in self.maildrop.deleted:
            raise _Bad(f"message {number} is deleted; RSET brings it back")
        return number, messages[number - 1]

    def _octets(self, number: int, message: Message) -> bytes:
        try:
            return self.maildrop.read(message.uid)
        except KeyError:
            raise _Bad(f"message {number} is gone: another program has removed it") from None
        except OSError:
            raise _Bad("[SYS/TEMP] the disk of this host cannot be read") from None


_NUMBER = re.compile(r"[0-9]{1,9}$")

Act = Callable[[Session, str], Turn]

HEARD: dict[State, dict[str, Act]] = {
    State.AUTHORIZATION: {
        "USER": Session._do_user,
        "PASS": Session._do_pass,
        "APOP": Session._do_apop,
        "AUTH": Session._do_auth,
        "STLS": Session._do_stls,
        "CAPA": Session._do_capa,
        "QUIT": Session._do_quit,
    },
    State.TRANSACTION: {
        "STAT": Session._do_stat,
        "LIST": Session._do_list,
        "RETR": Session._do_retr,
        "DELE": Session._do_dele,
        "NOOP": Session._do_noop,
        "RSET": Session._do_rset,
        "TOP": Session._do_top,
        "UIDL": Session._do_uidl,
        "CAPA": Session._do_capa,
        "QUIT": Session._do_update,
    },
    State.CHALLENGED: {},
    State.UPDATE: {},
    State.OVER: {},
}
"""state → command → what it does. All else is -ERR."""


# -- octets -----------------------------------------------------------------------------------------------------


def stuffed(octets: bytes) -> bytes:
    """A message as the rest of a multi-line reply (RFC 1939 §3): lines in CR LF, leading dots doubled, a last
    dot."""
    if octets.count(b"\n") != octets.count(b"\r\n"):
        octets = _BARE_LF.sub(b"\r\n", octets)
    if octets.startswith(b".") or b"\n." in octets:
        octets = b"." * octets.startswith(b".") + octets.replace(b"\n.", b"\n..")
    end = b".\r\n" if octets.endswith(b"\r\n") or not octets else b"\r\n.\r\n"
    return octets + end


_BARE_LF = re.compile(rb"(?<!\r)\n")


def top(octets: bytes, lines: int) -> bytes:
    """The header, its blank line, and so many lines of the body."""
    blank = re.search(rb"(?:^|\n)\r?\n", octets)
    if blank is None:
        return octets
    end = blank.end()
    for _ in range(lines):
        found = octets.find(b"\n", end)
        if found < 0:
            return octets
        end = found + 1
    return octets[:end]


def _messages(count: int) -> str:
    return f"{count} message{'s' * (count != 1)}"


def _ok(text: str) -> Say:
    return Say(f"+OK {text}".rstrip().encode("ascii", "backslashreplace") + b"\r\n")


def _err(text: str) -> Say:
    return Say(b"-ERR " + text.encode("ascii", "backslashreplace") + b"\r\n")


def _list(text: str, rows: Iterable[str]) -> Say:
    return Say("".join(f"{row}\r\n" for row in (f"+OK {text}", *rows, ".")).encode())


def _nothing(uid: int) -> bytes:
    raise KeyError(uid)
