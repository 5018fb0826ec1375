"""The numbers of the DNS and their names: types, classes, opcodes, rcodes (IANA, RFC 6895).

The rule: above `wire` a type or code is its mnemonic, and what has none is TYPE65280, CLASS7, RCODE23, OPCODE7
(RFC 3597 §5). This module is the one door to dnslib, which has the tables and reads the rarer types' RDATA.
"""

from __future__ import annotations

from functools import lru_cache

import dnslib

from lab.wire.records import Opaque, Rdata

OPT = 41

_TYPES: dict[int, str] = {**dnslib.QTYPE.forward, 53: "SMIMEA"}
"""dnslib has HIP at 53 too, where RFC 8162 has SMIMEA."""
_RCODES: dict[int, str] = {**dnslib.RCODE.forward, 16: "BADVERS"}
_OPCODES: dict[int, str] = dict(dnslib.OPCODE.forward)
_CLASSES: dict[int, str] = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
_TYPE_NUMBERS = {text: number for number, text in _TYPES.items()}
_RCODE_NUMBERS = {text: number for number, text in _RCODES.items()}
_OPCODE_NUMBERS = {text: number for number, text in _OPCODES.items()}
_CLASS_NUMBERS = {text: number for number, text in _CLASSES.items()}


@lru_cache(maxsize=1024)
def type_name(number: int) -> str:
    """`MX` for 15; `TYPE65280` for a number without a name (RFC 3597 §5)."""
    return _TYPES.get(number, f"TYPE{number}")


@lru_cache(maxsize=1024)
def type_number(name: str) -> int:
    """15 for `MX` or `TYPE15`; ValueError for a word that is no type."""
    word = name.upper()
    if word in _TYPE_NUMBERS:
        return _TYPE_NUMBERS[word]
    if word.startswith("TYPE") and word[4:].isascii() and word[4:].isdigit() and int(word[4:]) < 65536:
        return int(word[4:])
    raise ValueError(f"'{name}' is not a type of DNS record")


@lru_cache(maxsize=256)
def rcode_name(number: int) -> str:
    return _RCODES.get(number) or f"RCODE{number}"


@lru_cache(maxsize=256)
def rcode_number(name: str) -> int:
    return _number(name, _RCODE_NUMBERS, "RCODE")


@lru_cache(maxsize=256)
def opcode_name(number: int) -> str:
    return _OPCODES.get(number) or f"OPCODE{number}"


@lru_cache(maxsize=256)
def opcode_number(name: str) -> int:
    return _number(name, _OPCODE_NUMBERS, "OPCODE")


@lru_cache(maxsize=256)
def class_name(number: int) -> str:
    return _CLASSES.get(number) or f"CLASS{number}"


@lru_cache(maxsize=256)
def class_number(name: str) -> int:
    return _number(name, _CLASS_NUMBERS, "CLASS")


def _number(name: str, known: dict[str, int], prefix: str) -> int:
    number = known.get(name)
    return int(name.removeprefix(prefix)) if number is None else number


def present(data: Rdata) -> str:
    """A record's data as a person reads it: the rarer types (CAA, TLSA, DS …) in their own form where dnslib
    knows it, everything else as `Rdata.text` has it."""
    kind = dnslib.RDMAP.get(data.type) if isinstance(data, Opaque) else None
    if kind is None or not isinstance(data, Opaque):
        return data.text()
    try:
        return str(kind.parse(dnslib.DNSBuffer(data.octets), len(data.octets)).toZone())
    except Exception:
        return data.text()


def brief(data: Rdata) -> str:
    """The same without its final dot: `5 mail.belgiannews.com`, as people write names."""
    text = present(data)
    return text[:-1] if text.endswith(".") and len(text) > 1 and text[-2] not in " \\" else text
