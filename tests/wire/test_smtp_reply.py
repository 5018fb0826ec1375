from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.wire.smtp_reply import BadReply, Reply, ReplyReader, format_reply


def test_a_reply_of_many_lines_is_one_reply() -> None:
    assert ReplyReader().feed(b"250-mail.b.com\r\n250-SIZE 10\r\n250 DSN\r\n") == [
        Reply(250, "mail.b.com\nSIZE 10\nDSN")
    ]


@pytest.mark.parametrize("octets", [b"hello\r\n", b"25 x\r\n", b"650 x\r\n", b"250=x\r\n", b"x" * 5000])
def test_what_is_no_reply_is_said_to_be_none(octets: bytes) -> None:
    with pytest.raises(BadReply):
        ReplyReader().feed(octets)


def test_a_code_alone_is_a_reply() -> None:
    assert ReplyReader().feed(b"250\r\n") == [Reply(250, "")]


def test_a_bare_line_feed_ends_a_reply_line_too() -> None:
    assert ReplyReader().feed(b"220 a\n") == [Reply(220, "a")]


def test_the_class_stands_in_for_a_missing_enhanced_code() -> None:
    assert (Reply(550, "5.1.1 no").status, Reply(451, "later").status) == ("5.1.1", "4.0.0")


replies = st.builds(
    Reply, st.integers(200, 599), st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40)
)


@given(st.lists(replies, max_size=4), st.data())
def test_however_the_network_cuts_them_replies_come_out_whole(sent: list[Reply], data: st.DataObject) -> None:
    octets = b"".join(format_reply(reply.code, *reply.text.split("\n")) for reply in sent)
    reader, got = ReplyReader(), []
    while octets:
        size = data.draw(st.integers(1, len(octets)))
        got += reader.feed(octets[:size])
        octets = octets[size:]
    assert got == sent
