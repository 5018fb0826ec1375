"""What a part's header says of its body: the Content fields.

RFC 2045 §5–8, RFC 2183 (disposition), RFC 3282 (language), RFC 2557 (location), RFC 1864 (MD5).

The rule: of two fields with one name the first counts; what cannot be read is as if it were not there, so that a
part always has a type. MIME-Version is not asked for: mail without it is read as mail with it, as everybody does.
"""

from __future__ import annotations

import re

from lab.wire.mime.fields import unfolded
from lab.wire.mime.parameters import structured, without_comments
from lab.wire.mime.tree import Part

_CONTENT = re.compile(rb"^content-([a-z0-9-]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_TOKEN = r"([!#$%&'*+.^_`{|}~0-9a-z-]+)"
_TYPE = re.compile(rf"{_TOKEN}\s*/\s*{_TOKEN}")
_WORD = re.compile(r"[^\s;]+")


def described(octets: bytes, number: str, start: int, header_end: int, *, in_digest: bool) -> Part:
    """The part whose header this is; its body is still empty."""
    says: dict[bytes, str] = {}
    for found in _CONTENT.finditer(octets, start, header_end):
        says.setdefault(found[1].lower(), unfolded(found[2]).decode("latin-1"))
    kind = ("message", "rfc822") if in_digest else ("text", "plain")
    if not says:
        return Part(number, start, header_end, header_end, *kind)
    word, params = structured(says.get(b"type", ""))
    if b"type" in says:
        kind = _type(word)
    disposition, disposition_params = structured(says.get(b"disposition", ""))
    return Part(
        number,
        start,
        header_end,
        header_end,
        *kind,
        params,
        _encoding(says.get(b"transfer-encoding", "")),
        disposition,
        disposition_params,
        says.get(b"id", ""),
        says.get(b"description", ""),
        _languages(says.get(b"language", "")),
        says.get(b"location", ""),
        says.get(b"md5", ""),
    )


def _type(word: str) -> tuple[str, str]:
    """RFC 2045 §5.2: what cannot be read is plain text."""
    found = _TYPE.fullmatch(word)
    return (found[1], found[2]) if found else ("text", "plain")


def _encoding(value: str) -> str:
    found = _WORD.search(without_comments(value)) if value else None
    return found[0].lower() if found else "7bit"


def _languages(value: str) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in without_comments(value).split(",") if tag.strip()) if value else ()
