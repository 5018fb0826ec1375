"""Whose turn it is when a person types SMTP or POP3, and what they are told of the replies."""

import pytest

from lab.cli import pop3_replies
from lab.cli.listening import listener_at
from lab.wire import pop3


def test_a_long_reply_of_pop3_ends_with_its_dot() -> None:
    listener = listener_at(110)
    assert listener.hear("+OK mail.be POP3").is_over
    for command, first in (("LIST", "+OK 2 messages"), ("retr 1", "+OK 38 octets"), ("CAPA", "+OK")):
        assert not listener.say(command)
        assert [listener.hear(line).is_over for line in (first, "one", "..", ".")] == [False, False, False, True]
    for command, reply in (("LIST 1", "+OK 1 38"), ("RETR 9", "-ERR no such message"), ("STAT", "+OK 2 76")):
        listener.say(command)
        assert listener.hear(reply).is_over


def test_the_text_of_a_mail_waits_for_no_reply() -> None:
    listener = listener_at(587)
    listener.say("DATA")
    assert listener.hear("354 go ahead").is_over
    assert [listener.say(line) for line in ("hello", "", ".")] == [True, True, False]
    assert not listener.hear("250-SIZE").is_over


def test_every_command_of_pop3_is_explained() -> None:
    commands = {verb for heard in pop3.HEARD.values() for verb in heard}
    assert [verb for verb in commands if not pop3_replies.meaning(verb, "+OK")] == []


@pytest.mark.parametrize("code", ["AUTH", "IN-USE", "SYS/TEMP"])
def test_the_codes_that_our_server_gives_are_explained(code: str) -> None:
    [sentence] = pop3_replies.meaning("PASS x", f"-ERR [{code}] text")
    assert sentence.startswith(f"[{code}]: ")
