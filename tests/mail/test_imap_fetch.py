"""What a FETCH may read without looking into a message's body."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.mail.imap.fetch import unopened
from lab.wire import mime
from tests.mail.imap_world import World, play

_LINES = st.lists(st.sampled_from(["\r\n", "\n", "a: b", "\r", " ", "x"]), max_size=10)


@given(_LINES)
def test_a_header_ends_where_the_index_says_it_ends(pieces: list[str]) -> None:
    octets = "".join(pieces).encode()
    assert unopened(octets).header_end == mime.index(octets).root.header_end


def test_a_list_of_headers_indexes_no_message() -> None:
    async def story(world: World) -> None:
        inbox = world.mail.local.store.account(world.mail.plan.mailboxes[0].address).open("INBOX")
        client = await world.client()
        assert len(await client.says("a FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")) == 4
        await client.says("b SEARCH SUBJECT hello SENTSINCE 1-Jan-2026")
        assert [inbox._shelf.known_index(inbox.uidvalidity, entry.uid) for entry in inbox.entries()] == [None] * 3

    play(story)
