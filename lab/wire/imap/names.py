"""Names of mailboxes on the wire: modified UTF-7 in IMAP4rev1, UTF-8 in IMAP4rev2.

The rule: inside the lab a name is text; these two functions are the only place that knows how it travels. What is
no valid UTF-7 is taken as it stands, for clients write `Entwürfe` raw.

RFC 3501 §5.1.3: `&` opens, `-` closes, base64 of UTF-16 with `,` for `/`; `&` itself is `&-`. RFC 9051 §5.1.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

_SHIFTED = re.compile(r"&([^-&]*)-")
_BEYOND = re.compile(r"[^\x20-\x7e]+|&")


def decode_name(octets: bytes, utf8: bool) -> str:
    """
    >>> decode_name(b"Entw&APw-rfe", utf8=False), decode_name(b"Q&-A", utf8=False), decode_name(b"Q&A", utf8=True)
    ('Entwürfe', 'Q&A', 'Q&A')
    """
    text = octets.decode("utf-8", "surrogateescape")
    if utf8 or "&" not in text:
        return text
    try:
        return _SHIFTED.sub(lambda found: _unshift(found[1]), text)
    except ValueError:
        return text


def encode_name(name: str, utf8: bool) -> bytes:
    """
    >>> encode_name("Entwürfe", utf8=False)
    b'Entw&APw-rfe'
    """
    if utf8:
        return name.encode("utf-8", "replace")
    return _BEYOND.sub(lambda found: _shift(found[0]), name).encode()


def _shift(text: str) -> str:
    if text == "&":
        return "&-"
    packed = b64encode(text.encode("utf-16-be", "surrogatepass")).decode()
    return f"&{packed.rstrip('=').replace('/', ',')}-"


def _unshift(packed: str) -> str:
    if not packed:
        return "&"
    padded = packed.replace(",", "/") + "=" * (-len(packed) % 4)
    return b64decode(padded, validate=True).decode("utf-16-be")
