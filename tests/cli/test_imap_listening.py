"""Whose turn it is when a person types IMAP, and what they are told of the responses."""

from __future__ import annotations

from lab.cli import imap_replies
from lab.cli.listening import listener_at
from lab.wire.imap.server import ALLOWED, NEXT


def test_a_command_is_over_with_its_tag() -> None:
    listener = listener_at(143)
    assert listener.hear("* OK [CAPABILITY IMAP4rev1] ready").is_over
    assert not listener.say("a1 SELECT INBOX")
    lines = ("* 3 EXISTS", "* OK [UIDNEXT 4] next", "a1 OK [READ-WRITE] open")
    assert [listener.hear(line).is_over for line in lines] == [False, False, True]


def test_a_literal_is_no_response_whatever_it_looks_like() -> None:
    listener = listener_at(143)
    listener.hear("* OK ready")
    listener.say("a FETCH 1 BODY[]")
    for line in ("* 1 FETCH (BODY[] {21}", "a OKAY is no answer", ")"):
        assert not listener.hear(line).is_over
    assert listener.hear("a OK fetched").means[0].startswith("OK: this was what you asked for")


def test_a_plus_lets_the_next_line_out() -> None:
    listener = listener_at(143)
    listener.hear("* OK ready")
    listener.say("i IDLE")
    assert listener.hear("+ idling").is_over
    listener.say("DONE")
    assert not listener.hear("* 1 EXISTS").is_over
    assert listener.hear("i OK no longer idle").is_over


def test_the_commands_that_the_course_types_are_explained() -> None:
    for verb in ("LOGIN", "SELECT", "CREATE", "DELETE", "LOGOUT", *(verb for verb, _ in NEXT)):
        assert imap_replies.meaning(f"{verb} x", "a OK done"), verb
    for verb in ALLOWED:
        assert imap_replies.meaning(verb, "a BAD what?")
