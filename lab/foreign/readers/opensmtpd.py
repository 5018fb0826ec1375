"""OpenSMTPD's log into events, with its trace of calls and of notices (`smtpd -v -T mta -T bounce`).

    told                                                   not told, so not in the events
    taken: envelope, size, peer, protocol                  the UID in the mailbox (Dovecot's log has it, and no id
    refused at a command, with the reply                   that OpenSMTPD would know)
    each delivery: relayed, delivered, deferred, failed    the MX list, an exchanger's preference (`beside`)
    calls that failed, with the messages that waited       Message-ID, subject, HELO: its queue has them, and is
    for them, and replies that were a no                   looked into (`peek`) while the message is there
    notices, with the message they are about
    that every recipient has its fate

The rule: a message is the first eight digits of its envelopes' ids. smtpd(8); the words are its sources'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import field
from types import MappingProxyType

from lab.events import (
    CommandRefused,
    ConnectionFailed,
    ConnectionOpened,
    Event,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    NameResolved,
    RecipientsFailed,
    ReplyReceived,
)
from lab.foreign.readers.opensmtpd_calls import Call, Calls
from lab.foreign.readers.opensmtpd_notices import Notices
from lab.foreign.readers.reader import domain_of, failure_in, reply_in, stage_in
from lab.mail.retry import Schedule
from lab.values import dataclass
from lab.wire.received import read_heading

Peek = Callable[[str], bytes]

_LINE = re.compile(r"(?P<session>[0-9a-f]{16}) (?P<program>smtp|mda|mta) (?P<what>[\w-]+) ?(?P<rest>.*)")
_FIELD = re.compile(r'(?<![a-z])(?P<key>[a-z]+)=(?P<value>"[^"]*"|<[^>]*>|\S+)')
_MESSAGE = re.compile(r"msgid=(?P<id>[0-9a-f]{8}) size=(?P<size>\d+) nrcpt=(?P<count>\d+) proto=(?P<proto>\w+)")
_ENVELOPE = re.compile(r"evpid=(?P<id>[0-9a-f]{16}) from=<(?P<sender>[^>]*)> to=<(?P<to>[^>]*)>")
_STAT = re.compile(r'result="?(?P<result>\w+)"? stat="?(?P<stat>.*?)"?$')
_RELAY = re.compile(r"(?P<address>\S+) \((?P<name>[^)]*)\)")
_HELO = re.compile(rb"Received: from (\S+) ")
_FOR_GOOD = MappingProxyType({"PermFail": "5.0.0", "Expire": "4.4.7"})
"""What ends an envelope without delivery, and the status where no reply has one."""
_COMMAND = re.compile(r'command="(?P<command>.*?)" result="(?P<reply>.*)"$')


@dataclass(slots=True)
class _Message:
    sender: str = ""
    size: int = 0
    expected: int = 0
    protocol: str = ""
    peer: str = ""
    recipients: dict[str, str] = field(default_factory=dict)
    """By envelope."""
    open: set[str] = field(default_factory=set)
    forwards: dict[str, list[str]] = field(default_factory=dict)


class OpenSmtpdReader:
    """`own`: the host's addresses; what comes from them was handed in here. `peek`: the beginning of a message in
    the queue, b"" where it is gone."""

    def __init__(self, own: tuple[str, ...], schedule: Schedule, peek: Peek = lambda _: b"") -> None:
        self._own = (*own, "127.0.0.1", "::1", "local")
        self._schedule = schedule
        self._peek = peek
        self._peers: dict[str, str] = {}
        self._sealed: set[str] = set()
        self._messages: dict[str, _Message] = {}
        self._attempts: dict[str, int] = {}
        self._calls = Calls()
        self._notices = Notices()
        self._sessions = 0
        self._acts: dict[tuple[str, str], Callable[[str, str, float], Iterator[Event]]] = {
            ("smtp", "connected"): self._connected,
            ("smtp", "tls"): self._tls,
            ("smtp", "message"): self._came,
            ("smtp", "envelope"): self._envelope,
            ("smtp", "failed-command"): self._refused,
            ("smtp", "disconnected"): self._left,
            ("mda", "delivery"): self._delivered,
            ("mta", "delivery"): self._delivered,
            ("mta", "connecting"): self._dials,
            ("mta", "disconnected"): self._hung_up,
            ("mta", "error"): self._failed,
        }

    def read(self, line: str, now: float) -> list[Event]:
        found = _LINE.match(line)
        if found is None:
            self._calls.hear(line)
            return list(self._notices.hear(line))
        act = self._acts.get((found["program"], found["what"]))
        return list(act(found["session"], found["rest"], now)) if act else []

    # -- mail comes in ---------------------------------------------------------------------------------------

    def _connected(self, session: str, rest: str, now: float) -> Iterator[Event]:
        self._peers[session] = _fields(rest).get("address", "")
        yield from ()

    def _tls(self, session: str, rest: str, now: float) -> Iterator[Event]:
        self._sealed.add(session)
        yield from ()

    def _left(self, session: str, rest: str, now: float) -> Iterator[Event]:
        self._peers.pop(session, None)
        self._sealed.discard(session)
        yield from ()

    def _came(self, session: str, rest: str, now: float) -> Iterator[Event]:
        found = _MESSAGE.match(rest)
        if found is not None:
            protocol = found["proto"] + ("S" if session in self._sealed else "")
            peer = self._peers.get(session, "")
            self._messages[found["id"]] = _Message(
                size=int(found["size"]), expected=int(found["count"]), protocol=protocol, peer=peer
            )
        yield from ()

    def _envelope(self, session: str, rest: str, now: float) -> Iterator[Event]:
        found = _ENVELOPE.match(rest)
        message = self._messages.get(found["id"][:8]) if found else None
        if found is None or message is None:
            return
        message.sender = found["sender"]
        message.recipients[found["id"]] = found["to"]
        message.open.add(found["id"])
        if len(message.recipients) == message.expected:
            yield from self._taken(found["id"][:8], message)

    def _taken(self, queue_id: str, message: _Message) -> Iterator[Event]:
        to, sender, size = tuple(dict.fromkeys(message.recipients.values())), message.sender, message.size
        octets = self._peek(queue_id).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        heading, helo = read_heading(octets), _HELO.match(octets)
        name, subject = heading.message_id, heading.subject
        if message.peer in self._own:
            event = MailSubmitted(queue_id, name, sender, to, size, subject)
            yield from self._notices.told(event) if message.peer == "local" and not sender else (event,)
        else:
            greets = helo[1].decode("ascii", "replace") if helo else ""
            yield MailAccepted(queue_id, name, sender, to, size, message.peer, greets, message.protocol, subject)

    def _refused(self, session: str, rest: str, now: float) -> Iterator[Event]:
        found = _COMMAND.match(rest)
        reply = reply_in(found["reply"]) if found else None
        if found is not None and reply is not None:
            about = re.search(r"<([^>]*)>", found["command"])
            stage = stage_in(found["command"])
            peer = self._peers.get(session, "")
            yield CommandRefused(peer, stage, about[1] if about else "", reply.code, reply.text)

    # -- mail goes out ---------------------------------------------------------------------------------------

    def _dials(self, session: str, rest: str, now: float) -> Iterator[Event]:
        form = _fields(rest)
        address = re.sub(r"^smtps?://|:\d+$", "", form.get("address", ""))
        self._calls.connects(session, address, form.get("host", "") or address)
        yield from ()

    def _hung_up(self, session: str, rest: str, now: float) -> Iterator[Event]:
        self._calls.over(session)
        yield from ()

    def _failed(self, session: str, rest: str, now: float) -> Iterator[Event]:
        """A call that came to nothing: told of each message that waited for it."""
        call = self._calls.over(session)
        if call is not None:
            waiting = self._calls.waiting_for(call)
            messages = {envelope[:8]: domain_of(recipient) for envelope, recipient in waiting.items()}
            for queue_id, destination in messages.items():
                yield from self._trouble(call, queue_id, destination, rest, "next")

    def _trouble(self, call: Call, queue_id: str, destination: str, why: str, follows: str) -> Iterator[Event]:
        """What an exchanger answered, or how the connection failed."""
        self._sessions += 1
        session, refusal = self._sessions, call.refusal
        if refusal is None:
            yield ConnectionFailed(
                session, destination, call.exchanger, call.address, 25, 0, call.stage, failure_in(why), follows,
                queue_id=queue_id,
            )  # fmt: skip
            return
        yield ConnectionOpened(session, destination, call.exchanger, call.address, 25, 0, queue_id)
        yield ReplyReceived(
            session, call.stage, call.command, refusal.code, refusal.text, follows, queue_id=queue_id
        )

    def _delivered(self, session: str, rest: str, now: float) -> Iterator[Event]:
        form, found = _fields(rest), _STAT.search(rest)
        envelope = form.get("evpid", "")
        queue_id = envelope[:8]
        if found is None or not envelope:
            return
        message = self._messages.setdefault(queue_id, _Message())
        yield from self._notices.no_longer(queue_id)
        recipient = yield from self._whom(queue_id, message, envelope, form)
        call = self._calls.of(session)
        if call is not None and found["result"] != "Ok":
            follows = "later" if found["result"] == "TempFail" else "bounce"
            yield from self._trouble(call, queue_id, domain_of(recipient), found["stat"], follows)
        self._calls.settled(envelope)
        yield from self._fate(queue_id, recipient, envelope, form, found, now)
        if found["result"] in ("Ok", *_FOR_GOOD):
            message.open.discard(envelope)
            self._attempts.pop(envelope, None)
            if not message.open:
                self._messages.pop(queue_id, None)
                yield MailRemoved(queue_id)

    def _whom(
        self, queue_id: str, message: _Message, envelope: str, form: dict[str, str]
    ) -> Generator[Event, None, str]:
        """The final recipient; on the way, that an alias led to it."""
        final, named = form.get("to", ""), form.get("rcpt", "-")
        original = message.recipients.get(envelope, "") if named == "-" else named
        if original and original.lower() != final.lower():
            targets = message.forwards.setdefault(original, [])
            if final not in targets:
                targets.append(final)
                yield MailForwarded(queue_id, original, tuple(targets))
        return final

    def _fate(
        self, queue_id: str, recipient: str, envelope: str, form: dict[str, str], found: re.Match[str], now: float
    ) -> Iterator[Event]:
        stat = found["stat"]
        reply = reply_in(stat)
        relay = _RELAY.match(form.get("relay", ""))
        match found["result"]:
            case "Ok" if relay is not None:
                self._sessions += 1
                name, address = relay["name"], relay["address"]
                yield ConnectionOpened(self._sessions, domain_of(recipient), name, address, 25, 0, queue_id)
                yield MailRelayed(queue_id, (recipient,), name, address, stat, self._sessions)
            case "Ok":
                yield MailDelivered(queue_id, recipient, recipient)
            case "PermFail" | "Expire":
                yield from _name(queue_id, recipient, stat)
                self._notices.failed(queue_id)
                status = reply.status if reply else _FOR_GOOD[found["result"]]
                yield RecipientsFailed(queue_id, (recipient,), status, stat)
            case _:
                yield from _name(queue_id, recipient, stat)
                self._attempts[envelope] = tries = self._attempts.get(envelope, 0) + 1
                due = self._schedule.next_due(now, tries, now)
                yield MailDeferred(queue_id, (recipient,), domain_of(recipient), stat, due, tries)


def _name(queue_id: str, recipient: str, stat: str) -> Iterator[Event]:
    """A look-up that failed."""
    if "MX lookup" in stat or "Domain does not exist" in stat:
        rcode = "SERVFAIL" if "Temporary" in stat else "NXDOMAIN"
        yield NameResolved(domain_of(recipient), "MX", rcode, queue_id=queue_id)


def _fields(rest: str) -> dict[str, str]:
    return {found["key"]: found["value"].strip('"<>') for found in _FIELD.finditer(rest)}
