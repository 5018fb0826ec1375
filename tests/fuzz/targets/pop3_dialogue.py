"""A stranger's POP3 session, logged in or not: it is answered line by line, and only QUIT removes anything."""

from __future__ import annotations

from tests.fuzz.letters import LETTERS
from tests.fuzz.post_office import ED, Offices
from tests.fuzz.target import Choices, Target

_LOGINS = (
    b"USER ed\r\nPASS secret\r\n",
    b"USER ed@belgiannews.com\r\nPASS secret\r\n",
    b"AUTH PLAIN AGVkAHNlY3JldA==\r\n",
    b"AUTH LOGIN\r\nZWQ=\r\nc2VjcmV0\r\n",
    b"",
    b"AUTH PLAIN\r\n*\r\n",
    b"AUTH SCRAM-SHA-256 biwsbj1lZCxyPWFiYw==\r\nYz1iaXdz\r\n",
    b"APOP ed 00000000000000000000000000000000\r\n",
    b"USER \xff\r\nPASS \xc3\xa9\r\n",
    b"USER ed\xc2\xad\r\nPASS sec\xef\xbc\xb2et\r\n",
    b"USER @\r\nPASS \r\n",
    b"USER a@[1.2.3.4]\r\nPASS x\r\n",
)
_VERBS = (
    b"RETR",
    b"TOP",
    b"LIST",
    b"UIDL",
    b"DELE",
    b"STAT",
    b"NOOP",
    b"RSET",
    b"CAPA",
    b"QUIT",
    b"AUTH",
    b"STLS",
)
_ARGUMENTS = (
    b"",
    b"1",
    b"2",
    b"3",
    b"1 0",
    b"2 1",
    b"0",
    b"-1",
    b"999999999999",
    b"1 999999999",
    b" 1",
    b"\xd9\xa1",
)
_ENDS = (b"\r\n",) * 12 + (b"\n", b"\r", b"\0\r\n")


def _command(choices: Choices) -> bytes:
    line = choices.one_of(_VERBS)
    if choices.below(3):
        line += b" " + choices.one_of(_ARGUMENTS)
    return line + choices.one_of(_ENDS)


def dialogue(choices: Choices) -> bytes:
    login = choices.one_of(_LOGINS if choices.below(2) else _LOGINS[:4])
    return login + b"".join(_command(choices) for _ in range(choices.below(12)))


_OFFICES = Offices(LETTERS)


def run(octets: bytes) -> None:
    office = _OFFICES.one()
    inbox = office.mail.local.store.account(ED).open("INBOX")
    before = len(inbox.entries())
    heard = office.said(110, octets)
    assert heard.startswith(b"+OK "), heard[:40]
    assert heard.endswith(b"\r\n"), heard[-40:]
    inbox.look()
    if before and b"goodbye" not in heard:  # an empty one has been filled again
        assert len(inbox.entries()) == before, "removed without QUIT"


TARGET = Target(run, dialogue, (_LOGINS[0] + b"STAT\r\nUIDL\r\nTOP 2 1\r\nRETR 1\r\nDELE 1\r\nRSET\r\nQUIT\r\n",))
