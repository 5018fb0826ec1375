"""What a server answers to our client: every message ends with a fate for each recipient, none of them invented.

Promised: nothing is raised; a message counts as accepted only if a 2xx came for its text; commands
are one line each.
"""

from __future__ import annotations

from lab.events import Failure
from lab.wire.smtp_client import Finished, Outgoing, Secure, SmtpClient, To
from lab.wire.smtp_reply import Reply, queue_id_in
from tests.fuzz.target import Choices, Target

_HELLOS = (
    b"250-b.com\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n",
    b"250-b.com\r\n250 STARTTLS\r\n",
    b"250 b.com\r\n",
    b"250-b.com\r\n250-SIZE \xd9\xa1\xc2\xb2\r\n250-PIPELINING \r\n250-\r\n250 8BITMIME\r\n",
    b"502 what?\r\n",
    b"250-b.com\r\n250-SIZE " + b"9" * 4_000 + b"\r\n250 PIPELINING\r\n",
)
_CODES = (
    b"250",
    b"354",
    b"220",
    b"550",
    b"451",
    b"421",
    b"552",
    b"221",
    b"334",
    b"199",
    b"600",
    b"25",
    b"\xd9\xa2\xd9\xa5\xd9\xa0",
)
_TEXTS = (
    b"2.0.0 ok",
    b"5.1.1 no",
    b"",
    b"queued as 90bc",
    b"\xff\xfe",
    b"x" * 200,
    b"OK id=1xXH0d",
    b"\r",
    b"4.7.1",
)


def _reply(choices: Choices) -> bytes:
    code = choices.one_of(_CODES[:7] if choices.below(8) else _CODES)
    lines = [code + b"-" + choices.one_of(_TEXTS) for _ in range(choices.below(4) // 3)]
    return b"".join(line + b"\r\n" for line in (*lines, code + b" " + choices.one_of(_TEXTS)))


def replies(choices: Choices) -> bytes:
    """A greeting, a hello, and then anything."""
    head = b"220 b.com\r\n" if choices.below(8) else _reply(choices)
    head += choices.one_of(_HELLOS)
    if choices.below(2):
        head += b"250 ok\r\n250 ok\r\n250 ok\r\n" + choices.one_of(
            (b"354 go\r\n", b"250 go\r\n", b"354 go\r\n250 ok\r\n")
        )
    return head + b"".join(_reply(choices) for _ in range(choices.below(12)))


ED, ANN = To("ed@b.com", frozenset({"success"}), "rfc822;ed+x@b.com"), To("ann@b.com")
_MESSAGES = (
    Outgoing("a@u.ch", (ED, ANN), b"Subject: hi\r\n\r\n.dot\r\n", "FULL", "id"),
    Outgoing("", (ED,), "é\r\n".encode()),
    Outgoing("é@u.ch", (ED,), b"hi", smtputf8=True),
)


class _Visit:
    """A client that sends its messages one after the other, as an agent does."""

    def __init__(self) -> None:
        self.client = SmtpClient("me.ch", tls=True)
        self.waiting = list(_MESSAGES)
        self.under_way: Outgoing | None = None
        self.good = 0
        """Replies of 2xx so far."""

    def hear(self, octets: bytes) -> None:
        self.good += octets[:1] == b"2"
        self._heed(self.client.receive(octets))
        self._check_lines()

    def end(self) -> None:
        self._heed(self.client.lost(Failure.CLOSED))
        assert self.under_way is None, "a message without a fate"

    def _heed(self, events: list[object]) -> None:
        for event in events:
            if isinstance(event, Secure):
                self.client.secured()
            elif isinstance(event, Finished):
                self._judge(event)
        if self.client.is_ready and self.under_way is None and self.waiting:
            self.under_way = self.waiting.pop()
            self._heed(list(self.client.send(self.under_way)))

    def _judge(self, event: Finished) -> None:
        assert self.under_way is not None, "a fate without a message"
        assert len(event.fates) == len(self.under_way.recipients)
        accepted = [fate for fate in event.fates if fate.accepted]
        assert not accepted or self.good >= 2, "accepted, and nobody said so"
        for fate in event.fates:
            if isinstance(fate.outcome, Reply):
                queue_id_in(fate.outcome.text)
                assert len(fate.outcome.status) < 20
        self.under_way = None

    def _check_lines(self) -> None:
        sent = self.client.data_to_send()
        assert sent.endswith(b"\r\n") or not sent, sent[-40:]


def run(octets: bytes) -> None:
    visit = _Visit()
    for line in octets.splitlines(keepends=True):
        visit.hear(line)
    visit.end()


TARGET = Target(run, replies, (b"220 b\r\n" + _HELLOS[0] + b"250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n250 ok\r\n",))
