"""The server's side of IMAP as an automaton: octets in, commands out; no socket, no mailbox (RFC 9051 §3).

The rule: the automaton knows the dialogue and nothing of mail. It says what the client asked, refuses by itself
what cannot be read or comes at the wrong time, and is told (`done`) how a command ended.

                  ┌─ LOGIN, AUTHENTICATE ok ─┐               ┌──── SELECT, EXAMINE ok ────┐
    (greeting) ─► not authenticated ───────► authenticated ◄────────────────────────► selected
                  └───────┬──────────────────────┘           └─ CLOSE, UNSELECT ok; SELECT no ─┘
                        LOGOUT ──► logout         `ALLOWED` and `NEXT` are the law, this only their picture
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from lab.values import dataclass
from lab.wire.imap.commands import Command
from lab.wire.imap.grammar import CHARSETS, GRAMMAR, BadCharset, Words, read, read_verb
from lab.wire.imap.reader import CommandReader, Flaw, GoOn, Taken, tag_of
from lab.wire.imap.tokens import BadSyntax

BEFORE_LOGIN = 8_192
"""Octets of literals from a client that nobody knows yet."""


class State(Enum):
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


_FIRST, _IN, _SELECTED = State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED
_ON_MESSAGES = ("EXPUNGE", "SEARCH", "FETCH", "STORE", "COPY", "MOVE")
_ALWAYS = (_FIRST, _IN, _SELECTED)
_LOGGED_IN = (_IN, _SELECTED)

ALLOWED: Mapping[str, tuple[State, ...]] = MappingProxyType(
    dict.fromkeys(("CAPABILITY", "NOOP", "LOGOUT", "ID"), _ALWAYS)
    | dict.fromkeys(("STARTTLS", "AUTHENTICATE", "LOGIN"), (_FIRST,))
    | dict.fromkeys(("CHECK", "CLOSE", "UNSELECT", *_ON_MESSAGES), (_SELECTED,))
    | {verb: (_SELECTED,) for verb in GRAMMAR if verb.startswith("UID ")}
)
"""Verb → the states in which it may be said; a verb that is not here wants a login (RFC 9051 §6.3)."""

NEXT: Mapping[tuple[str, bool], State] = MappingProxyType(
    {
        ("LOGIN", True): _IN,
        ("AUTHENTICATE", True): _IN,
        ("SELECT", True): _SELECTED,
        ("EXAMINE", True): _SELECTED,
        ("SELECT", False): _IN,  # RFC 9051 §6.3.2: a failed SELECT leaves nothing selected
        ("EXAMINE", False): _IN,
        ("CLOSE", True): _IN,
        ("UNSELECT", True): _IN,
        ("LOGOUT", True): State.LOGOUT,
    }
)
"""(verb, whether it went well) → the next state, where it changes."""

_WHY: Mapping[State, str] = MappingProxyType(
    {
        _FIRST: "log in first: LOGIN user password",
        _IN: "select a mailbox first: SELECT INBOX",
        _SELECTED: "you are logged in already",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    tag: str
    verb: str
    command: Command


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the automaton gives by itself; `condition` NO or BAD."""

    tag: str
    condition: str
    text: str


class ImapServer:
    """`limit`: octets of literals that a command may have once its client has logged in."""

    __slots__ = ("_limit", "_reader", "state", "utf8")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reader = CommandReader(BEFORE_LOGIN)
        self.state = _FIRST
        self.utf8 = False
        """The client enabled IMAP4rev2: names of mailboxes travel in UTF-8."""

    @property
    def waiting(self) -> int:
        return self._reader.waiting

    def feed(self, octets: bytes) -> None:
        self._reader.feed(octets)

    def forget(self) -> None:
        """TLS begins: nothing that was said in the clear counts."""
        self._reader.forget()

    def line(self) -> bytes | None:
        """The next plain line, for a client inside AUTHENTICATE or IDLE."""
        return self._reader.line()

    def next(self) -> Request | Refusal | GoOn | None:
        """What the client says next; None when it has not said it all yet."""
        if self.state is State.LOGOUT:
            return None
        heard = self._reader.command()
        match heard:
            case Taken(octets):
                return self._understood(octets)
            case Flaw(tag, too_big):
                return Refusal(tag, "NO" if too_big else "BAD", self._too_long(too_big))
        return heard

    def _understood(self, octets: bytes) -> Request | Refusal:
        tag = tag_of(octets)
        if tag == "*":
            return Refusal(tag, "BAD", "a command begins with a tag of your choice: a1 NOOP")
        words = Words(octets, self.utf8)
        words.at = len(tag)
        try:
            words.space()
            verb = read_verb(words)
            if verb in GRAMMAR and self.state not in ALLOWED.get(verb, _LOGGED_IN):
                return Refusal(tag, "BAD", f"{verb} not now: {_WHY[self.state]}")
            return Request(tag, verb, read(verb, words))
        except BadCharset as flaw:
            return Refusal(tag, "NO", f"[BADCHARSET ({' '.join(CHARSETS)})] {flaw}")
        except BadSyntax as flaw:
            return Refusal(tag, "BAD", str(flaw))

    def _too_long(self, too_big: bool) -> str:
        if not too_big:
            return "that line has no end"
        return f"[TOOBIG] more than {self._reader.limit} octets are not taken here"

    def done(self, verb: str, well: bool) -> None:
        """A command has ended: OK, or not."""
        self.state = NEXT.get((verb, well), self.state)
        if self.state is not _FIRST:
            self._reader.limit = self._limit
