"""The sending side of SMTP as an automaton: octets in, events out; no socket, no clock (RFC 5321 §4.1.4).

The rule: the automaton knows the dialogue and nothing of policy. It says what each reply was an answer to, and
when a message is through, the fate of each recipient; whom to try next is decided elsewhere.

    greeting ── 2 ──► EHLO ── 2 ──► ready ──► MAIL ► RCPT… ► DATA ► (the message) ► eom ──► ready …
       │ 4,5           │ 5 ► HELO ── 2 ──► ready
       └──────► quit ◄─┴ 4 ─────┘ 4,5                      `NEXT` below is the law, this only its picture

With PIPELINING (RFC 2920) MAIL, every RCPT and DATA leave in one group; replies come back in the same order.
STARTTLS (RFC 3207), where it is wanted and offered, stands between two EHLOs; refused, all goes on in the clear.
Also: SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), DSN (3461 §4), each used only when it was offered.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from lab.events import Failure, Stage
from lab.values import dataclass, made_often
from lab.wire.smtp_reply import BadReply, Reply, ReplyReader


class State(StrEnum):
    GREETING = "greeting"
    EHLO = "ehlo"
    HELO = "helo"
    STARTTLS = "starttls"
    READY = "ready"
    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    EOM = "eom"
    QUIT = "quit"
    CLOSED = "closed"


NEXT: Mapping[State, Mapping[int, State]] = {
    State.GREETING: {2: State.EHLO, 4: State.QUIT, 5: State.QUIT},
    State.EHLO: {2: State.READY, 4: State.QUIT, 5: State.HELO},  # §3.2: a server without EHLO is asked with HELO
    State.HELO: {2: State.READY, 4: State.QUIT, 5: State.QUIT},
    State.STARTTLS: {2: State.EHLO, 4: State.READY, 5: State.READY},
    State.RSET: {2: State.MAIL, 4: State.QUIT, 5: State.QUIT},
    State.MAIL: {2: State.RCPT, 4: State.READY, 5: State.READY},
    State.RCPT: {2: State.DATA, 4: State.READY, 5: State.READY},  # by the kindest reply of all recipients
    State.DATA: {3: State.EOM, 4: State.READY, 5: State.READY},
    State.EOM: {2: State.READY, 4: State.READY, 5: State.READY},
    State.QUIT: {2: State.CLOSED, 4: State.CLOSED, 5: State.CLOSED},
}
"""State → class of the reply → next state. A class that is not listed breaks the dialogue: → QUIT."""

_STAGES = dict.fromkeys((State.EHLO, State.HELO), Stage.HELO) | {
    State.GREETING: Stage.GREETING,
    State.STARTTLS: Stage.STARTTLS,
    State.RSET: Stage.MAIL,
    State.MAIL: Stage.MAIL,
    State.RCPT: Stage.RCPT,
    State.DATA: Stage.DATA,
    State.EOM: Stage.EOM,
    State.QUIT: Stage.QUIT,
}


@made_often
@dataclass(frozen=True, slots=True)
class To:
    """A recipient as RCPT names it, with its DSN wishes (RFC 3461 §4.1, §4.2)."""

    address: str
    notify: frozenset[str] = frozenset()
    original: str = ""


@made_often
@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent. `sender` "" is the null return path; `octets` the message with CR LF line ends."""

    sender: str
    recipients: tuple[To, ...]
    octets: bytes
    ret: str = ""
    envid: str = ""
    smtputf8: bool = False


@made_often
@dataclass(frozen=True, slots=True)
class Fate:
    """How far a recipient came, and what stopped or accepted it there."""

    stage: Stage
    outcome: Reply | Failure

    @property
    def accepted(self) -> bool:
        return self.stage is Stage.EOM and isinstance(self.outcome, Reply) and self.outcome.code // 100 == 2


@made_often
@dataclass(frozen=True, slots=True)
class Replied:
    """One command and its reply. `recipient`: which of the message's, at RCPT. `decides` is false where the reply
    changes nothing: EHLO before HELO, the rest of a pipelined group after its MAIL was refused."""

    stage: Stage
    command: str
    reply: Reply
    recipient: int | None = None
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """The host said hello and takes messages."""


@dataclass(frozen=True, slots=True)
class Secure:
    """The host waits for TLS to begin: begin it, then call `secured`."""


@dataclass(frozen=True, slots=True)
class Unwilling:
    """The host takes no message in this session: refused at the greeting or HELO, or gone."""

    stage: Stage
    outcome: Reply | Failure


@made_often
@dataclass(frozen=True, slots=True)
class Finished:
    """The message is through, with a fate for every recipient."""

    fates: tuple[Fate, ...]


ClientEvent = Replied | Ready | Secure | Unwilling | Finished


@made_often
@dataclass(frozen=True, slots=True)
class _Command:
    state: State
    text: str
    recipient: int | None = None


class SmtpClient:
    """One session. `receive` what came, send what `data_to_send` gives, `send` messages while `is_ready`."""

    __slots__ = (
        "_fates",
        "_in_flight",
        "_message",
        "_out",
        "_reader",
        "_script",
        "_stale",
        "_wants_tls",
        "extensions",
        "helo",
    )

    def __init__(self, helo: str, tls: bool = False) -> None:
        """`tls`: wanted where the host offers it."""
        self.helo = helo
        self._wants_tls = tls
        self.extensions: Mapping[str, str] = {}
        """EHLO keyword in capitals → its parameters."""
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._in_flight: deque[_Command] = deque([_Command(State.GREETING, "")])
        self._script: deque[_Command] = deque()
        self._message: Outgoing | None = None
        self._fates: list[Fate | None] = []
        self._stale = False
        """A transaction is half open: RSET before the next MAIL."""

    @property
    def state(self) -> State:
        """What is waited for: the reply to the oldest command, or the next message."""
        return self._in_flight[0].state if self._in_flight else State.READY

    @property
    def stage(self) -> Stage:
        return _STAGES.get(self.state, Stage.QUIT)

    @property
    def is_ready(self) -> bool:
        return not self._in_flight

    @property
    def is_closed(self) -> bool:
        return bool(self._in_flight) and self._in_flight[0] is _END

    def data_to_send(self) -> bytes:
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    # -- what comes in ------------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> list[ClientEvent]:
        """What these octets of the server mean. Octets that are no reply end the session."""
        try:
            replies = self._reader.feed(octets)
        except BadReply:
            return self.lost(Failure.CLOSED)
        events: list[ClientEvent] = []
        in_flight = self._in_flight
        for reply in replies:
            if not in_flight:
                self._close()  # 421 between two messages: nobody's fate
            if in_flight[0] is _END:
                break
            self._reply(reply, events)
            if events[-1] is _SECURE:
                break  # §6 of RFC 3207: what came in the clear behind the 220 is nobody's word
        return events

    def lost(self, failure: Failure) -> list[ClientEvent]:
        """The connection is gone; what was under way ends here."""
        stage, waiting = self.stage, self._message is not None
        before = self.state in (State.GREETING, State.EHLO, State.HELO, State.STARTTLS)
        self._close()
        if waiting:
            return [self._finish(Fate(stage, failure))]
        return [Unwilling(stage, failure)] if before else []

    def _reply(self, reply: Reply, events: list[ClientEvent]) -> None:
        command = self._in_flight.popleft()
        state = command.state
        onward = State.CLOSED if reply.is_final else NEXT[state].get(reply.code // 100) or State.QUIT
        decides = self._decides(command, onward)
        events.append(Replied(_STAGES[state], command.text, reply, command.recipient, decides))
        _ANSWERED[state](self, command, reply, onward, events)

    def _decides(self, command: _Command, onward: State) -> bool:
        if command.recipient is not None:
            return self._fates[command.recipient] is None
        if command.state in _FOR_WHOM_IS_LEFT:
            return None in self._fates
        return onward is not State.HELO and command.state is not State.STARTTLS

    # -- hello and goodbye --------------------------------------------------------------------------------

    def _hello(self, command: _Command, reply: Reply, onward: State, events: list[ClientEvent]) -> None:
        if onward in (State.EHLO, State.HELO):
            self._command(_Command(onward, f"{onward.name} {self.helo}"))
        elif onward is State.READY:
            # The first line is the host's name, each other one an extension (§4.1.1.1).
            self.extensions = _extensions(reply.text.partition("\n")[2]) if command.state is State.EHLO else {}
            if self._wants_tls and "STARTTLS" in self.extensions:
                self._command(_Command(State.STARTTLS, "STARTTLS"))
            else:
                events.append(Ready())
        else:
            events.append(Unwilling(_STAGES[command.state], reply))
            self._leave(onward)

    def _before_tls(self, command: _Command, reply: Reply, onward: State, events: list[ClientEvent]) -> None:
        self._wants_tls = False
        if onward is State.EHLO:
            self._in_flight.append(_Command(State.STARTTLS, ""))  # the handshake is waited for
            self._reader = ReplyReader()
            events.append(_SECURE)
        elif onward is State.READY:
            events.append(Ready())
        else:
            events.append(Unwilling(Stage.STARTTLS, reply))
            self._leave(onward)

    def secured(self) -> None:
        """TLS is up: say hello again, for what was offered before counts no more (RFC 3207 §4.2)."""
        self._in_flight.clear()
        self.extensions = {}
        self._command(_Command(State.EHLO, f"EHLO {self.helo}"))

    def quit(self) -> None:
        """Say goodbye, once nothing is under way."""
        if not self._in_flight:
            self._command(_Command(State.QUIT, "QUIT"))

    def _goodbye(self, command: _Command, reply: Reply, onward: State, events: list[ClientEvent]) -> None:
        self._close()

    def _leave(self, onward: State) -> None:
        if onward is State.CLOSED:
            self._close()
        else:
            self.quit()

    def _close(self) -> None:
        self._in_flight.clear()
        self._in_flight.append(_END)
        self._script.clear()

    # -- a message ----------------------------------------------------------------------------------------

    def send(self, message: Outgoing) -> list[ClientEvent]:
        """Begin a message. What the host cannot take, by what it offered, fails here without a word to it."""
        refusal = self._cannot_take(message)
        self._message, self._fates = message, [None] * len(message.recipients)
        if refusal is not None:
            return [self._finish(Fate(Stage.MAIL, refusal))]
        if self._stale:
            self._script.append(_Command(State.RSET, "RSET"))
        self._script.append(_Command(State.MAIL, self._mail(message)))
        self._script.extend(_Command(State.RCPT, self._rcpt(to), n) for n, to in enumerate(message.recipients))
        self._script.append(_Command(State.DATA, "DATA"))
        self._stale = True
        self._next_commands()
        return []

    def _next_commands(self) -> None:
        """The next command, or all of them where the server takes a group (RFC 2920 §3.1)."""
        while self._script and (not self._in_flight or "PIPELINING" in self.extensions):
            self._command(self._script.popleft())

    def _command(self, command: _Command) -> None:
        self._in_flight.append(command)
        self._out.append(command.text.encode() + b"\r\n")

    def _transact(self, command: _Command, reply: Reply, onward: State, events: list[ClientEvent]) -> None:
        if onward in _OVER:
            events.append(self._finish(_fate(command, reply)))
            self._close_or_quit(onward)
        elif command.recipient is not None:
            if reply.code // 100 != 2:
                self._fates[command.recipient] = self._fates[command.recipient] or _fate(command, reply)
            self._after_recipients(events)
        elif onward is State.READY:
            self._settle(_fate(command, reply), events)
        elif onward is State.EOM:
            self._body()
        else:
            self._next_commands()

    def _after_recipients(self, events: list[ClientEvent]) -> None:
        """Without one recipient there is no DATA, unless it has left already."""
        if self._script and self._script[0].state is State.DATA and None not in self._fates:
            self._script.clear()
            self._settle(None, events)
        else:
            self._next_commands()

    def _body(self) -> None:
        message = self._message
        assert message is not None
        self._in_flight.append(_Command(State.EOM, "."))
        # RFC 2920 §3.1: a server that says 354 though no recipient was taken gets an empty message.
        self._out.append(stuffed(message.octets) if None in self._fates else b".\r\n")

    def _settle(self, fate: Fate | None, events: list[ClientEvent]) -> None:
        """A stage ended the message for all who had no fate yet; replies of a group still come in."""
        self._fates = [known or fate for known in self._fates]
        if fate is not None and fate.stage is Stage.EOM:
            self._stale = False
        self._script.clear()
        if not self._in_flight:
            events.append(self._finish(fate))

    def _finish(self, fate: Fate | None) -> Finished:
        fates = tuple(known or fate for known in self._fates)
        self._message, self._fates = None, []
        return Finished(tuple(known for known in fates if known is not None))

    def _close_or_quit(self, onward: State) -> None:
        self._script.clear()
        if onward is State.QUIT and not self._in_flight:
            self.quit()
        else:
            self._close()

    def _cannot_take(self, message: Outgoing) -> Reply | None:
        limit = self.extensions.get("SIZE", "")
        if _SIZE.fullmatch(limit) and 0 < int(limit) < len(message.octets):
            return Reply(552, f"5.3.4 the message has {len(message.octets)} octets, the host takes {limit}")
        if message.smtputf8 and "SMTPUTF8" not in self.extensions:
            return Reply(550, "5.6.7 the host takes no addresses in UTF-8 (RFC 6531 §3.5)")
        if "8BITMIME" not in self.extensions and not message.octets.isascii():
            return Reply(550, "5.6.3 the host takes no 8-bit message (RFC 6152 §3)")
        return None

    def _mail(self, message: Outgoing) -> str:
        offered, words = self.extensions, [f"MAIL FROM:<{message.sender}>"]
        if "SIZE" in offered:
            words.append(f"SIZE={len(message.octets)}")
        if "8BITMIME" in offered and not message.octets.isascii():
            words.append("BODY=8BITMIME")
        if message.smtputf8:
            words.append("SMTPUTF8")
        if "DSN" in offered and message.ret:
            words.append(f"RET={message.ret}")
        if "DSN" in offered and message.envid:
            words.append(f"ENVID={xtext(message.envid)}")
        return " ".join(words)

    def _rcpt(self, to: To) -> str:
        words = [f"RCPT TO:<{to.address}>"]
        if "DSN" in self.extensions and to.notify:
            words.append(f"NOTIFY={','.join(sorted(word.upper() for word in to.notify))}")
        if "DSN" in self.extensions and to.original:
            kind, _, address = to.original.partition(";")
            words.append(f"ORCPT={kind};{xtext(address)}")
        return " ".join(words)


def _fate(command: _Command, reply: Reply) -> Fate:
    return Fate(_STAGES[command.state], reply)


_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 §4
_END = _Command(State.CLOSED, "")
_SECURE = Secure()
_OVER = (State.QUIT, State.CLOSED)
_FOR_WHOM_IS_LEFT = (State.DATA, State.EOM)
_ANSWERED = dict.fromkeys((State.RSET, State.MAIL, State.RCPT, State.DATA, State.EOM), SmtpClient._transact) | {
    State.GREETING: SmtpClient._hello,
    State.EHLO: SmtpClient._hello,
    State.HELO: SmtpClient._hello,
    State.STARTTLS: SmtpClient._before_tls,
    State.QUIT: SmtpClient._goodbye,
}
"""By what was asked: who hears the reply."""


def stuffed(octets: bytes) -> bytes:
    r"""A message as it travels after DATA: dots doubled at line starts, the end of data behind it (§4.5.2).

    >>> stuffed(b".a\r\n")
    b'..a\r\n.\r\n'
    """
    if octets.startswith(b"."):
        octets = b"." + octets
    if b"\n." in octets:
        octets = octets.replace(b"\r\n.", b"\r\n..")
    return octets + (b".\r\n" if octets.endswith(b"\r\n") or not octets else b"\r\n.\r\n")


def xtext(text: str) -> str:
    """RFC 3461 §4: what is not printable ASCII, and "+" and "=", as +XX.

    >>> xtext("a+b@unige.ch")
    'a+2Bb@unige.ch'
    """
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}" for octet in text.encode()
    )


@lru_cache(maxsize=64)
def _extensions(lines: str) -> Mapping[str, str]:
    """Hosts of a kind offer the same."""
    pairs = (line.partition(" ") for line in lines.split("\n") if line)
    return MappingProxyType({word.upper(): rest for word, _, rest in pairs})
