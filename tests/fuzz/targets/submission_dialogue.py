"""A session at port 587, with logins: nobody sends without one, nor under a name that is not theirs."""

from __future__ import annotations

from lab.events import MailAccepted
from lab.wire.smtp_reply import ReplyReader
from tests.fuzz.post_office import ED, Offices
from tests.fuzz.target import Choices, Target
from tests.fuzz.targets import smtp_dialogue

_AUTHS = (
    b"AUTH PLAIN AGVkAHNlY3JldA==",
    b"AUTH LOGIN\r\nZWQ=\r\nc2VjcmV0",
    b"AUTH LOGIN ZWQ=\r\nc2VjcmV0",
    b"AUTH PLAIN\r\nAGVkAHdyb25n",
    b"AUTH PLAIN AGVkAHdyb25n",
    b"AUTH SCRAM-SHA-256 biwsbj1lZCxyPWFiYw==\r\nYz1iaXdzLHI9YWJjLHA9QUFBQQ==",
    b"AUTH PLAIN =",
    b"AUTH PLAIN \xff",
    b"AUTH LOGIN\r\n*",
    b"AUTH",
    b"AUTH CRAM-MD5",
    b"AUTH PLAIN " + b"A" * 4_000,
    b"AUTH LOGIN\r\n" + b"A" * 20_000,
)
_OWN = (
    b"MAIL FROM:<ed@belgiannews.com> AUTH=<>\r\nRCPT TO:<ann@belgiannews.com>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n."
)


def dialogue(choices: Choices) -> bytes:
    said = [b"EHLO x.org\r\n"]
    said += [choices.one_of(_AUTHS[:3] if choices.below(2) else _AUTHS) + b"\r\n" for _ in range(choices.below(3))]
    said += [_OWN + b"\r\n"] if choices.below(2) else []
    return b"".join(said) + smtp_dialogue.dialogue(choices)


_OFFICES = Offices()


def run(octets: bytes) -> None:
    office = _OFFICES.one()
    start = len(office.fabric.log)
    heard = office.said(587, octets)
    replies = ReplyReader().feed(heard)
    assert heard.startswith(b"220 ")
    events = [entry.event for entry in office.fabric.log.since(start)]
    taken = [event for event in events if isinstance(event, MailAccepted)]
    assert len(taken) == sum(reply.text.startswith("2.0.0 queued as") for reply in replies)
    if taken:
        assert any(reply.code == 235 for reply in replies), "taken from somebody who never logged in"
        assert {event.sender for event in taken} <= {ED, "", "news@belgiannews.com", "ed@[198.18.3.25]"}


TARGET = Target(run, dialogue, (b"EHLO x\r\n" + _AUTHS[0] + b"\r\n" + _OWN + b"\r\nQUIT\r\n",))
