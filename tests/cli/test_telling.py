"""Events as lines."""

from __future__ import annotations

import pytest

from lab.cli.screen import paint
from lab.cli.telling import _WORDS, moment, tell
from lab.event_forms import from_json, to_json
from lab.events import KINDS, MailDelivered, Stage

EPOCH = "2026-01-05T08:00:00+00:00"


def test_every_kind_of_event_has_its_words() -> None:
    assert sorted(KINDS) == sorted(_WORDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_words_need_no_field_that_may_be_left_out(kind: str) -> None:
    bare = to_json(from_json({"event": kind, "stage": Stage.RCPT, "failure": "refused", **REQUIRED}))
    (line,) = tell({"n": 1, "t": 1.0, "host": "", **bare}, EPOCH)
    assert paint(line, colour=False).startswith(" 08:00:01  the lab")


REQUIRED = {
    name: f"<{name}>"
    for kind in KINDS.values()
    for name, hint in kind.__annotations__.items()
    if hint == "str" and name != "event"
} | {"port": 25, "code": 250, "session": 1, "preference": 5, "seconds": 9.0, "hosts": 9, "serial": 2, "size": 3,
     "recipients": ["ed@belgiannews.com"], "to": ["ed@belgiannews.com"], "uid": 1, "hops": 30, "until": 5.0,
     "waiting": 1, "next_try": 3.0, "attempt": 1}  # fmt: skip


def test_an_event_of_a_later_lab_is_told_by_its_name() -> None:
    (line,) = tell({"n": 1, "t": 0.0, "host": "mail.be", "event": "MailTeleported", "to": "mars"}, EPOCH)
    assert "MailTeleported to=mars" in paint(line, colour=False)


def test_the_day_is_told_once_the_first_is_over() -> None:
    assert moment(3600, EPOCH) == "09:00:00"
    assert moment(86400 * 5, EPOCH) == "10 Jan 08:00:00"


def test_a_delivery_says_whose_mailbox() -> None:
    event = MailDelivered("b1", "ed@belgiannews.com", "ed@belgiannews.com", 1)
    (line,) = tell({"n": 1, "t": 0.0, "host": "mail.belgiannews.com", **to_json(event)}, EPOCH)
    assert "● delivered to ed@belgiannews.com" in paint(line, colour=False)
