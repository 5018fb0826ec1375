"""Header fields as they are written: folded, encoded words where need be, parameters in pieces.

The rule: what goes out is ASCII, in lines of at most 78 signs where they can be broken, and `lab.wire.mime` reads
from it what was put in. A value of more than one line is refused: it would be a field of somebody else's making.

Folding: RFC 5322 §2.2.3. Encoded words: RFC 2047, never a character cut in two.
Parameters: RFC 2045 §5.1, and RFC 2231 §3–4 where they are long or not ASCII.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import quote

from lab.errors import WrongUse

WIDTH = 78
_WORD_ROOM = 64 - len("=?utf-8?q??=")
"""So that one fits behind a field's name: a line with encoded words has at most 76 signs (RFC 2047 §2)."""
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
"""What stands for itself in an encoded word, wherever that is (RFC 2047 §5.3)."""
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~. -]+")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_PERCENT_SIGNS = re.compile(r"%..|[^%]")
_NAMED = re.compile(r'"?+([^"<]*+)("?+)\s*+<([^<>]++)>')  # possessive: with lazy ones blanks took their cube


def field(name: str, words: Iterable[str]) -> bytes:
    """A field, broken between words where it gets too long."""
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > WIDTH and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    text = "\r\n".join([*lines, line])
    _one_line(name, text.replace("\r\n ", ""))
    return f"{text}\r\n".encode()


def _one_line(name: str, text: str) -> None:
    if "\r" in text or "\n" in text or "\0" in text:
        raise WrongUse(f"{name} has to be a single line of text", code="W012")


def text_words(text: str) -> list[str]:
    """A text as the words of a field: as it stands, or as encoded words where it could not stand so."""
    plain = text.split(" ")
    stands = text.isascii() and text.isprintable() and "=?" not in text and all(len(w) < WIDTH for w in plain)
    if stands and "" not in plain:
        return plain
    _one_line("A header field", text)
    return list(encoded_words(text)) if text else []


def encoded_words(text: str) -> Iterator[str]:
    """In quoted-printable or base64, whichever is shorter."""
    quoted = [_q(sign) for sign in text]
    octets = text.encode("utf-8", "replace")
    if sum(map(len, quoted)) <= (len(octets) + 2) // 3 * 4:
        yield from (f"=?utf-8?q?{''.join(run)}?=" for run in _runs(quoted, _WORD_ROOM))
        return
    for run in _runs(list(text), _WORD_ROOM * 3 // 4, lambda sign: len(sign.encode("utf-8", "replace"))):
        yield f"=?utf-8?b?{base64.b64encode(''.join(run).encode('utf-8', 'replace')).decode()}?="


def _q(sign: str) -> str:
    if sign == " ":
        return "_"
    octets = sign.encode("utf-8", "replace")
    return sign if octets[0] in _SAFE else "".join(f"={octet:02X}" for octet in octets)


def _runs(pieces: Sequence[str], room: int, size: Callable[[str], int] = len) -> Iterator[list[str]]:
    """Pieces in runs of at most `room`."""
    run: list[str] = []
    taken = 0
    for piece in pieces:
        if taken + size(piece) > room:
            yield run
            run, taken = [], 0
        run.append(piece)
        taken += size(piece)
    if run:
        yield run


def address_words(addresses: Sequence[str]) -> list[str]:
    """Addresses with commas between them; `Änn <ann@unige.ch>` has its name encoded."""
    words: list[str] = []
    for at, one in enumerate(addresses):
        words += _named(one)
        if at + 1 < len(addresses):
            words[-1] += ","
    return words


def _named(address: str) -> list[str]:
    found = _NAMED.fullmatch(address.strip())
    if found is None:
        return [address.strip()]
    name, spec = found[1] if found[2] else found[1].rstrip(), f"<{found[3]}>"
    if not name:
        return [spec]
    if not name.isascii() or "=?" in name or "  " in name:
        return [*encoded_words(name), spec]
    return [*(name.split(" ") if _ATOMS.fullmatch(name) and "." not in name else [_quoted(name)]), spec]


def parameters(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Each in words, ready to follow a value that ends in a semicolon."""
    words = [word for name, value in pairs for word in _parameter(name, value)]
    return (f"{word};" if at + 1 < len(words) else word for at, word in enumerate(words))


def _parameter(name: str, value: str) -> list[str]:
    stands = value.isascii() and value.isprintable() and "=?" not in value
    if stands and len(name) + len(value) < WIDTH - 8:
        return [f"{name}={value if _TOKEN.fullmatch(value) else _quoted(value)}"]
    signs = _PERCENT_SIGNS.findall(quote(value, safe="", errors="replace"))
    room = WIDTH - len(name) - len("*00*=utf-8'';") - 2
    pieces = ["".join(run) for run in _runs(signs, room)]
    if len(pieces) == 1:
        return [f"{name}*=utf-8''{pieces[0]}"]
    return [
        f"{name}*{at}*={'' if at else chr(39).join(('utf-8', '', ''))}{piece}" for at, piece in enumerate(pieces)
    ]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
