r"""The text of a message on its way through DATA: octets in, the message out, in bulk.

The rule: CR LF . CR LF ends a text and nothing else does. Lone CRs and LFs are not repaired but found (`flaw`),
for a server that takes them for line ends can be fed a second message inside the first (SMTP smuggling, 2023).

Transparency: RFC 5321 §4.5.2. Line ends: §2.3.8. Line length: §4.5.3.1.6.
"""

from __future__ import annotations

END = b"\r\n.\r\n"
LONGEST_LINE = 998
"""Octets, its CR LF left out."""


class TextReader:
    r"""Collects a text until its end.

    >>> text = TextReader(limit=1000)
    >>> text.feed(b"Subject: hi\r\n\r\n..dot\r\n."), text.feed(b"\r\nQUIT\r\n")
    (False, True)
    >>> text.octets, text.rest
    (b'Subject: hi\r\n\r\n.dot\r\n', b'QUIT\r\n')
    """

    __slots__ = ("_kept", "_limit", "octets", "rest", "too_big")

    def __init__(self, limit: int) -> None:
        self._kept = bytearray(b"\r\n")  # the text begins a line, as if a CR LF stood before it
        self._limit = limit
        self.octets = b""
        self.rest = b""
        """What came after the end."""
        self.too_big = False

    def feed(self, octets: bytes | bytearray) -> bool:
        """Whether the text is complete now."""
        kept = self._kept
        start = max(0, len(kept) - len(END) + 1)
        kept += octets
        end = kept.find(END, start)
        if end >= 0:
            self._finish(end)
        elif len(kept) > 2 * self._limit + len(END):  # even if every second octet were stuffing
            self.too_big = True
            del kept[: -len(END) + 1]
        return end >= 0

    def _finish(self, end: int) -> None:
        self.rest = bytes(self._kept[end + len(END) :])
        text = bytes(self._kept[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]
        self._kept.clear()
        self.too_big = self.too_big or len(text) > self._limit
        self.octets = b"" if self.too_big else text


def has_bare_ends(octets: bytes) -> bool:
    """Whether a CR stands without its LF or an LF without its CR."""
    lines = b"".join(octets.split(b"\r\n"))  # a search for one octet is memchr; to count three times takes longer
    return b"\n" in lines or b"\r" in lines


def has_long_line(octets: bytes) -> bool:
    start = 0
    while len(octets) - start > LONGEST_LINE:
        end = octets.rfind(b"\r\n", start, start + LONGEST_LINE + 2)
        if end < 0:
            return True
        start = end + 2
    return False
