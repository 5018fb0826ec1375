"""Which message of OpenSMTPD's a notice of its own is about, by its trace (`smtpd -v -T bounce`).

The rule: the program that writes notices hands them in by SMTP at the same host; its dialogue names the message
that it is about, whom it is for, and in the end the id that the notice got. The mail server's own line about that
message may come before or after; the notice is told when both are known.

    debug: bounce: 0x56…: found message 8f651617
    bounce: 0x56…: >>> RCPT TO: <luc@eunet.be>
    bounce: 0x56…: <<< 250 2.0.0 e4754a63 Message accepted for delivery
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lab.events import BounceSent, DelayWarned, Event, MailSubmitted
from lab.values import dataclass

_FOUND = re.compile(r"debug: bounce: (?P<writer>0x\w+): found message (?P<about>[0-9a-f]{8})")
_TO = re.compile(r"bounce: (?P<writer>0x\w+): >>> RCPT TO: ?<(?P<to>[^>]*)>")
_TAKEN = re.compile(r"bounce: (?P<writer>0x\w+): <<< 250 2\.0\.0 (?P<id>[0-9a-f]{8}) ")


@dataclass(slots=True)
class _Notice:
    about: str
    to: str = ""


class Notices:
    """All of a host's."""

    def __init__(self) -> None:
        self._written: dict[str, _Notice] = {}
        """By who writes it now."""
        self._taken: dict[str, _Notice] = {}
        """By its own id, until the mail server tells of it."""
        self._told: dict[str, MailSubmitted] = {}
        """What the mail server has told, until it is known what it is about."""
        self._failed: set[str] = set()
        """Messages with a recipient that was given up; a notice about another one warns of a delay."""

    def hear(self, line: str) -> Iterator[Event]:
        if (found := _FOUND.match(line)) is not None:
            self._written[found["writer"]] = _Notice(found["about"])
        elif (to := _TO.match(line)) is not None and to["writer"] in self._written:
            self._written[to["writer"]].to = to["to"]
        elif (taken := _TAKEN.match(line)) is not None and taken["writer"] in self._written:
            notice = self._written.pop(taken["writer"])
            self._taken[taken["id"]] = notice
            yield from self._both(taken["id"])

    def told(self, event: MailSubmitted) -> Iterator[Event]:
        """The mail server took a message without a sender from a program at this host."""
        self._told[event.queue_id] = event
        yield from self._both(event.queue_id)

    def _both(self, id: str) -> Iterator[Event]:
        if id not in self._told or id not in self._taken:
            return
        event, notice = self._told.pop(id), self._taken.pop(id)
        yield replace(event, parent=notice.about)
        if notice.about in self._failed:
            yield BounceSent(notice.about, id, notice.to)
        else:
            yield DelayWarned(notice.about, (), id)

    def failed(self, id: str) -> None:
        self._failed.add(id)

    def no_longer(self, id: str) -> Iterator[Event]:
        """It is delivered, or tried: what it is about will not be known."""
        if id in self._told:
            yield self._told.pop(id)
