"""Record data from master-file words (RFC 1035 §3.3, §5.1) and from octets (RFC 3597 §5).

The rule: `read` gives typed data for the types of `records.py`, opaque octets for the rest; what cannot be read
is a BadText with a sentence. Names without a final dot are below the origin.
"""

from __future__ import annotations

import base64
import difflib
import ipaddress
import re
from collections.abc import Callable, Sequence

from lab.names import Address, BadName, DomainName
from lab.wire import records as rr
from lab.wire.tokens import BadText, Token

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18,
    "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "CERT": 37, "DNAME": 39, "DS": 43, "SSHFP": 44, "RRSIG": 46,
    "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "TLSA": 52, "SMIMEA": 53, "CDS": 59, "CDNSKEY": 60,
    "OPENPGPKEY": 61, "CSYNC": 62, "ZONEMD": 63, "SVCB": 64, "HTTPS": 65, "SPF": 99, "URI": 256, "CAA": 257,
}  # fmt: skip
_MNEMONICS = {number: name for name, number in TYPES.items()}
_TYPE_NUMBER = re.compile(r"TYPE([0-9]{1,5})")
_TIME = re.compile(r"([0-9]{1,10})([smhdw]?)", re.IGNORECASE | re.ASCII)  # else ſ is an s, and no unit
_NUMBER = re.compile(r"[0-9]{1,20}")  # thousands of digits are more than int() reads
_IN_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def type_named(word: str) -> str | None:
    """The mnemonic of a record type, TYPEnnn where it has none; None when the word is no type."""
    upper = word.upper()
    match = _TYPE_NUMBER.fullmatch(upper)
    if match and int(match[1]) < 65536:
        return _MNEMONICS.get(int(match[1]), f"TYPE{int(match[1])}")
    return upper if upper in TYPES else None


def seconds(word: str) -> int | None:
    """A TTL: "300", "1h30m". RFC 2181 §8: 31 bits, and one with the high bit set is taken for 0."""
    parts = _TIME.findall(word)
    if not parts or "".join(a + b for a, b in parts) != word or any(not unit for _, unit in parts[:-1]):
        return None
    total = sum(int(number) * _IN_SECONDS[unit.lower()] for number, unit in parts)
    return total if total < 2**31 else 0 if total < 2**32 else None


def read(type: str, tokens: Sequence[Token], origin: DomainName | None) -> rr.Rdata:
    """The data of a record of this type. BadText when the words do not fit it."""
    if tokens and tokens[0].text == "\\#" and not tokens[0].quoted:
        return from_octets(type, _generic(tokens))
    words = _Words(type, tokens, origin)
    if type not in _READERS:
        raise words.fault(f"the lab reads {type} records in the generic form only: \\# LENGTH HEX (RFC 3597 §5)")
    data = _READERS[type](words)
    words.end()
    return data


class _Words:
    """The words of one record's data, taken one after another."""

    __slots__ = ("at", "origin", "tokens", "type")

    def __init__(self, type: str, tokens: Sequence[Token], origin: DomainName | None) -> None:
        self.type = type
        self.tokens = tokens
        self.origin = origin
        self.at = 0

    def fault(self, sentence: str, hint: str = "") -> BadText:
        """A complaint about the word last taken."""
        token = self.tokens[max(0, min(self.at, len(self.tokens)) - 1)] if self.tokens else None
        return BadText(sentence, token, hint=hint)

    def take(self, what: str) -> Token:
        if self.at >= len(self.tokens):
            self.at += 1
            raise self.fault(f"{_an(self.type)} record needs {what}", f"its form is: {_FORMS.get(self.type, '')}")
        self.at += 1
        return self.tokens[self.at - 1]

    def rest(self, what: str) -> list[Token]:
        first = self.take(what)
        found = [first, *self.tokens[self.at :]]
        self.at = len(self.tokens)
        return found

    def end(self) -> None:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            hint = "a ';' begins a comment" if token.text.startswith("#") else f"its form is: {_FORMS[self.type]}"
            raise BadText(f"'{token.text}' is one word too many for {_an(self.type)} record", token, hint=hint)

    def name(self, what: str = "a name") -> DomainName:
        token = self.take(what)
        try:
            return named(token, self.origin)
        except BadName as error:
            raise BadText(error.sentence, token) from None

    def number(self, what: str, bits: int) -> int:
        token = self.take(what)
        number = int(token.text) if _NUMBER.fullmatch(token.text) else -1
        if not 0 <= number < 1 << bits:
            raise self.fault(f"'{token.text}' is not {what}: a number from 0 to {(1 << bits) - 1}")
        return number

    def time(self, what: str) -> int:
        token = self.take(what)
        found = seconds(token.text)
        if found is None:
            raise self.fault(f"'{token.text}' is not {what}: seconds, or a time like 1h")
        return found

    def octets(self, what: str, decode: Callable[[str], bytes]) -> bytes:
        joined = "".join(token.text for token in self.rest(what))
        try:
            return decode(joined)
        except ValueError:
            raise self.fault(f"'{joined[:40]}' is not {what}") from None


def named(token: Token, origin: DomainName | None) -> DomainName:
    """A name as a master file writes it. BadName when it is none, or is relative to nothing."""
    if origin is None and (token.text == "@" or not token.text.endswith(".")):
        raise BadName(f"'{token.text}' is relative, and there is no $ORIGIN")
    return DomainName.parse(token.text, origin)


def _an(type: str) -> str:
    return f"{'an' if type[0] in 'AFHLMNRSX' else 'a'} {type}"


def _address(words: _Words, version: int, kind: type[rr.A] | type[rr.AAAA]) -> rr.Rdata:
    token = words.take("an address")
    try:
        return kind(Address(str((ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address)(token.text))))
    except ValueError:
        raise words.fault(f"'{token.text}' is not an IPv{version} address", _other(token.text, version)) from None


def _other(text: str, version: int) -> str:
    looks_six = ":" in text
    if looks_six == (version == 4) and (looks_six or text.replace(".", "").isdigit()):
        return f"an IPv{6 if looks_six else 4} address goes into {'an AAAA' if looks_six else 'an A'} record"
    return ""


def _soa(words: _Words) -> rr.Rdata:
    return rr.SOA(
        words.name("the primary server"),
        words.name("the mailbox of its keeper"),
        words.number("a serial", 32),
        words.time("a refresh time"),
        words.time("a retry time"),
        words.time("an expiry time"),
        words.time("a negative TTL"),
    )


def _txt(words: _Words) -> rr.Rdata:
    return rr.TXT(tuple(_string(token) for token in words.rest("a text")))


def _string(token: Token) -> bytes:
    octets = token.octets
    if len(octets) > 255:
        hint = 'split it: "first part" "second part"; readers join them without a space (RFC 7208 §3.3)'
        raise BadText(f"a string of {len(octets)} octets; 255 is the most (RFC 1035 §3.3)", token, "T036", hint)
    return octets


def _prefixed(octets: bytes) -> bytes:
    return bytes([len(octets)]) + octets


def _caa(words: _Words) -> rr.Rdata:
    flags, tag, value = words.number("flags", 8), words.take("a tag"), words.take("a value")
    return rr.Opaque("CAA", bytes([flags]) + _prefixed(_string(tag)) + value.octets)


def _hinfo(words: _Words) -> rr.Rdata:
    strings = _string(words.take("a CPU")), _string(words.take("a system"))
    return rr.Opaque("HINFO", b"".join(map(_prefixed, strings)))


def _hashed(type: str, *fields: tuple[str, int]) -> Callable[[_Words], rr.Rdata]:
    """Some numbers (what, octets), then hexadecimal."""

    def reader(words: _Words) -> rr.Rdata:
        head = b"".join(words.number(what, size * 8).to_bytes(size, "big") for what, size in fields)
        return rr.Opaque(type, head + words.octets("hexadecimal data", bytes.fromhex))

    return reader


def _dnskey(words: _Words) -> rr.Rdata:
    head = words.number("flags", 16).to_bytes(2, "big")
    head += bytes([words.number("a protocol", 8), words.number("an algorithm", 8)])
    return rr.Opaque(
        words.type, head + words.octets("base64 data", lambda text: base64.b64decode(text, validate=True))
    )


_READERS: dict[str, Callable[[_Words], rr.Rdata]] = {
    "A": lambda words: _address(words, 4, rr.A),
    "AAAA": lambda words: _address(words, 6, rr.AAAA),
    "NS": lambda words: rr.NS(words.name("the name of a server")),
    "CNAME": lambda words: rr.CNAME(words.name()),
    "DNAME": lambda words: rr.DNAME(words.name()),
    "PTR": lambda words: rr.PTR(words.name()),
    "MX": lambda words: rr.MX(words.number("a preference", 16), words.name("the name of a host")),
    "SOA": _soa,
    "TXT": _txt,
    "SRV": lambda words: rr.SRV(
        words.number("a priority", 16), words.number("a weight", 16), words.number("a port", 16), words.name()
    ),
    "CAA": _caa,
    "HINFO": _hinfo,
    "DS": _hashed("DS", ("a key tag", 2), ("an algorithm", 1), ("a digest type", 1)),
    "SSHFP": _hashed("SSHFP", ("an algorithm", 1), ("a fingerprint type", 1)),
    "TLSA": _hashed("TLSA", ("a usage", 1), ("a selector", 1), ("a matching type", 1)),
    "SMIMEA": _hashed("SMIMEA", ("a usage", 1), ("a selector", 1), ("a matching type", 1)),
    "DNSKEY": _dnskey,
    "CDNSKEY": _dnskey,
}

_FORMS = {
    "A": "A 198.18.2.25", "AAAA": "AAAA 2001:db8::25", "NS": "NS ns.example.com.",
    "CNAME": "CNAME www.example.com.",
    "DNAME": "DNAME example.org.", "PTR": "PTR mail.example.com.", "MX": "MX 5 mail.example.com.",
    "SOA": "SOA ns.example.com. hostmaster.example.com. 1 1h 15m 1w 5m", "TXT": 'TXT "some text"',
    "SRV": "SRV 0 5 143 mail.example.com.", "CAA": 'CAA 0 issue "ca.example.com"', "HINFO": "HINFO PC Linux",
    "DS": "DS 60485 8 2 HEX", "SSHFP": "SSHFP 4 2 HEX", "TLSA": "TLSA 3 1 1 HEX", "SMIMEA": "SMIMEA 3 1 1 HEX",
    "DNSKEY": "DNSKEY 257 3 8 BASE64", "CDNSKEY": "CDNSKEY 257 3 8 BASE64",
}  # fmt: skip


def _generic(tokens: Sequence[Token]) -> bytes:
    """RFC 3597 §5: `\\# 4 c6120219`."""
    try:
        size, octets = int(tokens[1].text), bytes.fromhex("".join(token.text for token in tokens[2:]))
    except (IndexError, ValueError):
        raise BadText("the generic form is \\# LENGTH HEX (RFC 3597 §5)", tokens[0]) from None
    if size != len(octets):
        raise BadText(f"\\# says {size} octets, and {len(octets)} follow", tokens[1])
    return octets


def from_octets(type: str, octets: bytes) -> rr.Rdata:
    """Data from its octets, names in them uncompressed. BadText when they do not fit the type."""
    reader = _DECODERS.get(type)
    if reader is None:
        return rr.Opaque(type, octets)
    try:
        return reader(octets)
    except (ValueError, IndexError, BadName):
        raise BadText(f"these octets are no {type} data") from None


def _wire_name(octets: bytes) -> DomainName:
    name, rest = _leading_name(octets)
    if rest:
        raise ValueError
    return name


def _leading_name(octets: bytes) -> tuple[DomainName, bytes]:
    labels, at = [], 0
    while octets[at]:
        if octets[at] > 63 or at + octets[at] >= len(octets):
            raise ValueError
        labels.append(octets[at + 1 : at + 1 + octets[at]])
        at += octets[at] + 1
    return DomainName.from_labels(labels), octets[at + 1 :]


def _wire_soa(octets: bytes) -> rr.SOA:
    mname, rest = _leading_name(octets)
    rname, rest = _leading_name(rest)
    if len(rest) != 20:
        raise ValueError
    return rr.SOA(mname, rname, *(_number(rest[at : at + 4]) for at in range(0, 20, 4)))


def _wire_strings(octets: bytes) -> rr.TXT:
    strings = []
    while octets:
        if len(octets) <= octets[0]:
            raise ValueError
        strings.append(octets[1 : 1 + octets[0]])
        octets = octets[1 + octets[0] :]
    if not strings:
        raise ValueError
    return rr.TXT(tuple(strings))


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


_DECODERS: dict[str, Callable[[bytes], rr.Rdata]] = {
    "A": lambda octets: rr.A(Address(str(ipaddress.IPv4Address(octets)))),
    "AAAA": lambda octets: rr.AAAA(Address(str(ipaddress.IPv6Address(octets)))),
    "NS": lambda octets: rr.NS(_wire_name(octets)),
    "CNAME": lambda octets: rr.CNAME(_wire_name(octets)),
    "DNAME": lambda octets: rr.DNAME(_wire_name(octets)),
    "PTR": lambda octets: rr.PTR(_wire_name(octets)),
    "MX": lambda octets: rr.MX(_number(octets[:2]), _wire_name(octets[2:])),
    "SRV": lambda octets: rr.SRV(
        _number(octets[:2]), _number(octets[2:4]), _number(octets[4:6]), _wire_name(octets[6:])
    ),
    "SOA": _wire_soa,
    "TXT": _wire_strings,
}


def unknown_type(token: Token) -> BadText:
    """For a word that stands where a type should."""
    near = difflib.get_close_matches(token.text.upper(), [*_READERS], 1, 0.6)
    hint = f"did you mean '{near[0]}'?" if near else "for example A, MX, NS, CNAME, TXT"
    return BadText(f"'{token.text}' is not a record type", token, "Z002", hint)
