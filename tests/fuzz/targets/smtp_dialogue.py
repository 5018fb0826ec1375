"""A stranger's SMTP session with a whole mail host: it is answered line by line, and what got a 250 is there.

Promised: every reply is one; the number of messages accepted is the number of times that was said after a dot; and
however the network cut the octets, the dialogue is the same.
"""

from __future__ import annotations

import re

from lab.wire.smtp_reply import ReplyReader
from tests.fuzz.post_office import Offices
from tests.fuzz.target import Choices, Target

_ADDRESSES = (
    b"ed@belgiannews.com",
    b"ann@unige.ch",
    b"",
    b"ed@[198.18.3.25]",
    b'"e d"@belgiannews.com',
    b"news@belgiannews.com",
    b"postmaster",
    b"@a,@b:ed@belgiannews.com",
    b"ed@xn--belgi-rsa.com",
    "ré@éèç.be".encode(),
    b"ed@" + b"a." * 140 + b"be",
    b"a" * 300 + b"@be",
    b"ed@@x",
    b"ed@[IPv6:::1]",
    b"ed@[999.1.1.1]",
)
_MAIL_WORDS = (
    b"SIZE=100",
    b"SIZE=99999999999999999999",
    b"BODY=8BITMIME",
    b"BODY=BINARYMIME",
    b"SMTPUTF8",
    b"RET=HDRS",
    b"ENVID=a+2Bb+FF",
    b"ENVID=+",
    b"AUTH=<>",
    b"SIZE=\xd9\xa3",
)
_RCPT_WORDS = (b"NOTIFY=NEVER", b"NOTIFY=SUCCESS,FAILURE", b"ORCPT=rfc822;ed+40x", b"ORCPT=;", b"NOTIFY=")
_TEXTS = (
    b"Subject: hi\r\n\r\nhello\r\n..\r\n",
    b"",
    b"no header at all",
    b"Subject: =?utf-8?q?=FF?=\r\nMessage-ID: <\xff>\r\n\r\n",
    b"Received: x\r\n" * 31 + b"\r\n",
    b"bare\nends\rhere\r\n",
    b"x" * 1_200 + b"\r\n",
    b"\0\xff" * 30,
    b"y" * 30 + b"\r\n" + b"z" * 900,
)
_BARE = (
    b"RSET",
    b"NOOP",
    b"QUIT",
    b"HELP",
    b"HELP MAIL",
    b"VRFY ed",
    b"EXPN x",
    b"STARTTLS",
    b"AUTH PLAIN AAA=",
    b"DATA",
)
_ENDS = (b"\r\n",) * 14 + (b"\n", b"\r")


def _path(choices: Choices) -> bytes:
    return b"<" + choices.one_of(_ADDRESSES) + b">"


def _words(choices: Choices, options: tuple[bytes, ...]) -> bytes:
    return b"".join(b" " + word for word in choices.several(lambda some: some.one_of(options), 2))


def _hello(choices: Choices) -> bytes:
    return (
        choices.one_of((b"EHLO", b"HELO", b"ehlo"))
        + b" "
        + choices.one_of((b"x.org", b"[1.2.3.4]", b"", b"\xc3\xa9"))
    )


def _mail(choices: Choices) -> bytes:
    return b"MAIL FROM:" + _path(choices) + _words(choices, _MAIL_WORDS)


def _rcpt(choices: Choices) -> bytes:
    return b"RCPT TO:" + _path(choices) + _words(choices, _RCPT_WORDS)


def _text(choices: Choices) -> bytes:
    return b"DATA\r\n" + b"".join(choices.several(lambda some: some.one_of(_TEXTS), 2)) + b"\r\n."


def _bare(choices: Choices) -> bytes:
    return choices.one_of(_BARE)


def _whole(choices: Choices) -> bytes:
    return b"MAIL FROM:<ann@unige.ch>\r\nRCPT TO:<ed@belgiannews.com>\r\n" + _text(choices)


def dialogue(choices: Choices) -> bytes:
    said = [b"EHLO x.org\r\n"] if choices.below(4) else []
    for _ in range(1 + choices.below(10)):
        make = choices.one_of((_mail, _rcpt, _whole, _text, _bare, _hello))
        said.append(make(choices) + choices.one_of(_ENDS))
    return b"".join(said)


_OFFICES = Offices()
_ID = re.compile(rb"queued as \w+")


def run(octets: bytes) -> None:
    office = _OFFICES.one()
    before = office.accepted
    heard = office.said(25, octets)
    replies = ReplyReader().feed(heard)
    assert heard.startswith(b"220 "), heard[:40]
    assert heard.endswith(b"\r\n"), heard[-40:]
    promised = sum(reply.text.startswith("2.0.0 queued as") for reply in replies)
    assert office.accepted - before == promised, (office.accepted - before, promised)
    if len(octets) % 8 == 0 and b"STARTTLS" not in octets.upper():
        again = _ID.sub(b"", office.said(25, octets, pieces=7))
        whole = _ID.sub(b"", heard)
        goodbye = replies[-1].code in (221, 421)  # who goes on talking after it is reset, as by TCP
        assert whole.startswith(again) if goodbye else whole == again, "cut otherwise, answered otherwise"


_HELLO = b"EHLO pc.unige.ch\r\nMAIL FROM:<ann@unige.ch> SIZE=20\r\nRCPT TO:<ed@belgiannews.com> NOTIFY=SUCCESS\r\n"
TARGET = Target(run, dialogue, (_HELLO + b"DATA\r\nSubject: hi\r\n\r\n..dot\r\n.\r\nQUIT\r\n",))
