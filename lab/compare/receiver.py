"""A scripted receiver: an SMTP server that does at one stage what its script says, and is polite at all others.

The rule: a script is data, and each connection begins it anew. A receiver takes whom it is told to take, keeps
nothing, and tells the log what it took, so that a journey ends there.

    ok       takes everything            gdrop             closes before the greeting
    refused  does not listen             drop STAGE        closes when that command (or the dot) has come
    silent   never answers a connection  STAGE 4, STAGE 5  answers so there: greeting, ehlo, mail, rcpt, data, eom
    mirror   greets with the sender's name                 rcpt2 4, rcpt2 5: at the second RCPT
                                         of a connection; rcpt 421, rcpt 552
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import field
from types import MappingProxyType

from lab.events import MailAccepted, MailDelivered, Stage
from lab.fabric.base import Host
from lab.values import dataclass
from lab.wire.received import read_heading
from lab.wire.smtp_reply import format_reply

_NAMES = MappingProxyType(
    {
        "greeting": Stage.GREETING,
        "ehlo": Stage.HELO,
        "mail": Stage.MAIL,
        "rcpt": Stage.RCPT,
        "rcpt2": Stage.RCPT,
        "data": Stage.DATA,
        "eom": Stage.EOM,
    }
)
_REPLIES = MappingProxyType(
    {
        (Stage.GREETING, "4"): (421, "4.3.2 no service now"),
        (Stage.GREETING, "5"): (554, "5.3.2 no service here"),
        (Stage.HELO, "4"): (450, "4.7.1 not now"),
        (Stage.HELO, "5"): (550, "5.7.1 not you"),
        (Stage.MAIL, "4"): (450, "4.7.1 not now"),
        (Stage.MAIL, "5"): (550, "5.7.1 not from there"),
        (Stage.RCPT, "4"): (450, "4.2.1 mailbox busy"),
        (Stage.RCPT, "5"): (550, "5.1.1 no such user"),
        (Stage.RCPT, "421"): (421, "4.3.2 closing"),
        (Stage.RCPT, "552"): (552, "5.2.2 mailbox full"),
        (Stage.DATA, "4"): (451, "4.3.0 not now"),
        (Stage.DATA, "5"): (554, "5.5.1 no text, please"),
        (Stage.EOM, "421"): (421, "4.3.2 closing"),
        (Stage.EOM, "4"): (451, "4.3.0 not now"),
        (Stage.EOM, "5"): (554, "5.6.0 not this text"),
    }
)


@dataclass(frozen=True, slots=True)
class Script:
    """Where a receiver stops being polite, and how: `answer` is "4", "5", a code, or "drop"."""

    listens: bool = True
    stage: Stage | None = None
    answer: str = ""
    from_rcpt: int = 1
    """Of a connection's RCPTs, the first that meets it."""
    mirrors: bool = False


def script(words: str) -> Script:
    """From the words of the table above.

    >>> script("rcpt2 5")
    Script(listens=True, stage=<Stage.RCPT: 'rcpt'>, answer='5', from_rcpt=2, mirrors=False)
    """
    match words.split():
        case ["ok"] | ["silent"]:
            return Script()
        case ["refused"]:
            return Script(listens=False)
        case ["mirror"]:
            return Script(mirrors=True)
        case ["gdrop"]:
            return Script(stage=Stage.GREETING, answer="drop")
        case ["drop", where]:
            return Script(stage=_NAMES[where], answer="drop")
        case [where, answer]:
            return Script(stage=_NAMES[where], answer=answer, from_rcpt=2 if where == "rcpt2" else 1)
    raise ValueError(f"no receiver does '{words}'")


_PLAIN = MappingProxyType(
    {
        "ok": "takes everything",
        "silent": "never answers a connection",
        "refused": "refuses connections",
        "gdrop": "hangs up before its greeting",
        "mirror": "greets with the sender's own name",
    }
)
_SAID = MappingProxyType(
    {Stage.GREETING: "greets", Stage.HELO: "answers EHLO and HELO", Stage.EOM: "answers the dot"}
)


def in_words(words: str) -> str:
    """What a receiver does, as one says it.

    >>> in_words("rcpt 4"), in_words("drop eom")
    ('answers RCPT with 450 4.2.1 mailbox busy', 'hangs up after the final dot')
    """
    if words in _PLAIN:
        return _PLAIN[words]
    told = script(words)
    assert told.stage is not None
    if told.answer == "drop":
        return "hangs up after the final dot" if told.stage is Stage.EOM else f"hangs up at {told.stage.upper()}"
    code, text = _REPLIES[told.stage, told.answer]
    which = "the second RCPT" if told.from_rcpt > 1 else told.stage.upper()
    return f"{_SAID.get(told.stage, f'answers {which}')} with {code} {text}"


Heard = Callable[[str], None]
"""Is told the receiver's label at each connection."""


@dataclass(slots=True)
class Receiver:
    """A host that follows a script. `mirrored` is the name it greets with when it mirrors."""

    host: Host
    script: Script
    label: str
    heard: Heard
    mirrored: str
    taken: int = 0

    async def listen(self) -> None:
        if self.script.listens:
            await asyncio.get_running_loop().create_server(lambda: _Caller(self), port=25)

    def queue_id(self) -> str:
        self.taken += 1
        return f"{self.label}-{self.taken}"


@dataclass(slots=True)
class _Letter:
    begun: bool = False
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    text: bytes = b""


class _Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver, self._script = receiver, receiver.script
        self._letter, self._helo, self._rcpts = _Letter(), "", 0
        self._buffer, self._in_text = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._receiver.heard(self._receiver.label)
        name = self._receiver.mirrored if self._script.mirrors else str(self._receiver.host.name)
        self._answer(Stage.GREETING, 220, f"{name} ESMTP")

    def data_received(self, octets: bytes) -> None:
        *lines, self._buffer = (self._buffer + octets).split(b"\r\n")
        for line in lines:
            if self._transport.is_closing():
                return
            if not self._in_text:
                self._command(line.decode("utf-8", "replace"))
            elif line == b".":
                self._end_of_text()
            else:
                self._letter.text += line + b"\r\n"

    def _command(self, line: str) -> None:
        verb, _, argument = line.partition(" ")
        _COMMANDS.get(verb.upper(), _Caller._unknown)(self, argument)

    def _hello(self, name: str) -> None:
        self._helo = name
        host = str(self._receiver.host.name)
        self._answer(Stage.HELO, 250, host, "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")

    def _mail(self, argument: str) -> None:
        begun = self._answer(Stage.MAIL, 250, "2.1.0 sender ok")
        self._letter = _Letter(begun, _path(argument))

    def _rcpt(self, argument: str) -> None:
        self._rcpts += 1
        if not self._letter.begun:
            self._say(503, "5.5.1 no MAIL before it")
        elif self._answer(Stage.RCPT, 250, "2.1.5 recipient ok"):
            self._letter.recipients.append(_path(argument))

    def _data(self, _: str) -> None:
        if not self._letter.recipients:
            self._say(503, "5.5.1 no recipients")
        else:
            self._in_text = self._answer(Stage.DATA, 354, "go on")

    def _end_of_text(self) -> None:
        self._in_text = False
        queue_id = self._receiver.queue_id()
        if self._answer(Stage.EOM, 250, f"2.0.0 queued as {queue_id}"):
            self._accept(queue_id)

    def _reset(self, _: str) -> None:
        self._letter = _Letter()
        self._say(250, "2.0.0 ok")

    def _quit(self, _: str) -> None:
        self._say(221, "2.0.0 bye")
        self._transport.close()

    def _unknown(self, _: str) -> None:
        self._say(500, "5.5.2 what?")

    def _accept(self, queue_id: str) -> None:
        letter, host = self._letter, self._receiver.host
        heading = read_heading(letter.text)
        host.log(
            MailAccepted(
                queue_id,
                heading.message_id,
                letter.sender,
                tuple(letter.recipients),
                len(letter.text),
                str(self._transport.get_extra_info("peername")[0]),
                self._helo,
                "ESMTP",
                heading.subject,
            )
        )
        for recipient in letter.recipients:
            host.log(MailDelivered(queue_id, recipient, recipient, self._receiver.taken))

    def _answer(self, stage: Stage, code: int, *lines: str) -> bool:
        """Politely, or as the script wants it here; whether it was politely."""
        if stage is not self._script.stage or (stage is Stage.RCPT and self._rcpts < self._script.from_rcpt):
            self._say(code, *lines)
            return True
        if self._script.answer == "drop":
            self._transport.close()
            return False
        code, text = _REPLIES[stage, self._script.answer]
        self._say(code, text)
        if stage is Stage.GREETING or code == 421:
            self._transport.close()
        return False

    def _say(self, code: int, *lines: str) -> None:
        self._transport.write(format_reply(code, *lines))


_COMMANDS: Mapping[str, Callable[[_Caller, str], None]] = MappingProxyType(
    {
        "EHLO": _Caller._hello,
        "HELO": _Caller._hello,
        "MAIL": _Caller._mail,
        "RCPT": _Caller._rcpt,
        "DATA": _Caller._data,
        "RSET": _Caller._reset,
        "QUIT": _Caller._quit,
    }
)


def _path(argument: str) -> str:
    return argument.partition("<")[2].partition(">")[0]
