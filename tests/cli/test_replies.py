"""What an SMTP reply means."""

from __future__ import annotations

import pytest

from lab.cli.replies import last_line, meaning


@pytest.mark.parametrize(
    ("code", "text", "says"),
    [
        (220, "mail.belgiannews.com ESMTP", "introduce yourself"),
        (354, "go ahead", "a line with only a dot ends it"),
        (450, "busy", "tries again later"),
        (550, "5.1.1 no such user", "there is no such mailbox"),
        (550, "5.7.1 relaying denied", "does not relay for strangers"),
        (554, "5.4.6 too many hops", "goes round in a loop"),
        (299, "unheard of", "done"),
    ],
)
def test_a_reply_is_explained(code: int, text: str, says: str) -> None:
    assert says in " / ".join(meaning(code, text))


def test_a_refusal_says_whether_to_ask_again() -> None:
    assert any("tries again later" in line for line in meaning(451, ""))
    assert any("will not help" in line for line in meaning(550, ""))


def test_only_the_last_line_of_a_reply_ends_it() -> None:
    assert last_line("250-SIZE 10485760\r\n") is None
    assert last_line("250 HELP\r\n") == (250, "HELP")
    assert last_line("250") == (250, "")
    assert last_line("Subject: 250 reasons") is None
