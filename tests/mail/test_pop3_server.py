"""A mail host's POP3 service with its clients, in memory."""

from __future__ import annotations

import asyncio

import pytest

from lab.events import LoginRefused, MailRead
from lab.fabric.faults import Down
from tests.mail.post_office import ED, MAIL, OFFICE, Caller, Office, in_memory

ONE, TWO = b"Subject: one\r\n\r\nfirst\r\n", b"Subject: two\r\n\r\n.dot\r\n"


async def logged_in(here: Office, port: int = 110, **options: object) -> Caller:
    ed = await here.call(port, **options)
    assert (await ed.line()).startswith("+OK mail.belgiannews.com POP3")
    assert (await ed.ask("USER ed", "PASS secret")).startswith("+OK 2 messages")
    return ed


def test_what_is_deleted_goes_at_quit() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        ed = await logged_in(here)
        assert await ed.ask("RETR 2") == f"+OK {len(TWO)} octets"
        assert await ed.rest() == "Subject: two\n\n..dot\n"
        await ed.ask("DELE 1")
        assert here.inbox() == [ONE, TWO]
        assert await ed.ask("QUIT") == "+OK mail.belgiannews.com goodbye, 1 message left"
        assert here.inbox() == [TWO]
        assert await ed.line() == ""

    here = in_memory(story)
    [read] = here.events(MailRead)
    assert (read.mailbox, read.how) == (ED, "POP3")


def test_a_connection_that_breaks_deletes_nothing() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        ed = await logged_in(here)
        await ed.ask("DELE 1", "DELE 2")
        ed.hang_up()
        await asyncio.sleep(1)
        again = await logged_in(here)
        assert (await again.ask("STAT")).startswith("+OK 2 ")

    assert len(in_memory(story).inbox()) == 2


def test_a_maildrop_is_one_client_s_at_a_time() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        ed = await logged_in(here)
        other = await here.call(110)
        await other.line()
        assert (await other.ask("USER ed@belgiannews.com", "PASS secret")).startswith("-ERR [IN-USE]")
        assert (await other.ask("USER eve", "PASS evening")).startswith("+OK 0 messages")
        await ed.ask("QUIT")
        assert await logged_in(here)

    in_memory(story)


def test_the_snapshot_stays_while_mail_comes_and_goes() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        ed = await logged_in(here)
        folder = here.mail.local.store.account(ED).open("INBOX")
        await folder.append(b"Subject: three\r\n\r\n")
        await folder.expunge([folder.entries()[0].uid])
        assert (await ed.ask("STAT")).startswith("+OK 2 ")
        assert "another program" in await ed.ask("RETR 1")
        assert (await ed.ask("RETR 2")).startswith("+OK")

    in_memory(story)


def test_commands_may_be_sent_before_the_replies_are_read() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        ed = await here.call(110)
        ed.writer.write(b"USER ed\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n")
        said = (await ed.reader.read()).decode()
        assert [line[:3] for line in said.splitlines() if line[:1] in ("+", "-")] == ["+OK"] * 5

    in_memory(story)


def test_each_wrong_password_costs_more_time_whoever_is_named() -> None:
    async def story(here: Office) -> None:
        loop, waits = asyncio.get_running_loop(), []
        for name in ("ed", "nobody", "ed"):
            guesser = await here.call(110)
            await guesser.line()
            began = loop.time()
            assert (await guesser.ask(f"USER {name}", "PASS guess")).startswith("-ERR [AUTH]")
            waits.append(loop.time() - began)
        assert waits == [1.0, 2.0, 4.0]

    here = in_memory(story)
    assert [(told.user, told.service) for told in here.events(LoginRefused)] == [
        ("ed", "POP3"),
        ("nobody", "POP3"),
        ("ed", "POP3"),
    ]
    assert "guess" not in "".join(map(repr, here.fabric.log))


def test_a_host_that_fails_gives_the_maildrop_free() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        ed = await logged_in(here)
        await ed.ask("DELE 1")
        await here.fabric.fail(MAIL, Down())
        await here.fabric.heal(MAIL)
        assert await logged_in(here)

    assert len(in_memory(story).inbox()) == 2


def test_tls_comes_by_command_or_from_the_start() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        trust = here.fabric.hosts[here.mail.host.name].trust
        await logged_in(here, 995, ssl=trust, server_hostname="mail.belgiannews.com")
        eve = await here.call(110)
        await eve.line()
        eve.writer.write(b"STLS\r\nUSER injected\r\n")
        assert await eve.line() == "+OK begin TLS"
        await eve.writer.start_tls(trust, server_hostname=OFFICE)
        assert (await eve.ask("PASS evening")) == "-ERR USER comes first"
        assert (await eve.ask("USER eve", "PASS evening")).startswith("+OK 0 messages")
        eve.writer.close()

    in_memory(story)


def test_a_client_that_speaks_no_tls_to_a_sealed_port_is_dropped() -> None:
    async def story(here: Office) -> None:
        stranger = await here.call(995)
        stranger.writer.write(b"USER ed\r\n")
        with pytest.raises(ConnectionResetError):
            await stranger.reader.read()

    in_memory(story)


def test_silence_ends_a_session_and_gives_the_maildrop_free() -> None:
    async def story(here: Office) -> None:
        await here.file(ONE, TWO)
        silent = await logged_in(here)
        assert await silent.reader.read() == b""
        assert await logged_in(here)

    in_memory(story)


def test_a_thousand_open_sessions_are_served() -> None:
    async def story(here: Office) -> None:
        callers = [await here.call(110) for _ in range(1_000)]
        for caller in callers:
            assert (await caller.line()).startswith("+OK")
        assert (await callers[-1].ask("USER ed", "PASS secret")).startswith("+OK")

    in_memory(story)


def test_a_line_without_end_is_refused_and_costs_no_memory() -> None:
    async def story(here: Office) -> None:
        caller = await here.call(110)
        await caller.line()
        for _ in range(40):
            caller.writer.write(b"A" * 50_000)
            await caller.writer.drain()
        assert await caller.ask("") == "-ERR line too long"

    in_memory(story)


def test_port_80_has_one_file_and_answers_garbage() -> None:
    async def story(here: Office) -> None:
        for said, status in (
            (b"GET /mail/config-v1.1.xml HTTP/1.1\r\nHost: autoconfig.belgiannews.com\r\n\r\n", "200 OK"),
            (b"GET /mail/config-v1.1.xml HTTP/1.1\r\nHost: autoconfig.unige.ch\r\n\r\n", "404 Not Found"),
            (b"\x16\x03\x01\r\n\r\n", "400 Bad Request"),
            (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200, "404 Not Found"),
        ):
            caller = await here.call(80)
            caller.writer.write(said)
            assert await caller.line() == f"HTTP/1.1 {status}"

    in_memory(story)
