"""A host whose disk is full takes no more in, says so in each protocol's words, and loses nothing that it has."""

from __future__ import annotations

import pytest

from lab.events import MailDelivered
from lab.scenario import Net, Unmet
from tests.faults.world import NEWS, RELAY, UNIGE, play, replies, told

ANN, ED = "ann@unige.ch", "ed@belgiannews.com"


async def _delivered_once(net: Net, *subjects: str) -> None:
    await net.clock.advance("1d")
    (await net.mailbox(ED)).holds(*subjects)
    assert len(told(net, MailDelivered)) == len(subjects)
    assert await net.queue() == []


def test_smtp_says_452_after_the_dot_and_the_next_exchanger_is_tried() -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS, "disk-full")
        mail = await net.send(ANN, ED, subject="hello")
        await mail.held_at(RELAY)
        assert replies(net) == ["eom 452"]
        mail.took(f"{NEWS} 452")
        assert "4.3.1 the disk of this host is full" in mail.screen()
        net.heal(NEWS)
        await mail.delivered(within="1d")
        await _delivered_once(net, "hello")

    play(story)


def test_a_mail_is_not_taken_where_it_is_handed_in() -> None:
    async def story(net: Net) -> None:
        net.fail(UNIGE, "disk-full")
        mail = await net.send(ANN, ED, subject="hello")
        mail.refused("disk")
        net.heal()
        mail = await net.send(ANN, ED, subject="again")
        await mail.delivered()
        await _delivered_once(net, "again")

    play(story)


def test_what_waits_in_a_queue_is_passed_on_from_a_full_disk_and_not_twice() -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS)
        mail = await net.send(ANN, ED, subject="hello")
        await mail.held_at(RELAY)
        net.fail(RELAY, "disk-full")
        await net.clock.advance("3h")
        assert [row["to"] for row in await net.queue(RELAY)] == [ED]
        net.heal(NEWS)
        await mail.delivered(within="1d")
        net.heal()
        await _delivered_once(net, "hello")

    play(story)


def test_a_crash_while_the_disk_is_full_loses_nothing() -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS)
        mail = await net.send(ANN, ED, subject="hello")
        await mail.held_at(RELAY)
        net.fail(RELAY, "disk-full")
        await net.clock.advance("1h")
        net.fail(RELAY, "down")
        net.heal()
        await mail.delivered(within="1d")
        await _delivered_once(net, "hello")

    play(story)


async def filled(net: Net) -> None:
    """Two messages in ed's mailbox, and no room for a third."""
    for subject in ("one", "two"):
        await (await net.send(ANN, ED, subject=subject)).delivered()
    await net.fail(NEWS, "disk-full")


def test_imap_reads_and_appends_nothing() -> None:
    async def story(net: Net) -> None:
        await filled(net)
        async with net.imap(ED) as imap:
            assert await imap.select() == 2
            assert b"one" in await imap.fetch(1, "BODY.PEEK[HEADER]")
            for command in ("APPEND INBOX {4+}\r\na: b", "COPY 1 INBOX", "CREATE old"):
                with pytest.raises(Unmet, match=r"NO .*disk"):
                    await imap.says(command)
            assert await imap.select() == 2
        await net.heal()
        async with net.imap(ED) as imap:
            await imap.says("APPEND INBOX {4+}\r\na: b")
            assert await imap.select() == 3

    play(story)


def test_imap_can_make_room_and_keeps_what_a_files_name_says() -> None:
    async def story(net: Net) -> None:
        await filled(net)
        async with net.imap(ED) as imap:
            await imap.select()
            assert b"one" in await imap.fetch(1, "BODY[]")
            await imap.says(r"STORE 1 +FLAGS (\Deleted)")
            with pytest.raises(Unmet, match=r"NO .*disk"):
                await imap.says("STORE 2 +FLAGS ($Junk)")
            await imap.says(r"STORE 2 +FLAGS (\Flagged)")
            await imap.says("EXPUNGE")
        (await net.mailbox(ED)).holds("two")
        net.fail(NEWS, "down")
        await net.heal(NEWS)
        async with net.imap(ED) as imap:
            assert await imap.select() == 1
            assert r"\Flagged" in await imap.flags(1)

    play(story)


def test_pop3_hands_mail_out_and_deletes_it() -> None:
    async def story(net: Net) -> None:
        await filled(net)
        async with net.pop3(ED) as pop:
            assert (await pop.stat())[0] == 2
            assert b"Subject: one" in await pop.fetch(1)
            await pop.delete(1)
        (await net.mailbox(ED)).holds("two")
        await net.heal()
        (await net.mailbox(ED)).holds("two")

    play(story)
