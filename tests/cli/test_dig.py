"""What a person asks with `lab dig`, and the lesson an answer teaches."""

from __future__ import annotations

import pytest

from lab.cli.dig import Question, pointer, preferences, question
from lab.errors import WrongUse


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("belgiannews.com", Question("belgiannews.com")),
        ("belgiannews.com mx", Question("belgiannews.com", "MX")),
        ("MX belgiannews.com", Question("belgiannews.com", "MX")),
        ("@ns.com belgiannews.com NS", Question("belgiannews.com", "NS", "ns.com")),
        ("belgiannews.com TYPE65280", Question("belgiannews.com", "TYPE65280")),
        ("mx", Question("mx")),
        ("a mx", Question("a", "MX")),
    ],
)
def test_words_come_in_any_order(words: str, asked: Question) -> None:
    assert question(words.split()) == asked


@pytest.mark.parametrize("words", ["", "@ns.com", "one two MX", "name @a @b"])
def test_one_name_is_needed(words: str) -> None:
    with pytest.raises(WrongUse, match="one name"):
        question(words.split())


def test_an_address_has_its_pointer_in_the_reverse_tree() -> None:
    assert pointer("198.18.2.25") == "25.2.18.198.in-addr.arpa"
    with pytest.raises(WrongUse, match="not an IP address"):
        pointer("198.18")


@pytest.mark.parametrize(
    ("data", "lesson"),
    [
        (["10 relay.eunet.be.", "5 mail.belgiannews.com."], "The lower number is tried first; 10 is used only"),
        (["5 a.", "5 b."], "All 2 have the same number"),
        (["0 ."], "A null MX"),
        (["5 a."], ""),
        ([], ""),
    ],
)
def test_preferences_teach_their_rule(data: list[str], lesson: str) -> None:
    assert preferences(data).startswith(lesson)
    assert bool(preferences(data)) == bool(lesson)
