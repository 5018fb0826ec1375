"""The event log on disk: an entry is a line, and a line an entry."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import pytest

from lab.events import KINDS, Event, ReplyReceived, Stage
from lab.log import Entry, read_entry

SAMPLES: dict[object, tuple[Any, ...]] = {
    str: ("", "ed@belgiannews.com", 'a "quoted" \\ line\nand Zürich\x01', "\ud83d"),
    int: (0, 25, -1),
    float: (0.0, 0.1, 1e-9, 432000.25, float("inf")),
    bool: (False, True),
    tuple[str, ...]: ((), ("5 mail.belgiannews.com",), ("é", "")),
    tuple[int, ...]: ((), (1, 2)),
}


def samples(kind: type[Event]) -> list[Event]:
    """Events of a kind: in each, every field has another of the values that it may have."""
    choices = [SAMPLES.get(hint) or tuple(hint) for hint in get_type_hints(kind).values()]
    rounds = max(map(len, choices), default=1)
    return [kind(*(values[number % len(values)] for values in choices)) for number in range(rounds)]


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_line_is_the_json_of_its_entry(kind: type[Event]) -> None:
    for event in samples(kind):
        entry = Entry(7, 0.1 + 0.2, "mail.belgiannews.com", event)
        assert entry.line() == json.dumps(entry.to_json(), ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_what_a_line_says_can_be_read_back(kind: type[Event]) -> None:
    for event in samples(kind):
        line = Entry(1, 2.5, "", event).line()
        assert read_entry(json.loads(line)).line() == line


def test_a_line_leaves_out_what_is_empty_or_usual() -> None:
    reply = ReplyReceived(1, Stage.MAIL, "", 250, "2.1.0 ok")
    assert Entry(3, 1, "a", reply).line() == (
        '{"n":3,"t":1,"host":"a","event":"ReplyReceived","session":1,"stage":"mail","code":250,"text":"2.1.0 ok"}'
    )
