"""Master-file text into words, line by line (RFC 1035 §5.1).

The rule: only the layout is settled here (quotes, parentheses, comments, a blank owner); escapes stay as written,
because `\\.` means one thing in a name and another in a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from lab.values import dataclass

_ESCAPED = re.compile(r"\\(\d{3}|.)", re.DOTALL)


class BadText(ValueError):
    """What is wrong with a word or a line, in a sentence, and where."""

    def __init__(self, sentence: str, token: Token | None = None, code: str = "Z003", hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.token = token
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Token:
    """A word as written, without its quotes; `line` and `column` count from 1."""

    text: str
    line: int
    column: int
    quoted: bool = False

    @property
    def octets(self) -> bytes:
        """As a character-string: `\\DDD` is an octet, `\\X` is X."""
        if "\\" not in self.text:
            return self.text.encode()
        out, position = bytearray(), 0
        for match in _ESCAPED.finditer(self.text):
            out += self.text[position : match.start()].encode()
            out += self._unescaped(match[1])
            position = match.end()
        rest = self.text[position:]
        if "\\" in rest:
            raise BadText("the text ends in a lone backslash", self)
        return bytes(out + rest.encode())

    def _unescaped(self, body: str) -> bytes:
        if not (len(body) == 3 and body.isdigit()):
            return body.encode()
        if int(body) > 255:
            raise BadText(f"\\{body} is no octet: \\DDD goes up to \\255", self)
        return bytes([int(body)])


@dataclass(slots=True)
class Line:
    """One entry: its words, over several lines of text where parentheses hold them together."""

    number: int
    blank_owner: bool = False
    tokens: list[Token] = field(default_factory=list)
    problem: BadText | None = None


# A word; a quoted string; one that never closes; a comment; a parenthesis; space; the end of the line.
_WORD = re.compile(
    r"""(?P<quoted>"(?:[^"\\\n]|\\.)*")|(?P<open>"[^\n]*)|(?P<comment>;[^\n]*)|(?P<paren>[()])"""
    r"""|(?P<end>\n)|(?P<space>[ \t\r\f]+)|(?P<word>(?:\\[^\n]|[^\s";()\\])+)|(?P<stray>\\)"""
)


def lines(text: str) -> Iterator[Line]:
    """The entries of a master file, the empty ones left out."""
    number, start, depth = 1, 0, 0
    line = Line(1, text[:1] in (" ", "\t"))
    for match in _WORD.finditer(text):
        kind, word = match.lastgroup, match[0]
        column = match.start() - start + 1
        if kind == "end":
            number, start = number + 1, match.end()
            if depth == 0:
                if line.tokens or line.problem:
                    yield line
                line = Line(number, text[start : start + 1] in (" ", "\t"))
        elif kind == "paren":
            depth += 1 if word == "(" else -1
            if depth < 0:
                line.problem = BadText("a ')' without its '('", Token(")", number, column), "Z001")
                depth = 0
        elif kind == "word":
            line.tokens.append(Token(word, number, column))
        elif kind == "quoted":
            line.tokens.append(Token(word[1:-1], number, column, True))
        elif kind in ("open", "stray"):
            sentence = "a quote that is not closed on its line" if kind == "open" else "a lone backslash"
            line.problem = BadText(sentence, Token(word, number, column), "Z001")
    if depth:
        first = line.tokens[0] if line.tokens else Token("(", line.number, 1)
        line.problem = BadText("a '(' in this entry is never closed", first, "Z001")
    if line.tokens or line.problem:
        yield line
