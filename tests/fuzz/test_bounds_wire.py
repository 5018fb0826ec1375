"""No octets make the readers of `lab.wire` work out of proportion to their number."""

from __future__ import annotations

import pytest

from lab.wire.smtp_reply import BadReply, ReplyReader, queue_id_in
from tests.fuzz.work import grows_linearly


def test_a_reply_without_a_blank_is_searched_for_a_queue_id_once() -> None:
    assert grows_linearly(lambda size: queue_id_in("x" * size), 4_000)


def test_a_reply_line_of_any_length_is_no_reply() -> None:
    with pytest.raises(BadReply):
        ReplyReader().feed(b"250-" + b"x" * 1_000_000 + b"\r\n")
