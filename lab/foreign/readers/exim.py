"""Exim's main log into events.

    told                                                       not told, so not in the events
    taken: envelope, size, Message-ID, subject, peer, HELO     a refusal's code: 550, or 451 ("temporarily")
    refused at a command, with the text                        the MX list, an exchanger's preference (`beside`)
    each exchanger that failed, and how                        names that were found
    replies of others where they are not 250                   the commands that went well
    delivered, relayed, deferred, failed, completed            the next try: it follows from the retry rules
    bounces, with the message they are about                   whom a warning about a delay was for

The rule: "<=" a message came, "=>" and "->" it went, "==" it waits, "**" it failed, "Completed" it is gone; the
id stands in front. "retry time not reached" is no try. Exim's specification, chapter 53, "Log files".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import field

from lab.events import (
    BounceSent,
    CommandRefused,
    ConnectionFailed,
    ConnectionOpened,
    Event,
    LoginRefused,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    RecipientsFailed,
    ReplyReceived,
    Stage,
)
from lab.foreign.readers.deliveries import Deliveries
from lab.foreign.readers.reader import domain_of, failure_in, reply_in, stage_in
from lab.mail.retry import Schedule
from lab.values import dataclass
from lab.wire.smtp_reply import Reply

_LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:.]{8,12} (?:\[\d+\] )?(?:(?P<id>\w{6}-\w{6,11}-\w{2,4}) )?(?P<text>.*)")
_FLAG = re.compile(r"(?P<flag><=|=>|->|>>|\*\*|==|\*>) (?P<rest>.*)")
_FIELD = re.compile(r' (?P<key>[A-Za-z0-9]+)=(?P<value>"(?:[^"\\]|\\.)*"|\([^)]*\)|\S+)')
_HOST = re.compile(
    r" H=(?P<name>[^\s(\[]+)? ?(?:\((?P<helo>[^)]*)\) ?)?\[(?P<address>[^\]]*)\](?::(?P<port>\d+))?"
)
_TO = re.compile(r" from <(?P<sender>[^>]*)>(?: for (?P<recipients>.*))?$")
_WHOM = re.compile(r"(?P<who>[^\s:]+)(?: \((?P<parents>[^)]*)\))?(?: <(?P<original>[^>]*)>)?(?P<rest>[ :].*|$)")
_DEFER = re.compile(r".* defer \((?P<number>-?\d+)\)(?: DT=\S+)?:? ?(?P<why>.*)")
_ERROR = re.compile(
    r"(?:SMTP error from remote mail server|LMTP error from remote mail server|H=\S+ \[[^\]]*\]:? SMTP error.*?)"
    r" after (?P<command>[^:]*(?:RCPT TO:<[^>]*>|MAIL FROM:<[^>]*>[^:]*|[^:]*)): (?P<reply>\d{3}.*)"
)
_REJECTED = re.compile(
    r"H=(?P<host>.*?)\[(?P<peer>[^\]]*)\].*? (?P<soft>temporarily )?rejected (?P<command>\w+(?: \w+)??)"
    r"(?: <(?P<to>[^>]*)>)?(?:: (?P<why>.*))?$"
)
_SENDER = re.compile(r" F=<(?P<sender>[^>]*)>")
_LOGIN = re.compile(
    r"(?P<how>\w+) authenticator failed for .*?\[(?P<peer>[^\]]*)\].*?(?:\(set_id=(?P<user>[^)]*)\))?$"
)
_LASTED = re.compile(r" DT=\S+$")
"""How long a delivery took: nothing of it."""
_NOT_YET = "retry time not reached"


@dataclass(slots=True)
class _Message:
    sender: str = ""
    sessions: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    forwards: dict[str, list[str]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)


class EximReader:
    """`own`: the host's addresses; what comes from them was handed in here."""

    def __init__(self, own: tuple[str, ...], schedule: Schedule, deliveries: Deliveries | None = None) -> None:
        self._own = (*own, "127.0.0.1", "::1")
        self._schedule = schedule
        self._deliveries = deliveries or Deliveries()
        self._messages: dict[str, _Message] = {}
        self._sessions = 0
        self._flags: dict[str, Callable[[str, str, float], Iterator[Event]]] = {
            "<=": self._came,
            "=>": self._went,
            "->": self._went,
            ">>": self._went,
            "**": self._failed,
            "==": self._waits,
        }

    def read(self, line: str, now: float) -> list[Event]:
        found = _LINE.match(line)
        if found is None:
            return []
        if found["id"] is None:
            return list(self._refused(found["text"], ""))
        flagged = _FLAG.match(found["text"])
        if flagged is not None and flagged["flag"] in self._flags:
            rest = _LASTED.sub("", flagged["rest"])
            return list(self._flags[flagged["flag"]](found["id"], rest, now))
        return list(self._remark(found["id"], found["text"]))

    # -- mail comes in ---------------------------------------------------------------------------------------

    def _came(self, queue_id: str, rest: str, now: float) -> Iterator[Event]:
        envelope = _TO.search(rest)
        fields = _fields(rest)
        sender = "" if rest.startswith("<>") else rest.split(" ", 1)[0]
        self._messages[queue_id] = _Message(sender)
        recipients = tuple(envelope["recipients"].split()) if envelope and envelope["recipients"] else ()
        message_id = f"<{fields['id']}>" if "id" in fields else ""
        size, subject = int(fields.get("S", "0")), fields.get("T", "")
        host = _HOST.search(rest)
        parent = fields.get("R", "")
        if host is None or (host["address"] in self._own and "A" not in fields):
            yield MailSubmitted(queue_id, message_id, sender, recipients, size, subject, parent)
            if parent and not sender:
                yield BounceSent(parent, queue_id, ", ".join(recipients))
            return
        yield MailAccepted(
            queue_id,
            message_id,
            sender,
            recipients,
            size,
            host["address"],
            host["helo"] or host["name"] or "",
            fields.get("P", "smtp").upper(),
            subject,
        )

    def _refused(self, text: str, queue_id: str) -> Iterator[Event]:
        if (login := _LOGIN.match(text)) is not None:
            yield LoginRefused(login["user"] or "", "submission", login["peer"])
            return
        found = _REJECTED.match(text)
        if found is None:
            return
        sender = _SENDER.search(text)
        code = 451 if found["soft"] else 550
        stage = Stage.EOM if "after DATA" in text else stage_in(found["command"], Stage.CONNECT)
        yield CommandRefused(
            found["peer"],
            stage,
            found["to"] or "",
            code,
            found["why"] or "",
            sender["sender"] if sender else "",
            queue_id,
        )

    # -- mail goes out ---------------------------------------------------------------------------------------

    def _went(self, queue_id: str, rest: str, now: float) -> Iterator[Event]:
        message = self._message(queue_id)
        fields = _fields(rest)
        reply = fields.get("C", "")
        recipient = yield from self._whom(queue_id, message, rest, reply)
        host = _HOST.search(rest)
        if host is not None and host["name"]:
            session, opened = self._opened(queue_id, message, recipient, host)
            yield from opened
            yield MailRelayed(queue_id, (recipient,), host["name"], host["address"], reply, session)
        elif " Saved" in reply:
            yield from self._deliveries.sent(queue_id, recipient, reply)
        else:
            yield MailDelivered(queue_id, recipient, recipient)

    def _waits(self, queue_id: str, rest: str, now: float) -> Iterator[Event]:
        found = _DEFER.match(rest)
        if found is None or _NOT_YET in found["why"]:
            return
        message = self._message(queue_id)
        recipient = yield from self._whom(queue_id, message, rest, "")
        host = _HOST.search(rest)
        why = found["why"]
        if host is not None and host["name"]:
            yield from self._said(queue_id, message, recipient, host, why, "later")
        tries = message.attempts.get(recipient, 0) + 1
        message.attempts[recipient] = tries
        due = self._schedule.next_due(now, tries, now)
        yield MailDeferred(queue_id, (recipient,), domain_of(recipient), _bare(why), due, tries)

    def _failed(self, queue_id: str, rest: str, now: float) -> Iterator[Event]:
        message = self._message(queue_id)
        recipient = yield from self._whom(queue_id, message, rest, "")
        host = _HOST.search(rest)
        why = rest.partition(": ")[2] or rest
        reply: Reply | None = None
        if host is not None and host["name"]:
            yield from self._said(queue_id, message, recipient, host, rest, "bounce")
            error = _ERROR.search(rest)
            reply = reply_in(error["reply"]) if error else None
        status = reply.status if reply else "4.4.7" if "retry timeout" in rest else _status(why)
        yield RecipientsFailed(queue_id, (recipient,), status, _bare(rest if reply else why))

    def _remark(self, queue_id: str, text: str) -> Iterator[Event]:
        """Lines of a message that no arrow stands in."""
        if text.startswith("Completed"):
            self._messages.pop(queue_id, None)
            yield MailRemoved(queue_id)
        elif text.startswith("cancelled by") or "rejected" in text:
            yield from self._refused(text, queue_id)
        elif text.startswith("H=") and (host := _HOST.search(" " + text)) is not None and "TLS error" not in text:
            yield from self._trouble(queue_id, host, (" " + text)[host.end() :])

    def _trouble(self, queue_id: str, host: re.Match[str], why: str) -> Iterator[Event]:
        """An exchanger that could not be had, or said no, before another one is tried."""
        message = self._message(queue_id)
        name, port = host["name"] or host["address"], int(host["port"] or 25)
        error = _ERROR.search(why)
        reply = reply_in(error["reply"]) if error else None
        if error is not None and reply is not None:
            session, opened = self._opened(queue_id, message, "", host)
            yield from opened
            stage, verb = stage_in(error["command"]), _verb(error["command"])
            yield ReplyReceived(session, stage, verb, reply.code, reply.text, "next exchanger", queue_id=queue_id)
            return
        self._sessions += 1
        stage = stage_in(why, Stage.CONNECT) if "after" in why else Stage.CONNECT
        yield ConnectionFailed(
            self._sessions, "", name, host["address"], port, 0, stage, failure_in(why), "next", queue_id=queue_id
        )

    def _said(
        self, queue_id: str, message: _Message, recipient: str, host: re.Match[str], text: str, follows: str
    ) -> Iterator[Event]:
        """The reply of another host that decided a recipient's fate."""
        error = _ERROR.search(text)
        reply = reply_in(error["reply"]) if error else None
        if error is not None and reply is not None:
            session, opened = self._opened(queue_id, message, recipient, host)
            yield from opened
            stage, verb = stage_in(error["command"]), _verb(error["command"])
            yield ReplyReceived(session, stage, verb, reply.code, reply.text, follows, queue_id=queue_id)

    def _opened(
        self, queue_id: str, message: _Message, recipient: str, host: re.Match[str]
    ) -> tuple[int, list[ConnectionOpened]]:
        key = f"{host['name']}[{host['address']}]"
        if key in message.sessions:
            return message.sessions[key], []
        self._sessions += 1
        message.sessions[key] = self._sessions
        port = int(host["port"] or 25)
        event = ConnectionOpened(
            self._sessions, domain_of(recipient), host["name"] or "", host["address"], port, 0, queue_id
        )
        return self._sessions, [event]

    def _whom(self, queue_id: str, message: _Message, rest: str, reply: str) -> Generator[Event, None, str]:
        """The final recipient of a line; on the way, that an alias led to it."""
        found = _WHOM.match(rest)
        if found is None:
            return rest.split(" ", 1)[0]
        who, original = found["who"], found["original"]
        whole = re.search(r"<([^>\s]+@[^>\s]+)> \S+ Saved", reply)
        if "@" not in who:
            parents = (found["parents"] or "").split()
            own = next((one for one in (*parents, original or "") if one.partition("@")[0] == who), "")
            who = whole[1] if whole else own or f"{who}@{domain_of(original or '')}"
        if original and original.lower() != who.lower():
            targets = message.forwards.setdefault(original, [])
            if who not in targets:
                targets.append(who)
                yield MailForwarded(queue_id, original, tuple(targets))
        return who

    def _message(self, queue_id: str) -> _Message:
        return self._messages.setdefault(queue_id, _Message())


def _fields(rest: str) -> dict[str, str]:
    """`P=esmtp S=541 T="a \\"word\\""` and the like, the first of each name."""
    found: dict[str, str] = {}
    for match in _FIELD.finditer(rest):
        value = match["value"]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        found.setdefault(match["key"], value)
    return found


def _verb(command: str) -> str:
    """
    >>> _verb("RCPT TO:<ed@belgiannews.com>"), _verb("end of data"), _verb("pipelined MAIL FROM:<>")
    ('RCPT', '.', 'MAIL')
    """
    words = command.removeprefix("pipelined ")
    return "." if words.startswith("end of data") else words.split(" ", 1)[0].split(":", 1)[0]


def _bare(why: str) -> str:
    found = _ERROR.search(why)
    return found["reply"] if found else why


def _status(why: str) -> str:
    """An enhanced code where the text has one (RFC 3463); else that it failed for good, and no more."""
    found = re.search(r"\b[45]\.\d{1,3}\.\d{1,3}\b", why)
    return found[0] if found is not None else "5.0.0"
