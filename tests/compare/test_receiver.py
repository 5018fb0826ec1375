"""Scripted receivers: their words, what is said of them, and that a script is kept to the letter."""

from __future__ import annotations

import pytest

from lab.compare import CASES, case_named, play
from lab.compare.receiver import Script, in_words, script
from lab.journey import State

WORDS = sorted({words for case in CASES for _, words in case.receivers.values()})


@pytest.mark.parametrize("words", WORDS)
def test_every_word_of_the_cases_is_one_and_can_be_said(words: str) -> None:
    assert isinstance(script(words), Script)
    assert len(in_words(words).split()) >= 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rcpt 4", "answers RCPT with 450 4.2.1 mailbox busy"),
        ("rcpt2 5", "answers the second RCPT with 550 5.1.1 no such user"),
        ("greeting 5", "greets with 554 5.3.2 no service here"),
        ("drop eom", "hangs up after the final dot"),
        ("drop mail", "hangs up at MAIL"),
    ],
)
def test_a_receiver_is_said_as_a_person_says_it(words: str, said: str) -> None:
    assert in_words(words) == said


def test_a_word_that_is_none_is_no_receiver() -> None:
    with pytest.raises(ValueError, match="no receiver does 'sing'"):
        script("sing")


def test_a_script_begins_anew_with_each_connection() -> None:
    """chasquid has a session for each recipient: `rcpt2` never comes to pass."""
    assert play(case_named("two-recipients"), "chasquid").takers == ("mx1", "mx1")
    assert play(case_named("two-recipients"), "exim").takers == ("mx1",)


def test_a_journey_ends_at_the_receiver_that_took_it() -> None:
    journey = play(case_named("refused"), "rfc5321").journey
    assert journey.state is State.DELIVERED
    assert journey.fates[0].host == "mx2.news.be"


def test_who_refuses_mail_refuses_what_is_pipelined_behind_it() -> None:
    outcome = play(case_named("mail-5xx"), "rfc5321")
    assert (outcome.takers, outcome.status) == ((), "5.7.1")
