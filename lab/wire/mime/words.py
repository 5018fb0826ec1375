"""Encoded words in headers, `=?utf-8?q?caf=C3=A9?=`, as a person reads them (RFC 2047).

The rule: for display alone; what is served is what was received. A word that cannot be read stays as it stands.
Space between two words is not there (§6.2), and a character may be cut in two by neighbours of one charset: they
are joined before they are read. Octets above 127 outside of words are UTF-8 (RFC 6532), or else Windows-1252.
"""

from __future__ import annotations

import re
from itertools import groupby

from lab.wire.mime.charsets import in_charset
from lab.wire.mime.encodings import from_base64

_WORD = re.compile(r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_HEX = re.compile(rb"=([0-9A-F]{2})", re.IGNORECASE)

_Piece = tuple[str, bytes]
"""(charset, octets); charset '' stands outside of words."""


def readable(value: str | bytes) -> str:
    """A header's text, its encoded words read. `value` is octets, or octets as Latin-1 characters.

    >>> readable("=?iso-8859-1?q?caf=E9?= =?utf-8?b?w6lw?=  =?utf-8?b?w6ll?= now")
    'caféépée now'
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    pieces = _pieces(text) if "=?" in text else [("", _octets(text))]
    runs = (
        (charset, b"".join(octets for _, octets in run)) for charset, run in groupby(pieces, lambda one: one[0])
    )
    return "".join(in_charset(octets, charset).text for charset, octets in runs)


def _pieces(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    end = 0
    for word in _WORD.finditer(text):
        between = text[end : word.start()]
        if not pieces or between.strip(" \t\r\n"):
            pieces.append(("", _octets(between)))
        pieces.append((word[1].lower(), _decoded(word[2], _octets(word[3]))))
        end = word.end()
    return [*pieces, ("", _octets(text[end:]))]


def _decoded(encoding: str, octets: bytes) -> bytes:
    if encoding in "bB":
        return from_base64(octets)
    return _HEX.sub(lambda found: bytes([int(found[1], 16)]), octets.replace(b"_", b" "))


def _octets(text: str) -> bytes:
    """The octets behind Latin-1 characters; a text that is read already goes through as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
