"""IMAP sessions side by side: what one does the other hears, and what nobody may do to anybody."""

from __future__ import annotations

import asyncio
import ssl

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.events import LoginRefused, MailRead
from lab.names import EmailAddress
from tests.mail.imap_world import HOME, PLAIN, STUDENT, World, play


def test_who_idles_is_told_at_once() -> None:
    async def story(world: World) -> None:
        idlers = [await world.client() for _ in range(20)]
        for idler in idlers:
            assert await idler.says("i IDLE") == ["+ idling"]
        before = world.fabric.clock.elapsed()
        await world.deliver()
        for idler in idlers:
            assert await idler.hears() == "* 4 EXISTS"
        assert world.fabric.clock.elapsed() - before < 0.05
        assert (await idlers[0].says("DONE"))[-1] == "i OK no longer idle"

    play(story)


def test_who_idles_hears_of_flags_and_expunges_too() -> None:
    async def story(world: World) -> None:
        idler, other = await world.client(), await world.client()
        await idler.says("i IDLE")
        await other.says("a STORE 2 +FLAGS (\\Deleted)")
        assert await idler.hears() == "* 2 FETCH (FLAGS (\\Deleted \\Recent))"
        await other.says("b EXPUNGE")
        assert await idler.hears() == "* 2 EXPUNGE"

    play(story)


def test_idle_says_nothing_when_nothing_happens() -> None:
    async def story(world: World) -> None:
        idler = await world.client()
        await idler.says("i IDLE")
        await asyncio.sleep(600)
        assert await idler.soon() == []

    play(story)


def test_a_message_is_recent_to_one_session_only() -> None:
    async def story(world: World) -> None:
        first, second = await world.client(select=""), await world.client(select="")
        assert "* 3 RECENT" in await first.says("a SELECT INBOX")
        assert "* 0 RECENT" in await second.says("a SELECT INBOX")

    play(story)


def test_two_clients_on_one_mailbox_keep_their_own_numbers() -> None:
    async def story(world: World) -> None:
        one, two = await world.client(), await world.client()
        await one.says("a STORE 1 +FLAGS.SILENT (\\Deleted)")
        await one.says("b EXPUNGE")
        assert "* 1 FETCH (UID 2)" in await one.says("c FETCH 1 UID")
        assert "* 2 FETCH (UID 2)" in await two.says("c FETCH 2 UID")
        assert "* 1 EXPUNGE" in await two.says("d NOOP")
        assert "* 1 FETCH (UID 2)" in await two.says("e FETCH 1 UID")

    play(story)


def test_a_folder_that_another_deletes_is_empty_then() -> None:
    async def story(world: World) -> None:
        one = await world.client(select="")
        await one.says("a CREATE Work")
        await one.says("b APPEND Work {3+}\r\nHi!")
        await one.says("c SELECT Work")
        other = await world.client()
        await other.says("a DELETE Work")
        assert "* 1 EXPUNGE" in await one.says("d NOOP")
        assert (await one.says("e FETCH 1 FLAGS"))[-1].startswith("e BAD")

    play(story)


def test_nobody_reads_anothers_mail() -> None:
    async def story(world: World) -> None:
        ann = await world.client("", "ann", "hush")
        for name in ("ed", "~ed", "../ed/Maildir", "/home/ed", "ed@belgiannews.com", "user.ed", "#shared/ed"):
            assert not (await ann.says(f'a SELECT "{name}"'))[-1].startswith("a OK")
        assert "* 0 EXISTS" in await ann.says("b SELECT INBOX")

    play(story)


def test_a_wrong_password_is_slow_told_in_the_log_and_in_it_nowhere() -> None:
    async def story(world: World) -> None:
        client = await world.dial()
        await client.hears()
        before = world.fabric.clock.elapsed()
        for attempt in range(4):
            assert "AUTHENTICATIONFAILED" in (await client.says(f"a{attempt} LOGIN ed Pa55word"))[-1]
        assert world.fabric.clock.elapsed() - before > 10
        assert "AUTHENTICATIONFAILED" in (await client.says("z LOGIN ed Pa55word"))[-1]
        assert await client.soon() == ["* BYE that were too many wrong passwords", "(closed)"]
        assert world.events(LoginRefused)[0] == LoginRefused("ed", "IMAP", "198.18.1.1")
        assert "Pa55word" not in str([entry.event for entry in world.fabric.log])

    play(story)


def test_headers_alone_are_not_reading() -> None:
    async def story(world: World) -> None:
        client = await world.client()
        await client.says("a FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        assert world.events(MailRead) == []
        await client.says("b FETCH 1 BODY[]")
        await client.says("c FETCH 2 BODY.PEEK[2]<0.4>")
        read = MailRead("ed@belgiannews.com", 1, "IMAP", len(PLAIN))
        assert world.events(MailRead) == [read, MailRead("ed@belgiannews.com", 2, "IMAP", 4)]

    play(story)


def test_over_quota_is_the_stores_own_no() -> None:
    async def story(world: World) -> None:
        ann = await world.client("INBOX", "ann", "hush")
        assert (await ann.says(b"a APPEND INBOX {9000+}\r\n" + b"x" * 9_000))[-1].startswith("a OK")
        assert "NO [OVERQUOTA]" in (await ann.says(b"b APPEND INBOX {9000+}\r\n" + b"x" * 9_000))[-1]
        assert '* QUOTA "" (STORAGE 9 9)' in await ann.says("c GETQUOTAROOT INBOX")

    play(story)


def test_a_full_disk_is_a_no_and_the_mailbox_is_whole() -> None:
    async def story(world: World) -> None:
        client = await world.client()
        disk = world.fabric.hosts[HOME].disk
        disk.full = True
        assert " NO " in (await client.says("a APPEND INBOX {3+}\r\nHi!"))[-1]
        assert " NO " in (await client.says("b COPY 1 INBOX"))[-1]
        assert " NO " in (await client.says("c CREATE Work"))[-1]
        disk.full = False
        assert (await client.says("d NOOP"))[-1].startswith("d OK")
        assert "* SEARCH 1 2 3" in await client.says("e SEARCH ALL")
        assert "* 4 EXISTS" in await client.says("f APPEND INBOX {3+}\r\nHi!")

    play(story)


def test_half_an_hour_of_silence_ends_the_session() -> None:
    async def story(world: World) -> None:
        client = await world.client()
        before = world.fabric.clock.elapsed()
        assert await client.hears() == "* BYE nothing was heard for half an hour"
        assert 1_800 <= world.fabric.clock.elapsed() - before <= 3_600

    play(story)


def test_a_client_that_vanishes_in_the_middle_leaves_nothing_behind() -> None:
    async def story(world: World) -> None:
        for line in (b"a FETCH 1:* BODY[]\r\n", b"a IDLE\r\n", b"a APPEND INBOX {300}\r\nhalf", b"a AUTHENTIC"):
            client = await world.client()
            client.writer.write(line)
            client.hang_up()
        await asyncio.sleep(1)
        inbox = world.mail.local.store.account(EmailAddress("ed@belgiannews.com")).open("INBOX")
        assert len(inbox.entries()) == 3

    play(story)


def test_a_thousand_sessions_at_once() -> None:
    async def story(world: World) -> None:
        clients = [await world.dial() for _ in range(1_000)]
        for client in clients:
            assert (await client.hears()).startswith("* OK")
        assert (await clients[-1].says("a NOOP"))[-1].startswith("a OK")

    play(story, messages=())


def test_a_client_that_does_not_read_does_not_fill_the_memory() -> None:
    async def story(world: World) -> None:
        client = await world.client()
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(200):
            client.writer.write(b"a%d FETCH 1:* BODY.PEEK[]\r\n" % number)
        await asyncio.sleep(1)
        client.reader._transport.resume_reading()  # type: ignore[attr-defined]
        heard = ""
        while not heard.startswith("a199 OK"):
            heard = await client.hears()

    play(story, messages=(b"Subject: big\r\n\r\n" + b"x" * 60_000,) * 3)


def test_starttls_makes_it_safe_and_the_capabilities_know() -> None:
    async def story(world: World) -> None:
        client = await world.dial()
        await client.hears()
        assert "begin TLS" in (await client.says("a STARTTLS"))[-1]
        await world.fabric.hosts[STUDENT].spawn(client.writer.start_tls(_anyone(), server_hostname=HOME))
        await client.enter()
        assert "STARTTLS" not in (await client.says("b CAPABILITY"))[0]

    play(story)


def _anyone() -> ssl.SSLContext:
    """Who it is is for the tests of TLS; here it matters that the session goes on."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_VERBS = (
    *("SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "STATUS", "LIST", "LSUB", "APPEND", "SUBSCRIBE", "IDLE"),
    *(
        "FETCH",
        "UID FETCH",
        "STORE",
        "UID STORE",
        "SEARCH",
        "UID SEARCH",
        "COPY",
        "MOVE",
        "EXPUNGE",
        "CLOSE",
        "CHECK",
    ),
)
_ARGUMENTS = (
    *(
        "INBOX",
        "Archive",
        '""',
        "*",
        "%",
        "1",
        "1:*",
        "2,3",
        "$",
        "4294967295",
        "..",
        '"a/b"',
        "&AOk-",
        "{3+}\r\nabc",
    ),
    *(
        "(MESSAGES UIDNEXT)",
        "ALL",
        "FULL",
        "BODY[]",
        "BODY.PEEK[2]<0.4>",
        "(UID FLAGS)",
        "BODYSTRUCTURE",
        "BINARY[1]",
    ),
    *(
        "+FLAGS",
        "-FLAGS.SILENT",
        "(\\Seen \\Deleted)",
        "kw",
        "UNSEEN",
        "OR SEEN TEXT a",
        "RETURN (SAVE)",
        "MODSEQ 1",
    ),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(_VERBS), st.lists(st.sampled_from(_ARGUMENTS), max_size=4)), max_size=30)
)
def test_whatever_is_asked_has_an_answer_and_the_mailbox_is_whole(asked: list[tuple[str, list[str]]]) -> None:
    async def story(world: World) -> None:
        client = await world.client()
        for number, (verb, arguments) in enumerate(asked):
            said = await client.says(" ".join([f"a{number}", verb, *arguments]))
            if said[-1].startswith("+ idling"):
                said = await client.says("DONE")
            assert said[-1].startswith(f"a{number} "), said
            assert "SERVERBUG" not in said[-1], said
        assert (await client.says("z SELECT INBOX"))[-1].startswith("z OK")

    play(story)
