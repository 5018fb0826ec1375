"""OpenSMTPD's log into events.

    told                                                   not told, so not in the events
    taken: envelope, size, peer, protocol                  Message-ID, subject, HELO
    refused at a command, with the reply                   which of several exchangers was tried before the last
    each delivery: relayed, delivered, deferred, failed    the UID in the mailbox (Dovecot's log has it, and no id
    connections that failed                                that OpenSMTPD would know)
    that every recipient has its fate                      which message a bounce is about

The rule: a message is the first eight digits of its envelopes' ids. smtpd(8); the words are its sources'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import field

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
    Stage,
)
from lab.foreign.readers.reader import domain_of, failure_in, reply_in, stage_in
from lab.mail.retry import Schedule
from lab.values import dataclass

_LINE = re.compile(r"(?P<session>[0-9a-f]{16}) (?P<program>smtp|mda|mta) (?P<what>[\w-]+) ?(?P<rest>.*)")
_FIELD = re.compile(r'(?<![a-z])(?P<key>[a-z]+)=(?P<value>"[^"]*"|<[^>]*>|\S+)')
_MESSAGE = re.compile(r"msgid=(?P<id>[0-9a-f]{8}) size=(?P<size>\d+) nrcpt=(?P<count>\d+) proto=(?P<proto>\w+)")
_ENVELOPE = re.compile(r"evpid=(?P<id>[0-9a-f]{16}) from=<(?P<sender>[^>]*)> to=<(?P<to>[^>]*)>")
_STAT = re.compile(r'result="?(?P<result>\w+)"? stat="?(?P<stat>.*?)"?$')
_RELAY = re.compile(r"(?P<address>\S+) \((?P<name>[^)]*)\)")
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
    """`own`: the host's addresses; what comes from them was handed in here."""

    def __init__(self, own: tuple[str, ...], schedule: Schedule) -> None:
        self._own = (*own, "127.0.0.1", "::1", "local")
        self._schedule = schedule
        self._peers: dict[str, str] = {}
        self._sealed: set[str] = set()
        self._messages: dict[str, _Message] = {}
        self._attempts: dict[str, int] = {}
        self._dialled: dict[str, tuple[str, str]] = {}
        """By session: the address and the name of the host that is called."""
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
            ("mta", "connected"): self._reached,
            ("mta", "error"): self._failed,
        }

    def read(self, line: str, now: float) -> list[Event]:
        found = _LINE.match(line)
        act = self._acts.get((found["program"], found["what"])) if found else None
        return list(act(found["session"], found["rest"], now)) if found and act else []

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
            yield self._taken(found["id"][:8], message)

    def _taken(self, queue_id: str, message: _Message) -> Event:
        to = tuple(dict.fromkeys(message.recipients.values()))
        if message.peer in self._own:
            return MailSubmitted(queue_id, "", message.sender, to, message.size)
        return MailAccepted(queue_id, "", message.sender, to, message.size, message.peer, "", message.protocol)

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
        self._dialled[session] = (address, form.get("host", ""))
        yield from ()

    def _reached(self, session: str, rest: str, now: float) -> Iterator[Event]:
        self._dialled.pop(session, None)
        yield from ()

    def _failed(self, session: str, rest: str, now: float) -> Iterator[Event]:
        """A connection that came to nothing. Whose it was, the log does not say."""
        address, name = self._dialled.pop(session, ("", ""))
        if address:
            self._sessions += 1
            failure = failure_in(rest)
            yield ConnectionFailed(self._sessions, "", name or address, address, 25, 0, Stage.CONNECT, failure)

    def _delivered(self, session: str, rest: str, now: float) -> Iterator[Event]:
        form, found = _fields(rest), _STAT.search(rest)
        envelope = form.get("evpid", "")
        queue_id = envelope[:8]
        if found is None or not envelope:
            return
        message = self._messages.setdefault(queue_id, _Message())
        recipient = yield from self._whom(queue_id, message, envelope, form)
        yield from self._fate(queue_id, recipient, envelope, form, found, now)
        if found["result"] in ("Ok", "PermFail"):
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
            case "PermFail":
                yield from _name(queue_id, recipient, stat)
                yield RecipientsFailed(queue_id, (recipient,), reply.status if reply else "5.0.0", stat)
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
