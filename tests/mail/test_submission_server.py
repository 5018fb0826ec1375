"""People hand in their mail at 587 and 465, in memory: who may, under which name, and what is added."""

from __future__ import annotations

import base64
import ssl
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab.events import CommandRefused, LoginRefused, MailAccepted
from lab.fabric.faults import HostFaults
from lab.mail.dialogue import Dialogue, Phase, Terms
from lab.mail.relay import place_of
from lab.names import EmailAddress
from lab.wire import sasl
from tests.mail.post_office import ED, MAIL, PLAN, Caller, Office, in_memory

PLAIN = f"AUTH PLAIN {base64.b64encode(bytes(1) + b'ed' + bytes(1) + b'secret').decode()}"
HELLO = "EHLO pc.belgiannews.com"


async def reply(caller: Caller, *lines: str) -> str:
    """Say lines one by one; the whole of the last reply."""
    said = ""
    for line in lines:
        caller.writer.write(f"{line}\r\n".encode())
        said = part = await caller.line()
        while part[3:4] == "-":
            said += "\n" + (part := await caller.line())
    return said


async def client(here: Office, port: int = 587, **options: object) -> Caller:
    caller = await here.call(port, **options)
    assert (await caller.line()).startswith("220 mail.belgiannews.com")
    return caller


def trust(here: Office) -> ssl.SSLContext:
    return here.fabric.hosts[MAIL].trust


async def sent(caller: Caller, text: str = "Subject: hi\r\n\r\nhello") -> str:
    return await reply(
        caller, "MAIL FROM:<ed@belgiannews.com>", "RCPT TO:<eve@belgiannews.com>", "DATA", f"{text}\r\n."
    )


def test_what_is_submitted_is_completed_and_its_way_is_told() -> None:
    async def story(here: Office) -> None:
        ed = await client(here)
        assert "STARTTLS" in await reply(ed, HELLO)
        await reply(ed, "STARTTLS")
        await ed.writer.start_tls(trust(here), server_hostname=MAIL)
        offers = await reply(ed, HELLO)
        assert "STARTTLS" not in offers
        assert "250-AUTH SCRAM-SHA-256 PLAIN LOGIN\n" in offers
        assert await reply(ed, PLAIN) == "235 2.7.0 welcome"
        assert (await sent(ed)).startswith("250 2.0.0 queued")

    here = in_memory(story)
    [accepted] = here.events(MailAccepted)
    assert (accepted.protocol, accepted.sender) == ("ESMTPSA", ED)
    assert accepted.message_id == f"<{accepted.queue_id}@{MAIL}>"
    store = here.mail.local.store
    octets = store.read(eve := store.find("eve"), store.messages(eve)[0].uid).decode()
    assert f"with ESMTPSA id {accepted.queue_id}" in octets
    assert f"Message-ID: <{accepted.queue_id}@{MAIL}>\r\n" in octets
    assert "\r\nDate: Mon, 05 Jan 2026" in octets
    assert "From: ed@belgiannews.com\r\nTo: eve@belgiannews.com\r\nSubject: hi\r\n" in octets


def test_tls_may_be_there_from_the_start() -> None:
    async def story(here: Office) -> None:
        ed = await client(here, 465, ssl=trust(here), server_hostname="mail.belgiannews.com")
        assert "STARTTLS" not in await reply(ed, HELLO)
        await reply(ed, PLAIN)
        assert (await sent(ed)).startswith("250")

    [accepted] = in_memory(story).events(MailAccepted)
    assert accepted.protocol == "ESMTPSA"


@pytest.mark.parametrize("mechanism", list(sasl.ANSWERS))
def test_every_mechanism_leads_in(mechanism: str) -> None:
    async def story(here: Office) -> None:
        answers = sasl.ANSWERS[mechanism]("ed@belgiannews.com", "secret", Random(1))
        ed = await client(here)
        said = await reply(ed, HELLO, f"AUTH {mechanism}")
        answer = next(answers)
        while said.startswith("334"):
            said = await reply(ed, base64.b64encode(answer).decode())
            if said.startswith("334"):
                answer = answers.send(base64.b64decode(said[4:]))
        assert said == "235 2.7.0 welcome"

    in_memory(story)


def test_nobody_submits_without_a_login_or_under_another_s_name() -> None:
    async def story(here: Office) -> None:
        ed = await client(here)
        assert (await reply(ed, HELLO, "MAIL FROM:<ed@belgiannews.com>")) == "530 5.7.0 log in first: AUTH"
        await reply(ed, PLAIN)
        said = await reply(ed, "MAIL FROM:<eve@belgiannews.com>")
        assert said == "553 5.7.1 <eve@belgiannews.com> is not yours; you are <ed@belgiannews.com>"
        assert (await reply(ed, "MAIL FROM:<ann@unige.ch>")).startswith("553")
        assert (await reply(ed, "MAIL FROM:<News@belgiannews.com> AUTH=<>")).startswith("250")  # an alias of ed's
        assert (await reply(ed, "RCPT TO:<luc@eunet.be>")).startswith("250")  # who is logged in may send anywhere

    in_memory(story)


def test_a_wrong_password_waits_and_never_reaches_the_log() -> None:
    async def story(here: Office) -> None:
        ed = await client(here)
        wrong = base64.b64encode(b"\0ed\0hunter2").decode()
        await reply(ed, HELLO)
        for line in (f"AUTH PLAIN {wrong}", f"AUTH NTLM {wrong}", f"AUTH PLAIN {wrong}!"):
            assert (await reply(ed, line))[:3] in ("535", "504", "501")
        said = [await reply(ed, f"AUTH PLAIN {wrong}") for _ in range(4)]
        assert [line[:3] for line in said] == ["535", "535", "535", "421"]
        assert await ed.line() == ""

    here = in_memory(story)
    assert [told.user for told in here.events(LoginRefused)] == ["ed"] * 5
    assert {told.argument for told in here.events(CommandRefused)} == {"ed", ""}
    told = "".join(map(repr, here.fabric.log))
    assert "hunter2" not in told
    assert base64.b64encode(b"\0ed\0hunter2").decode() not in told


def test_what_came_in_the_clear_behind_starttls_is_forgotten() -> None:
    async def story(here: Office) -> None:
        ed = await client(here)
        await reply(ed, HELLO)
        ed.writer.write(b"STARTTLS\r\nMAIL FROM:<stranger@evil.org>\r\n")
        assert (await ed.line()).startswith("220")
        await ed.writer.start_tls(trust(here), server_hostname=MAIL)
        assert (await reply(ed, "NOOP")) == "250 2.0.0 ok"
        assert (await reply(ed, "MAIL FROM:<ed@belgiannews.com>")).startswith("503 5.5.1 say EHLO")

    in_memory(story)


def test_port_25_takes_tls_but_no_logins_and_adds_nothing() -> None:
    async def story(here: Office) -> None:
        stranger = await client(here, 25)
        offers = await reply(stranger, HELLO)
        assert "STARTTLS" in offers
        assert "AUTH" not in offers
        assert (await reply(stranger, PLAIN)).startswith("500 5.5.1 no such command: AUTH")
        await reply(stranger, "STARTTLS")
        await stranger.writer.start_tls(trust(here), server_hostname=MAIL)
        await reply(stranger, HELLO)
        assert (await sent(stranger)).startswith("250")

    here = in_memory(story)
    [accepted] = here.events(MailAccepted)
    assert (accepted.protocol, accepted.message_id) == ("ESMTPS", "")


class NoLogins:
    """A host whose people have no passwords."""

    terms = sasl.Terms(lambda login: None, MAIL, Random(1))

    def address(self, login: str) -> EmailAddress:
        raise AssertionError("nobody came in")


LINES = [
    "EHLO pc",
    "STARTTLS",
    "AUTH PLAIN",
    "AUTH LOGIN",
    "AUTH SCRAM-SHA-256",
    "AUTH PLAIN AA==",
    "*",
    "=",
    "QUIT",
]


@given(some.lists(some.sampled_from(LINES).map(str.encode) | some.binary(max_size=40), max_size=12))
def test_garbage_is_answered_and_lets_nobody_in(lines: list[bytes]) -> None:
    place = place_of(MAIL, (), PLAN)
    talk = Dialogue(Terms(place, frozenset(), HostFaults(), 10_000, tls=True, logins=NoLogins()), None)
    talk.greet()
    for line in lines:
        turn = talk.take(line + b"\r\n")
        assert 200 <= turn.reply.code < 600
        assert talk.login is None
        if talk.phase is Phase.OVER:
            return
