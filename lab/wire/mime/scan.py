"""One pass over a message's octets: its part tree (RFC 2046 §5).

The rule: whatever the octets are, there is a tree, and its offsets are exact. A line that begins with an open
boundary parts, the longest first, then the innermost; it need match no further (§5.1.1), and the line end before
it belongs to it. An outer boundary ends all that is inside; what no boundary ends, the message's end does.

Never quadratic: every search goes forward from where the last one stopped. Bounds, those of Dovecot: DEPTH levels,
below which a multipart or message is one opaque part, and PARTS parts, the last of which takes all that is left.
"""

from __future__ import annotations

from dataclasses import field, replace

from lab.values import dataclass
from lab.wire.mime.content import described
from lab.wire.mime.parameters import parameter
from lab.wire.mime.tree import MessageIndex, Part

DEPTH = 100
PARTS = 10_000


def index(octets: bytes) -> MessageIndex:
    """Where everything in a message is."""
    return MessageIndex(len(octets), _Pass(octets).tree())


@dataclass(slots=True)
class _Open:
    """A part whose end is not known yet. `delimiter` is b"" where nothing parts it, or nothing does any more."""

    part: Part
    delimiter: bytes
    lines_before: int
    children: list[Part] = field(default_factory=list)


class _Forward:
    """Where a pattern comes next: asked with positions that only grow, it looks at every octet once."""

    __slots__ = ("found", "octets", "pattern")

    def __init__(self, octets: bytes, pattern: bytes) -> None:
        self.octets, self.pattern, self.found = octets, pattern, -1

    def end(self, start: int) -> int:
        """The end of the next one; the end of the octets when there is none."""
        if self.found < start:
            at = self.octets.find(self.pattern, start)
            self.found = len(self.octets) if at < 0 else at
        return min(self.found + len(self.pattern), len(self.octets))


class _Pass:
    """The stack of open parts, from the message itself inwards."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.stack: list[_Open] = []
        self.delimiters: tuple[bytes, ...] = ()
        self.opened = 0
        self.blank, self.blank_line = _Forward(octets, b"\n\n"), _Forward(octets, b"\n\r\n")
        self.counted = self.lines = 0

    def tree(self) -> Part:
        start: int | None = 0
        while start is not None:
            start = self._open(start)
        self._close(0, len(self.octets))
        return self._closed(self.stack.pop(), len(self.octets))

    def _open(self, start: int) -> int | None:
        """A part begins here. Where the next one does."""
        parent = self.stack[-1].part if self.stack else None
        header_end = self._header_end(start)
        digest = parent is not None and parent.is_multipart and parent.subtype == "digest"
        part = described(self.octets, self._number(), start, header_end, in_digest=digest)
        room = len(self.stack) < DEPTH
        delimiter = _delimiter(part) if part.is_multipart and room else b""
        self.stack.append(_Open(part, delimiter, self._lines(header_end)))
        self.opened += 1
        if delimiter or self.opened == PARTS:
            self._watch()
        return header_end if part.is_message and room and self.opened < PARTS else self._next(header_end)

    def _number(self) -> str:
        if not self.stack:
            return ""
        above = self.stack[-1]
        if above.part.is_message:
            is_body = len(self.stack) == 1 or self.stack[-2].part.is_message
            return f"{above.part.number}.1".removeprefix(".") if is_body else above.part.number
        return f"{above.part.number}.{len(above.children) + 1}".removeprefix(".")

    def _header_end(self, start: int) -> int:
        """After the blank line; where there is none, at the next delimiter or the end."""
        if self.octets.startswith((b"\n", b"\r\n"), start):
            return self.octets.index(b"\n", start) + 1
        end = min(self.blank.end(start), self.blank_line.end(start))
        line = self._delimiter_line(start, end) if self.delimiters else None
        return end if line is None else max(start, self._before(line))

    # -- delimiters -------------------------------------------------------------------------------------------

    def _next(self, position: int) -> int | None:
        """Close what the next delimiters end. Where the next part starts; None at the message's end."""
        while (line := self._delimiter_line(position, len(self.octets))) is not None:
            level = self._level(line)
            delimiter = self.stack[level].delimiter
            self._close(level, max(self._before(line), self.stack[-1].part.header_end))
            line_end = self.octets.find(b"\n", line) + 1
            last = self.octets.startswith(b"--", line + len(delimiter))
            if last:
                self.stack[level].delimiter = b""
            self._watch()
            if not line_end or not last:
                return line_end or None
            position = line_end
        return None

    def _delimiter_line(self, start: int, end: int) -> int | None:
        """The start of the next line that begins with an open delimiter. `start` begins a line, or ends one."""
        octets, delimiters = self.octets, self.delimiters
        if not delimiters:
            return None
        if octets.startswith(delimiters, start) and octets[start - 1 : start] in (b"", b"\n"):
            return start
        at = octets.find(b"\n--", start, end)
        while at >= 0 and not octets.startswith(delimiters, at + 1):
            at = octets.find(b"\n--", at + 3, end)
        return at + 1 if at >= 0 else None

    def _level(self, line: int) -> int:
        """Whose delimiter it is."""
        fitting = [
            (len(one.delimiter), level)
            for level, one in enumerate(self.stack)
            if one.delimiter and self.octets.startswith(one.delimiter, line)
        ]
        return max(fitting)[1]

    def _before(self, line: int) -> int:
        """The end of what is before a delimiter line: its own line end is the delimiter's."""
        if not self.octets.startswith(b"\n", line - 1):
            return line
        return line - 2 if self.octets.startswith(b"\r", max(line - 2, 0)) and line > 1 else line - 1

    def _watch(self) -> None:
        full = self.opened >= PARTS
        self.delimiters = () if full else tuple(one.delimiter for one in self.stack if one.delimiter)

    # -- closing ----------------------------------------------------------------------------------------------

    def _close(self, level: int, end: int) -> None:
        """Everything inside of this level ends here."""
        while len(self.stack) > level + 1:
            inner = self.stack.pop()
            self.stack[-1].children.append(self._closed(inner, end))

    def _closed(self, one: _Open, end: int) -> Part:
        lines = self._lines(end) - one.lines_before
        return replace(one.part, body_end=end, lines=lines, children=tuple(one.children))

    def _lines(self, position: int) -> int:
        """Line ends before this position, which only grows."""
        self.lines += self.octets.count(b"\n", self.counted, position)
        self.counted = position
        return self.lines


def _delimiter(part: Part) -> bytes:
    """How its delimiters begin; a boundary does not end in space (RFC 2046 §5.1.1)."""
    boundary = dict(part.params).get("boundary", "") or parameter(part.params, "boundary")
    octets = boundary.encode("latin-1", "replace").rstrip(b" \t\r\n")
    return b"--" + octets if octets else b""
