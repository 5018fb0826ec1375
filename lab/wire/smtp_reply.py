"""SMTP replies: three digits, a text of one or many lines, and the enhanced code in front of it.

The rule: a reply is read for its code alone, the text is for people (RFC 5321 §4.2); a line that does not begin
with three digits is no reply, and the connection it came by is not to be trusted any further.

Multi-line form: RFC 5321 §4.2.1. Enhanced status codes: RFC 2034, RFC 3463.
"""

from __future__ import annotations

import re

from lab.values import dataclass, made_often

_CODES = {str(code): code for code in range(200, 600)}
_MARKS = (" ", "-", "\r", "")
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")

LONGEST_LINE = 4_096
"""Octets. RFC 5321 §4.5.3.1.5 grants 512; real servers write more, a flood is cut off here."""
MOST_LINES = 200


class BadReply(ValueError):
    """What came is no SMTP reply."""


@made_often
@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; `text` has its lines, parted by newlines, enhanced code included.

    >>> Reply(550, "5.1.1 no such user").status
    '5.1.1'
    """

    code: int
    text: str = ""

    @property
    def status(self) -> str:
        """The enhanced status code, or what the class alone says: "5.0.0" for a bare 550."""
        match = _STATUS.match(self.text)
        return match[1] if match else f"{self.code // 100}.0.0"

    @property
    def is_final(self) -> bool:
        """The server closes the connection after it (RFC 5321 §3.8, §4.2.1)."""
        return self.code == 421

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip().replace("\n", " ")


_QUEUED_AS = re.compile(
    r"queued as\s+<?(?P<a>[^\s<>;,]+)"  # Postfix, and this lab
    r"|\bOK id=(?P<b>[\w-]+)"  # Exim
    r"|(?<!\S)(?P<c>\S{1,100}) Message accepted for delivery",  # OpenSMTPD, sendmail
    re.IGNORECASE,
)


def queue_id_in(text: str) -> str:
    """The queue id that a reply to the final dot names, as each mail server words it; '' where it names none.

    >>> [queue_id_in(text) for text in ("250 OK id=1xXH0d-00000W-1d", "250 2.0.0 Ok: queued as 71B1D2", "250 Ok")]
    ['1xXH0d-00000W-1d', '71B1D2', '']
    """
    found = _QUEUED_AS.search(text)
    return next(filter(None, found.groups()), "") if found else ""


class ReplyReader:
    """Bytes in, replies out, however the network cut them."""

    __slots__ = ("_buffer", "_lines")

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []

    def feed(self, octets: bytes) -> list[Reply]:
        """The replies that these octets complete; BadReply when they cannot be one."""
        if self._buffer:
            octets = self._buffer + octets
        whole, end, self._buffer = octets.rpartition(b"\n")
        if len(self._buffer) > LONGEST_LINE:
            raise BadReply("a reply line has no end")
        if not end:
            return []
        replies, lines = [], self._lines
        for line in whole.decode("utf-8", "replace").split("\n"):
            code, mark = _CODES.get(line[:3]), line[3:4]
            if code is None or mark not in _MARKS or len(lines) >= MOST_LINES or len(line) > LONGEST_LINE:
                raise BadReply(f"not an SMTP reply: {line[:80]!r}")
            lines.append(line[4:].rstrip("\r"))
            if mark != "-":
                replies.append(Reply(code, "\n".join(lines)))
                lines.clear()
        return replies


def format_reply(code: int, *lines: str) -> bytes:
    r"""The octets of a reply.

    >>> format_reply(250, "mail.belgiannews.com", "SIZE 1000")
    b'250-mail.belgiannews.com\r\n250 SIZE 1000\r\n'
    """
    texts = lines or ("",)
    marks = "-" * (len(texts) - 1) + " "
    return "".join(f"{code}{mark}{text}\r\n" for mark, text in zip(marks, texts, strict=True)).encode()
