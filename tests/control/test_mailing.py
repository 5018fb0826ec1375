"""What `send` writes around a body."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

import pytest

from lab.control.mailing import octets
from lab.errors import WrongUse
from lab.names import EmailAddress

ANN = EmailAddress.parse("ann@unige.ch")
ARGS: dict[str, Any] = {
    "to": ["ed@belgiannews.com", "news@belgiannews.com"],
    "subject": "Grüße",
    "body": "Salut à tous",
}


def test_a_message_is_written_around_a_body() -> None:
    mail = message_from_bytes(octets(ARGS, ANN))
    assert (mail["From"], mail["To"]) == (ANN, "ed@belgiannews.com, news@belgiannews.com")
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().strip() == "Salut à tous"


def test_lines_end_in_crlf() -> None:
    written = octets(ARGS, ANN)
    assert written.count(b"\n") == written.count(b"\r\n")


def test_the_null_sender_has_no_from() -> None:
    assert message_from_bytes(octets(ARGS, None))["From"] is None


def test_a_whole_message_is_left_as_it_is() -> None:
    assert octets({**ARGS, "message": "Subject: x\r\n\r\n\xff"}, ANN) == b"Subject: x\r\n\r\n\xff"


@pytest.mark.parametrize("subject", ["one\ntwo", "one\r\nBcc: everyone@unige.ch"])
def test_a_subject_cannot_smuggle_a_header(subject: str) -> None:
    with pytest.raises(WrongUse, match="no message can be written"):
        octets({**ARGS, "subject": subject}, ANN)
