"""Postfix's log into events: which of its programs say what, and how their lines are one message's.

    told                                                     not told, so not in the events
    taken: envelope, size, Message-ID, subject, peer, HELO   whether an extension was asked for (SMTPUTF8, DSN)
    refused at a command, with the reply
    each exchanger tried: refused, timed out, broke off      its preference and the MX list (see `beside`)
    replies of others where they are not 250                 the commands that went well
    names that could not be found (NXDOMAIN, try again)      names that were found
    sent, deferred, bounced, expired; bounces and warnings   when the next try is due: it follows from main.cf
    the login of a mail program; a refused one without name

The rule: a line names its program and process; smtpd's recipients come before the queue id (NOQUEUE), so they are
kept by process, as are the connections that failed before a delivery line says whose they were. main.cf has two
lines that make the log say more (`check_recipient_access static:{INFO …}`, `header_checks`).

postfix-master(8) and its programs; back-off: qmgr(8), minimal_backoff_time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field, replace

from lab.events import (
    BounceSent,
    CommandRefused,
    ConnectionFailed,
    ConnectionOpened,
    DelayWarned,
    Event,
    LoginRefused,
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
    Stage,
)
from lab.foreign.readers.deliveries import Deliveries
from lab.foreign.readers.reader import domain_of, failure_in, reply_in, stage_in, unique
from lab.values import dataclass
from lab.wire.mime.words import readable

_LINE = re.compile(
    r"\w{3} [ \d]\d [\d:]{8} \S+ postfix/(?:[\w-]+/)*(?P<program>[\w-]+)\[(?P<pid>\d+)\]: (?P<text>.*)"
)
_OF_QUEUE = re.compile(r"(?P<id>NOQUEUE|[0-9A-F]{6,}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}): (?P<rest>.*)")
_TAKEN = re.compile(
    r"info: \w+ from \S*\[(?P<peer>[^\]]*)\](?::\d+)?: taken; from=<(?P<sender>[^>]*)> to=<(?P<to>.*?)>"
    r" proto=(?P<proto>\w+)(?: helo=<(?P<helo>[^>]*)>)?"
)
_CLIENT = re.compile(r"client=\S*\[(?P<peer>[^\]]*)\](?:.*sasl_username=(?P<login>[^,\s]+))?")
_REJECT = re.compile(
    r"(?:milter-)?reject: (?P<command>\S+) from \S*\[(?P<peer>[^\]]*)\](?::\d+)?: (?P<reply>\d{3} .*?);"
    r"(?: from=<(?P<sender>[^>]*)>)?(?: to=<(?P<to>.*?)>)? proto="
)
_ACTIVE = re.compile(r"from=<(?P<sender>[^>]*)>, size=(?P<size>\d+), nrcpt=\d+ \(queue active\)")
_SUBJECT = re.compile(r"info: header Subject: ?(?P<subject>.*?) from (?:\S+\[[^\]]*\]|local); from=<")
_DELIVERY = re.compile(
    r"to=<(?P<to>.*?)>, (?:orig_to=<(?P<original>.*?)>, )?relay=(?P<relay>[^,]+), (?:conn_use=\d+, )?"
    r"delay=(?P<delay>[\d.]+), .*?dsn=(?P<dsn>[\d.]+), status=(?P<status>\w+) \((?P<why>.*)\)$"
)
_RELAY = re.compile(r"(?P<name>[^\[]*)\[(?P<address>[^\]]*)\]:(?P<port>\d+)")
_CONNECT = re.compile(r"connect to (?P<name>[^\[]*)\[(?P<address>[^\]]*)\]:(?P<port>\d+): (?P<why>.*)")
_HOST = re.compile(
    r"(?:host|lost connection with|conversation with) (?P<name>[^\[\s]*)\[(?P<address>[^\]]*)\]"
    r"(?::\d+)? ?(?P<rest>.*)"
)
_SAID = re.compile(r"(?:said|refused to talk to me): (?P<reply>\d{3}.*?)(?: \(in reply to (?P<command>.*?)\))?$")
_NAME = re.compile(r"Name service error for name=(?P<name>\S+) type=(?P<type>\w+): (?P<why>.*)")
_NOTICE = re.compile(
    r"(?P<to>sender|postmaster) (?P<kind>non-delivery|delay|delivery status) notification: (?P<id>\w+)"
)
_LOGIN = re.compile(
    r"warning: \S*\[(?P<peer>[^\]]*)\]: SASL \S+ authentication failed:.*?(?:sasl_username=(?P<user>\S+))?$"
)


@dataclass(slots=True)
class _Caller:
    """What one smtpd process has heard so far for the message to come."""

    recipients: list[str] = field(default_factory=list)
    sender: str = ""
    protocol: str = ""
    helo: str = ""
    tls: bool = False


@dataclass(slots=True)
class _Message:
    """A message in the queue. `born`: whether the log has told where it came from since this reader began."""

    caller: _Caller | None = None
    peer: str = ""
    login: str = ""
    local: bool = False
    parent: str = ""
    message_id: str = ""
    subject: str = ""
    sender: str = ""
    size: int = 0
    told: bool = False
    sessions: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    forwards: dict[str, list[str]] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BackOff:
    """main.cf's minimal_backoff_time and maximal_backoff_time, in seconds."""

    least: float
    most: float

    def next_try(self, now: float, age: float) -> float:
        """When a message deferred now is due again: after as long as it is old, within bounds (qmgr(8))."""
        return now + min(max(age, self.least), self.most)


class PostfixReader:
    """`own`: the host's addresses; what comes from them was handed in here."""

    def __init__(self, own: tuple[str, ...], back_off: BackOff, deliveries: Deliveries | None = None) -> None:
        self._own = (*own, "127.0.0.1", "::1")
        self._back_off = back_off
        self._deliveries = deliveries or Deliveries()
        self._callers: dict[str, _Caller] = {}
        self._messages: dict[str, _Message] = {}
        self._failed: dict[str, list[ConnectionFailed]] = {}
        self._sessions = 0
        self._programs: dict[str, Callable[[str, str, float], Iterator[Event]]] = {
            "smtpd": self._smtpd,
            "cleanup": self._cleanup,
            "pickup": self._pickup,
            "qmgr": self._qmgr,
            "bounce": self._bounce,
        }

    def read(self, line: str, now: float) -> list[Event]:
        found = _LINE.match(line)
        if found is None:
            return []
        program = self._programs.get(found["program"], self._agent)
        return list(program(found["pid"], found["text"], now))

    def _message(self, queue_id: str) -> _Message:
        return self._messages.setdefault(queue_id, _Message())

    # -- mail comes in ---------------------------------------------------------------------------------------

    def _smtpd(self, pid: str, text: str, now: float) -> Iterator[Event]:
        if text.startswith("connect from") or pid not in self._callers:
            self._callers[pid] = _Caller()
        caller = self._callers[pid]
        if "TLS connection established from" in text:
            caller.tls = True
        elif (login := _LOGIN.match(text)) is not None:
            yield LoginRefused(login["user"] or "", "submission", login["peer"])
        elif (found := _OF_QUEUE.match(text)) is not None:
            yield from self._heard(pid, caller, found["id"], found["rest"])

    def _heard(self, pid: str, caller: _Caller, queue_id: str, text: str) -> Iterator[Event]:
        if (taken := _TAKEN.match(text)) is not None:
            if queue_id == "NOQUEUE":
                caller = self._callers[pid] = _Caller(tls=caller.tls)
            caller.recipients.append(taken["to"])
            caller.sender, caller.helo, caller.protocol = taken["sender"], taken["helo"] or "", taken["proto"]
        elif (client := _CLIENT.match(text)) is not None:
            message = self._message(queue_id)
            message.caller, message.peer, message.login = caller, client["peer"], client["login"] or ""
            message.local = message.peer in self._own and not message.login
        elif (refused := _REJECT.match(text)) is not None:
            reply = reply_in(refused["reply"])
            if reply is not None:
                yield CommandRefused(
                    refused["peer"],
                    stage_in(refused["command"]),
                    refused["to"] or "",
                    reply.code,
                    reply.text,
                    refused["sender"] or "",
                    "" if queue_id == "NOQUEUE" else queue_id,
                )

    def _cleanup(self, pid: str, text: str, now: float) -> Iterator[Event]:
        found = _OF_QUEUE.match(text)
        if found is None:
            return
        message = self._message(found["id"])
        if found["rest"].startswith("message-id="):
            message.message_id = found["rest"].removeprefix("message-id=")
        elif (subject := _SUBJECT.match(found["rest"])) is not None:
            message.subject = readable(subject["subject"])
        yield from ()

    def _pickup(self, pid: str, text: str, now: float) -> Iterator[Event]:
        found = _OF_QUEUE.match(text)
        if found is not None:
            self._message(found["id"]).local = True
        yield from ()

    def _qmgr(self, pid: str, text: str, now: float) -> Iterator[Event]:
        found = _OF_QUEUE.match(text)
        if found is None:
            return
        queue_id, rest = found["id"], found["rest"]
        if rest == "removed":
            self._messages.pop(queue_id, None)
            yield MailRemoved(queue_id)
        elif (active := _ACTIVE.match(rest)) is not None:
            message = self._message(queue_id)
            message.sender, message.size = active["sender"], int(active["size"])
            message.sessions.clear()
            yield from self._birth(queue_id, message)
        elif "status=expired" in rest:
            message = self._message(queue_id)
            for recipient, reason in message.waiting.items():
                yield RecipientsFailed(queue_id, (recipient,), "4.4.7", f"expired; at last: {reason}")

    def _birth(self, queue_id: str, message: _Message) -> Iterator[Event]:
        """Told once, when the queue has it; one from before this reader began has been told then."""
        if message.told:
            return
        caller = message.caller
        if message.parent:
            message.told = True
            to = unique(caller.recipients) if caller else ()
            yield MailSubmitted(
                queue_id, message.message_id, message.sender, to, message.size, message.subject, message.parent
            )
        elif caller is not None:
            message.told = True
            yield self._taken(queue_id, message, caller)

    def _taken(self, queue_id: str, message: _Message, caller: _Caller) -> Event:
        recipients = unique(caller.recipients)
        if message.local:
            return MailSubmitted(
                queue_id, message.message_id, message.sender, recipients, message.size, message.subject
            )
        protocol = caller.protocol + ("S" if caller.tls else "") + ("A" if message.login else "")
        return MailAccepted(
            queue_id,
            message.message_id,
            message.sender,
            recipients,
            message.size,
            message.peer,
            caller.helo,
            protocol,
            message.subject,
        )

    # -- mail goes out ---------------------------------------------------------------------------------------

    def _agent(self, pid: str, text: str, now: float) -> Iterator[Event]:
        """smtp, lmtp, virtual, local, error: whoever delivers."""
        if (refused := _CONNECT.match(text)) is not None:
            self._note(
                pid, refused["name"], refused["address"], int(refused["port"]), Stage.CONNECT, refused["why"]
            )
            return
        found = _OF_QUEUE.match(text)
        if found is None:
            return
        if (delivery := _DELIVERY.match(found["rest"])) is not None:
            yield from self._delivery(pid, found["id"], delivery, now)
        elif (host := _HOST.match(found["rest"])) is not None:
            yield from self._trouble(pid, found["id"], host)

    def _note(self, pid: str, name: str, address: str, port: int, stage: Stage, why: str) -> None:
        """A connection that came to nothing. Whose it was, the next line of the process says."""
        event = ConnectionFailed(0, "", name, address, port, 0, stage, failure_in(why), "next")
        self._failed.setdefault(pid, []).append(event)

    def _trouble(self, pid: str, queue_id: str, host: re.Match[str]) -> Iterator[Event]:
        """An exchanger that said no, or hung up, before another one is tried."""
        said = _SAID.match(host["rest"])
        reply = reply_in(said["reply"]) if said else None
        if said is None or reply is None:
            stage = stage_in(host["rest"])
            self._note(pid, host["name"], host["address"], 25, stage, host["rest"])
            return
        session = self._next_session()
        command = said["command"] or ""
        yield ConnectionOpened(session, "", host["name"], host["address"], 25, 0, queue_id)
        yield ReplyReceived(
            session, stage_in(command), _verb(command), reply.code, reply.text, "next exchanger", queue_id=queue_id
        )

    def _delivery(self, pid: str, queue_id: str, found: re.Match[str], now: float) -> Iterator[Event]:
        message = self._message(queue_id)
        recipient, destination = found["to"], domain_of(found["to"])
        for failed in self._failed.pop(pid, ()):
            session = self._next_session()
            yield replace(failed, session=session, destination=destination, queue_id=queue_id)
        yield from self._forwarded(queue_id, message, found)
        message.waiting.pop(recipient, None)
        relay = _RELAY.match(found["relay"])
        if relay is not None and found["status"] != "deferred":
            yield from self._opened(queue_id, message, destination, relay)
        yield from self._outcome(queue_id, message, found, relay, now)

    def _opened(
        self, queue_id: str, message: _Message, destination: str, relay: re.Match[str]
    ) -> Iterator[ConnectionOpened]:
        if relay[0] not in message.sessions:
            message.sessions[relay[0]] = session = self._next_session()
            port = int(relay["port"])
            yield ConnectionOpened(session, destination, relay["name"], relay["address"], port, 0, queue_id)

    def _forwarded(self, queue_id: str, message: _Message, found: re.Match[str]) -> Iterator[Event]:
        """An alias shows by its outcomes, one new recipient at a time."""
        original = found["original"]
        if not original or original.lower() == found["to"].lower():
            return
        targets = message.forwards.setdefault(original, [])
        if found["to"] not in targets:
            targets.append(found["to"])
            yield MailForwarded(queue_id, original, tuple(targets))

    def _outcome(
        self, queue_id: str, message: _Message, found: re.Match[str], relay: re.Match[str] | None, now: float
    ) -> Iterator[Event]:
        recipient, why = found["to"], found["why"]
        match found["status"]:
            case "sent" if relay is not None:
                session = message.sessions.get(relay[0], 0)
                yield MailRelayed(queue_id, (recipient,), relay["name"], relay["address"], why, session)
            case "sent" if "/lmtp" in found["relay"]:
                yield from self._deliveries.sent(queue_id, recipient, why)
            case "sent":
                yield MailDelivered(queue_id, recipient, recipient)
            case "bounced" | "expired":
                yield from self._reason(queue_id, message, found, relay)
                yield RecipientsFailed(queue_id, (recipient,), found["dsn"], _bare(why))
            case _:
                yield from self._reason(queue_id, message, found, relay)
                message.attempts[recipient] = attempt = message.attempts.get(recipient, 0) + 1
                message.waiting[recipient] = _bare(why)
                due = self._back_off.next_try(now, float(found["delay"]))
                yield MailDeferred(queue_id, (recipient,), domain_of(recipient), _bare(why), due, attempt)

    def _reason(
        self, queue_id: str, message: _Message, found: re.Match[str], relay: re.Match[str] | None
    ) -> Iterator[Event]:
        """What the last host asked, or the DNS, said to it."""
        why = found["why"]
        if (name := _NAME.search(why)) is not None:
            rcode = "SERVFAIL" if "try again" in name["why"] else "NXDOMAIN"
            yield NameResolved(name["name"], name["type"], rcode, queue_id=queue_id)
        host = _HOST.match(why)
        said = _SAID.match(host["rest"]) if host else None
        reply = reply_in(said["reply"]) if said else None
        if relay is not None and said is not None and reply is not None:
            yield from self._opened(queue_id, message, domain_of(found["to"]), relay)
            command = said["command"] or ""
            follows = "bounce" if found["status"] == "bounced" else "later"
            yield ReplyReceived(
                message.sessions[relay[0]],
                stage_in(command),
                _verb(command),
                reply.code,
                reply.text,
                follows,
                queue_id=queue_id,
            )

    def _bounce(self, pid: str, text: str, now: float) -> Iterator[Event]:
        found = _OF_QUEUE.match(text)
        notice = _NOTICE.match(found["rest"]) if found else None
        if found is None or notice is None:
            return
        original, child = self._message(found["id"]), self._message(notice["id"])
        to = original.sender if notice["to"] == "sender" else "postmaster"
        child.parent, child.caller = found["id"], _Caller([to])
        if child.size:
            yield from self._birth(notice["id"], child)
        if notice["kind"] == "non-delivery":
            yield BounceSent(found["id"], notice["id"], to)
        elif notice["kind"] == "delay":
            yield DelayWarned(found["id"], tuple(original.waiting), notice["id"])

    def _next_session(self) -> int:
        self._sessions += 1
        return self._sessions


def _verb(command: str) -> str:
    """ "RCPT TO command" is RCPT; "end of DATA command" the final dot.

    >>> _verb("RCPT TO command"), _verb("end of DATA command"), _verb("")
    ('RCPT', '.', '')
    """
    if command.startswith("end of"):
        return "."
    return command.split(" ", 1)[0]


def _bare(why: str) -> str:
    """The reason without Postfix's frame around another host's words."""
    found = re.match(r"host \S+ said: (.*?)(?: \(in reply to .*\))?$", why)
    return found[1] if found else why
