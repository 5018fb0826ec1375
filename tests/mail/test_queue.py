"""The queue's own book-keeping, where no story of mail reaches."""

from __future__ import annotations

from typing import Any

from lab.mail.envelope import Envelope, Recipient
from lab.mail.spool import Transaction
from lab.mail.waiting import Message
from lab.names import EmailAddress
from tests.mail.world import HOME, World, play


def message(queue_id: str) -> Message:
    to = (Recipient(EmailAddress("ed@b.com")),)
    return Message(queue_id, Envelope(EmailAddress("ann@unige.ch"), to), 0.0, 1, {0})


def test_what_comes_to_be_owed_while_a_debt_is_paid_is_paid_with_the_next_record() -> None:
    async def story(world: World) -> None:
        queue: Any = world.mail[HOME].queue
        written: list[str] = []

        class Journal:
            async def commit(self, transaction: Transaction) -> None:
                written.extend(queue_id for queue_id, _ in transaction.ends)
                if "second" not in written:
                    queue.owe(message("second"), [0])

        queue.spool = Journal()
        queue.owe(message("first"), [0])
        await queue.record([(message("third"), [0])])
        await queue.record([(message("fourth"), [0])])
        assert written == ["first", "third", "second", "fourth"]

    play(story)
