"""Octets as text, in the charset that they claim to be in.

The rule: there is always a text, and where the claim was false, a sentence that says so. Mail's charset names are
wider than any register: the aliases below are those seen in mail. us-ascii with octets above 127 is read as UTF-8
where it is UTF-8, else as Windows-1252, what mail programs do.
"""

from __future__ import annotations

import codecs
import re
from types import MappingProxyType

from lab.values import dataclass

_ALIASES = MappingProxyType(
    {
        "": "us-ascii",
        "ks_c_5601-1987": "cp949",
        "euc-kr": "cp949",
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "x-sjis": "cp932",
        "windows-31j": "cp932",
        "iso-8859-8-i": "iso-8859-8",
        "iso-8859-8-e": "iso-8859-8",
        "iso-8859-6-i": "iso-8859-6",
        "x-mac-roman": "mac-roman",
        "macintosh": "mac-roman",
        "utf8mb4": "utf-8",
        "x-unknown": "us-ascii",
        "unknown-8bit": "us-ascii",
    }
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._:+-]{0,39}")
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
"""Codecs of Python that are no charsets of mail; some are slow, some warn."""


@dataclass(frozen=True, slots=True)
class Text:
    """`note` says where the charset lied; '' when it told the truth."""

    text: str
    note: str = ""


def in_charset(octets: bytes, charset: str) -> Text:
    """The text of these octets, with replacement signs for what is not in the charset.

    >>> in_charset(b"caf\\xe9", "utf-8")
    Text(text='caf\ufffd', note='octet 3 (0xe9) is not utf-8')
    """
    name = charset.strip().lower()
    if octets.isascii() and name in ("", "us-ascii", "utf-8", "iso-8859-1"):
        return Text(octets.decode("ascii"))
    codec = _codec(_ALIASES.get(name, name))
    if codec is None:
        return Text(_guessed(octets), f"there is no charset '{charset}'")
    try:
        return Text(octets.decode(codec))
    except UnicodeDecodeError as error:
        note = f"octet {error.start} (0x{octets[error.start]:02x}) is not {name or 'us-ascii'}"
    except UnicodeError:
        note = f"this is not {name}"
    return Text(_guessed(octets) if codec == "ascii" else octets.decode(codec, "replace"), note)


def _codec(name: str) -> str | None:
    """Python's name for a charset of text; None where there is none."""
    try:
        found = codecs.lookup(name) if _NAME.fullmatch(name) else None
    except LookupError:
        return None
    if found is None:
        return None
    is_text = getattr(found, "_is_text_encoding", True)
    return found.name if is_text and found.name.replace("-", "_") not in _NO_CHARSETS else None


def _guessed(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")
