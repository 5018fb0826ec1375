"""Messages handed in at a mail host by its own people."""

from __future__ import annotations

import pytest

from lab.events import SubmissionRefused
from tests.mail.world import HOME, Place, World, pair, play


def test_what_is_missing_is_added_at_submission() -> None:
    first = Place()

    async def story(world: World) -> None:
        queue_id = await world.send("ed@b.com", text=b"just words")
        await world.send("ed@b.com", text=b"from: A <ann@unige.ch>\nTO: x\nDate: y\nMessage-Id: <z>\n\nhi")
        await world.wait(seconds=5)
        assert first.messages[0].startswith(
            b"Date: Mon, 05 Jan 2026 08:00:00 +0000\r\nMessage-ID: <%s@mail.unige.ch>\r\n" % queue_id.encode()
        )
        assert first.messages[0].endswith(b"From: ann@unige.ch\r\nTo: ed@b.com\r\n\r\njust words\r\n")
        assert first.messages[1] == b"from: A <ann@unige.ch>\r\nTO: x\r\nDate: y\r\nMessage-Id: <z>\r\n\r\nhi\r\n"

    play(story, pair(first, Place()))


@pytest.mark.parametrize(
    ("sender", "to", "words"),
    [
        ("nobody@unige.ch", "ed@b.com", "nobody@unige.ch is nobody on mail.unige.ch"),
        ("ann@unige.ch", "ed", "'ed' is not a mail address"),
        ("ann@unige.ch", "", "'' is not a mail address"),
    ],
)
def test_a_submission_that_cannot_be_is_refused_in_a_sentence(sender: str, to: str, words: str) -> None:
    async def story(world: World) -> None:
        assert words in await world.send(to, sender=sender)
        assert words in world.events(SubmissionRefused)[0].reason

    play(story)


def test_a_host_nobody_writes_to_has_no_queue() -> None:
    async def story(world: World) -> None:
        assert await world.rows() == []
        assert world.mail[HOME]._queue is None

    play(story)
