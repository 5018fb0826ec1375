"""What POP3 and IMAP servers do wrong on purpose, as those see it who fetch their mail; and what they do not."""

from __future__ import annotations

import pytest

from lab.scenario import Net, Unmet
from tests.faults.world import NEWS, play, struck

ANN, ED = "ann@unige.ch", "ed@belgiannews.com"


async def filled(net: Net) -> None:
    for subject in ("one", "two"):
        await (await net.send(ANN, ED, subject=subject)).delivered()


def test_pop3_refuses_a_login_with_a_code_and_not_another_persons() -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS, f"refuse pop3 at login for {ED}")
        with pytest.raises(Unmet, match=r"-ERR \[SYS/TEMP\] as the keeper"):
            async with net.pop3(ED):
                pass
        async with net.pop3("news@belgiannews.com", "secret") as pop:
            assert await pop.stat() == (0, 0)
        async with net.imap(ED) as imap:
            assert await imap.select() == 0

    play(story)


def test_imap_refuses_a_login_and_the_client_stays_unknown() -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS, "refuse imap at login once saying [UNAVAILABLE] come later")
        with pytest.raises(Unmet, match=r"NO \[UNAVAILABLE\] come later"):
            async with net.imap(ED) as imap:
                pass
        async with net.imap(ED) as imap:
            assert await imap.select() == 0
        assert struck(net) == [
            f"refuse imap at login once saying [UNAVAILABLE] come later (imap login {ED})",
        ]

    play(story)


def test_a_refused_login_opens_nothing() -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS, "refuse imap at login")
        home = net.internet.host(NEWS)
        async with net.dialogue(home.name, port=143) as typed:
            await typed.reader.readline()
            typed.writer.write(f"a LOGIN {ED} secret\r\nb SELECT INBOX\r\n".encode())
            answers = [await typed.reader.readline() for _ in range(2)]
        assert [answer[:5] for answer in answers] == [b"a NO ", b"b BAD"]

    play(story)


@pytest.mark.parametrize("how", ["stall", "reset"])
def test_at_fetch_pop3_leaves_the_message_where_it_is(how: str) -> None:
    async def story(net: Net) -> None:
        await filled(net)
        net.fail(NEWS, f"{how} pop3 at fetch once")
        with pytest.raises((TimeoutError, Unmet, ConnectionError)):
            async with net.pop3(ED) as pop:
                await pop.fetch(1)
        async with net.pop3(ED) as pop:
            assert b"Subject: one" in await pop.fetch(1)

    play(story)


def test_refused_a_fetch_the_session_goes_on_and_nothing_is_marked_as_read() -> None:
    async def story(net: Net) -> None:
        await filled(net)
        net.fail(NEWS, "refuse pop3 at fetch once")
        net.fail(NEWS, "refuse imap at fetch once")
        async with net.pop3(ED) as pop:
            with pytest.raises(Unmet, match="-ERR"):
                await pop.fetch(1)
            assert (await pop.stat())[0] == 2
        async with net.imap(ED) as imap:
            await imap.select()
            with pytest.raises(Unmet, match="NO"):
                await imap.says("FETCH 1 BODY[]")
            assert r"\Seen" not in await imap.flags(1)

    play(story)


def test_healed_a_stalled_fetch_goes_on() -> None:
    async def story(net: Net) -> None:
        await filled(net)
        await net.fail(NEWS, "stall imap at fetch")
        async with net.imap(ED) as imap:
            await imap.select()
            tag = await imap.begins("FETCH 1 BODY.PEEK[HEADER]")
            await net.clock.advance("5m")
            await net.heal(NEWS)
            assert b"Subject: one" in b"".join(await imap.ends(tag))

    play(story)


@pytest.mark.parametrize("how", ["stall", "reset"])
def test_at_quit_pop3_has_removed_what_was_to_go(how: str) -> None:
    async def story(net: Net) -> None:
        await filled(net)
        net.fail(NEWS, f"{how} pop3 at quit once")
        with pytest.raises((TimeoutError, Unmet, ConnectionError)):
            async with net.pop3(ED) as pop:
                await pop.delete(1)
        (await net.mailbox(ED)).holds("two")

    play(story)


@pytest.mark.parametrize(("service", "said"), [("pop3", "-ERR"), ("imap", r"\* BYE")])
def test_a_caller_is_refused_in_the_place_of_the_greeting(service: str, said: str) -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS, f"refuse {service} at connect once")
        port = {"pop3": 110, "imap": 143}[service]
        async with net.dialogue(NEWS, port=port) as typed:
            assert (await typed.reader.readline()).decode().startswith(said.replace("\\", ""))
            assert await typed.reader.read() == b""
        async with net.dialogue(NEWS, port=port) as typed:
            assert (await typed.reader.readline())[:4] in (b"+OK ", b"* OK")

    play(story)


def test_faults_of_smtp_and_of_names_leave_readers_alone() -> None:
    async def story(net: Net) -> None:
        await filled(net)
        for words in ("stall at auth", "reset at connect", "reply 421 at quit", "hide AUTH"):
            net.fail(NEWS, words)
        net.fail("ns.belgiannews.com", "timeout")
        async with net.pop3(ED) as pop:
            assert (await pop.stat())[0] == 2
        async with net.imap(ED) as imap:
            assert await imap.select() == 2

    play(story)
