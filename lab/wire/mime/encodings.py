"""Content transfer encodings undone (RFC 2045 §6; uuencode as it was before MIME).

The rule: every input gives octets. What is no part of the encoding is passed over, as the RFC asks (§6.8: "all
line breaks or other characters not found in Table 1 must be ignored"); linear in the size of the input.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_PADDED = re.compile(rb"=+")
# Begins where a run of space begins, so that a long run is looked at once.
_TRAILING_SPACE = re.compile(rb"(?<![ \t])[ \t]+(?=\r?\n|\r?\Z)")
_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\n]*\n", re.MULTILINE)


def from_base64(octets: bytes) -> bytes:
    """Base64 of one or several runs, padded or not."""
    clean = octets.translate(None, _NOT_BASE64)
    return b"".join(_run(run) for run in _PADDED.split(clean))


def _run(run: bytes) -> bytes:
    """A run without padding; a lone last sign holds six bits of nothing."""
    usable = run[:-1] if len(run) % 4 == 1 else run
    return binascii.a2b_base64(usable + b"=" * (-len(usable) % 4))


def from_quoted_printable(octets: bytes) -> bytes:
    """Space at the end of a line was added on the way (§6.7 rule 3)."""
    return binascii.a2b_qp(_TRAILING_SPACE.sub(b"", octets))


def from_uuencode(octets: bytes) -> bytes:
    """The file between `begin` and `end`; without a `begin` there is none."""
    begin = _BEGIN.search(octets)
    if begin is None:
        return b""
    decoded = []
    for line in octets[begin.end() :].split(b"\n"):
        row = line.rstrip(b"\r")
        if row in (b"end", b"`", b" "):
            break
        decoded.append(_uu_row(row))
    return b"".join(decoded)


def _uu_row(row: bytes) -> bytes:
    """A row says in its first sign how many octets it holds; some programs write signs behind them."""
    count = (row[0] - 32) & 63 if row else 0
    signs = row[1 : 1 + (count * 4 + 2) // 3]  # binascii takes no other signs behind them than blanks
    clean = bytes(sign if 32 <= sign <= 96 else 32 for sign in signs)
    return binascii.a2b_uu(row[:1] + clean) if row and 32 <= row[0] <= 96 else b""


def _as_it_is(octets: bytes) -> bytes:
    return octets


DECODERS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "7bit": _as_it_is,
        "8bit": _as_it_is,
        "binary": _as_it_is,
        "base64": from_base64,
        "quoted-printable": from_quoted_printable,
        "uuencode": from_uuencode,
        "x-uuencode": from_uuencode,
        "x-uue": from_uuencode,
        "uue": from_uuencode,
    }
)
"""By name, in lower case; an encoding that is not here cannot be undone (RFC 9051 §6.4.5.1: UNKNOWN-CTE)."""
