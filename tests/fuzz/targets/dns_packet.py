"""A datagram for port 53: it is a message or Malformed, and a message goes out as it came in."""

from __future__ import annotations

from lab.wire.dns import Malformed, Message, decode, encode
from lab.wire.dns.encode import Unwritable
from tests.fuzz.target import Choices, Grammar, Target

_NAMES = (
    b"\x05unige\x02ch\0",
    b"\xc0\x0c",
    b"\x03www\xc0\x0c",
    b"\x03www\x05eunet\x02BE\0",
    b"\0",
    b"\x01*\xc0\x0c",
    b"\x02\xff\x00\0",
    (b"\x3f" + b"b" * 63) * 3 + b"\0",
)
_WILD_NAMES = (
    *_NAMES,
    b"\xc0\x0d",
    b"\xc1\x00",
    b"\x3f" + b"a" * 63 + b"\0",
    (b"\x3f" + b"b" * 63) * 4 + b"\0",
    b"\x40a\0",
    b"\xc0\xff",
    b"\xff\xff",
)
_TYPES = (1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 43, 46, 250, 251, 252, 255, 0, 65_280, 65_535)
_ASKED = (*_NAMES[:1] * 6, *_NAMES[3:6], b"\3wWw\5UNIGE\2ch\0", b"\xc0\x0c")
_FLAGS = (*(0x0100, 0, 0x8180, 0x8400, 0x8583, 0x8182) * 3, 0x2000, 0x2800, 0xFFFF)
_COUNTS = (0, 1, 1, 2, 3, 255, 65_535)


def _name(choices: Choices) -> bytes:
    return choices.one_of(_NAMES if choices.below(8) else _WILD_NAMES)


def _text(choices: Choices) -> bytes:
    octets = choices.octets(20)
    return bytes((len(octets),)) + octets


_RDATA: dict[int, Grammar] = {
    1: lambda choices: b"\xc6\x12\x03" + bytes((choices.below(256),)),
    2: _name,
    15: lambda choices: b"\0\x0a" + _name(choices),
    6: lambda choices: _name(choices) + _name(choices) + choices.octets(20).ljust(20, b"\0"),
    16: lambda choices: _text(choices) + _text(choices),
    28: lambda choices: bytes(16),
    33: lambda choices: b"\0\1\0\2\0\x19" + _name(choices),
    5: _name,
    39: _name,
    43: lambda choices: choices.octets(40),
    252: lambda choices: choices.octets(40),
}


def _number(choices: Choices, options: tuple[int, ...]) -> bytes:
    return choices.one_of(options).to_bytes(2, "big")


def _record(choices: Choices) -> bytes:
    """Most are what their type says, of the right length."""
    number, fill = choices.one_of(tuple(_RDATA.items()))
    if choices.below(16) == 15:
        number = choices.one_of(_TYPES)
    rdata = fill(choices)
    length = len(rdata) + (choices.one_of((1, 60_000)) if choices.below(16) == 15 else 0)
    ttl = choices.one_of((b"\0\0\x0e\x10", b"\0\0\x80\0", b"\xff\xff\xff\xff", b"\0\1\0\0"))
    head = (
        _name(choices)
        + number.to_bytes(2, "big")
        + choices.one_of((b"\0\1", b"\0\1", b"\0\1", b"\0\3", b"\x10\0"))
    )
    return head + ttl + (length & 65_535).to_bytes(2, "big") + rdata


def _opt(choices: Choices) -> bytes:
    option = b"\0\x0a\0\x04" + choices.octets(4).ljust(4, b"\0") if choices.below(2) else b""
    extended = choices.one_of((b"\0\0\0\0", b"\0\0\x80\0", b"\1\0\0\0", b"\0\1\0\0"))
    return (
        b"\0\0\x29"
        + _number(choices, (1232, 512, 0, 65_535))
        + extended
        + _number(choices, (len(option),))
        + option
    )


def packet(choices: Choices) -> bytes:
    """A header, a question, and records, whose counts may lie."""
    flags = choices.one_of(_FLAGS)
    question = choices.one_of(_ASKED) + _number(choices, _TYPES) + _number(choices, (1, 1, 1, 1, 1, 1, 3, 255))
    sections = [choices.several(_record, 3) for _ in range(3)]
    if choices.below(2):
        sections[2].append(_opt(choices))
    counts = [len(section) for section in sections]
    if choices.below(8) == 7:
        counts = [choices.one_of(_COUNTS) for _ in range(3)]
    asked = choices.one_of((1, 1, 1, 1, 1, 1, 1, 0, 2, 65_535))
    head = b"".join(number.to_bytes(2, "big") for number in (choices.below(65_536), flags, asked, *counts))
    return head + question * min(asked, 2) + b"".join(b"".join(section) for section in sections)


def understood(octets: bytes) -> Message | None:
    """The message, or None; FORMERR for what is no message is one itself."""
    try:
        return decode(octets)
    except Malformed as malformed:
        if malformed.reply is not None:
            assert decode(malformed.reply).rcode == "FORMERR"
        return None


def run(octets: bytes) -> None:
    message = understood(octets)
    if message is None:
        return
    try:
        again = encode(message)
    except Unwritable:
        return
    assert decode(again) == message, "what was written is not what was read"
    assert len(encode(message, 512)) <= 512 or not message.question or len(octets) > 512


TARGET = Target(run, packet, (bytes.fromhex("123401000001000000000000") + b"\x05unige\x02ch\0\0\x0f\0\1",))
