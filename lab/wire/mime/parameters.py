r"""Structured header values: a word and its parameters, `text/plain; charset="utf-8"` (RFC 2045 §5.1, RFC 2231).

The rule: everything is read, nothing raises. Comments go, quotes go, values of several pieces become one; a value
in RFC 2231's extended form keeps it until a person wants to read it. Texts are octets as Latin-1 characters.

>>> structured('attachment (really); filename*0="long "; filename*1="name.txt"')
('attachment', (('filename', 'long name.txt'),))
>>> parameter((("filename*", "utf-8'fr'na%C3%AFve.txt"),), "filename")
'naïve.txt'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote_from_bytes, unquote_to_bytes

from lab.wire.mime.charsets import in_charset
from lab.wire.mime.words import readable

Parameters = tuple[tuple[str, str], ...]

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.?)*"?|[^;]*)', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_COMMENT_SIGNS = re.compile(r'\\.|["()]', re.DOTALL)
_PIECE = re.compile(r"(.+?)\*(\d{1,4})(\*?)")


def structured(value: str) -> tuple[str, Parameters]:
    """The word in front, in lower case, and the parameters. Of two with one name the first counts."""
    text = without_comments(value) if "(" in value else value
    word, semicolon, _ = text.partition(";")
    if not semicolon:
        return word.strip().lower(), ()
    pairs = [(found[1].lower(), _plain(found[2])) for found in _PARAMETER.finditer(text, len(word))]
    if any("*" in name for name, _ in pairs):
        pairs = _joined(pairs)
    first = dict(reversed(pairs))
    return word.strip().lower(), tuple((name, first.pop(name)) for name, _ in pairs if name in first)


def _plain(value: str) -> str:
    if not value.startswith('"'):
        return value.strip()
    inner = value[1:-1] if len(value) > 1 and value.endswith('"') else value[1:]
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def without_comments(text: str) -> str:
    """Comments, which nest, become a space each; inside quotes there are none (RFC 5322 §3.2.2)."""
    kept, depth, quoted, start = [], 0, False, 0
    for sign in _COMMENT_SIGNS.finditer(text):
        if sign[0] == '"' and not depth:
            quoted = not quoted
        elif sign[0] == "(" and not quoted:
            if not depth:
                kept.append(text[start : sign.start()])
            depth += 1
        elif sign[0] == ")" and depth:
            depth -= 1
            start = sign.end()
    return " ".join(kept if depth else [*kept, text[start:]])


def _joined(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Values in numbered pieces made whole (RFC 2231 §3, §4.1); a missing number ends the value."""
    whole: list[tuple[str, str]] = []
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for name, value in pairs:
        found = _PIECE.fullmatch(name)
        if found is None:
            whole.append((name, value))
            continue
        if found[1] not in pieces:
            pieces[found[1]] = {}
        pieces[found[1]].setdefault(int(found[2]), (bool(found[3]), value))
    return whole + [_whole(name, found) for name, found in pieces.items()]


def _whole(name: str, pieces: dict[int, tuple[bool, str]]) -> tuple[str, str]:
    run: list[tuple[bool, str]] = []
    while len(run) in pieces:
        run.append(pieces[len(run)])
    if not any(extended for extended, _ in run):
        return name, "".join(value for _, value in run)
    head = "" if run[0][0] else "''"
    return f"{name}*", head + "".join(value if extended else _percent(value) for extended, value in run)


def _percent(value: str) -> str:
    return quote_from_bytes(value.encode("latin-1", "replace"), safe="")


def parameter(params: Parameters, name: str) -> str:
    """A parameter as a person reads it; '' where there is none.

    >>> parameter((("name", "=?utf-8?q?caf=C3=A9?="),), "name")
    'café'
    """
    found = dict(params)
    if f"{name}*" in found:
        charset, _, rest = found[f"{name}*"].partition("'")
        return in_charset(unquote_to_bytes(rest.partition("'")[2].encode("latin-1", "replace")), charset).text
    return readable(found.get(name, ""))
