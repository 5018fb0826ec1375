"""DNS messages read: octets in, a `Message` out.

The rule: every octet string is either a `Message` or `Malformed`, and `Malformed` carries the reply that is due.
Read here rather than with dnslib's parser, because that refuses labels that are not UTF-8 (RFC 2181 §11 allows
any octet) and costs 14 µs a query and 41 µs an answer, where this takes 5 and 12.

Law: RFC 1035 §4 (layout), RFC 6891 §6.1 (OPT), RFC 2181 §8 (TTL of 31 bits), RFC 9619 (one question),
RFC 8906 §3, §8 (what is echoed, what is dropped).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import field

from lab.names import DomainName
from lab.values import dataclass, made_often
from lab.wire.dns.codes import OPT, class_name, opcode_name, rcode_name, type_name
from lab.wire.dns.names import name_wire, read_name
from lab.wire.dns.rdata import rdata
from lab.wire.records import Record

HEADER = struct.Struct("!HHHHHH")
FIXED = struct.Struct("!HHIH")


@made_often
@dataclass(frozen=True, slots=True)
class Question:
    """`spelled` is QNAME as it stood on the wire: its case is echoed (RFC 4343 §4, draft-vixie-dnsext-dns0x20)."""

    name: DomainName
    type: str
    rclass: str = "IN"
    spelled: bytes = field(default=b"", compare=False)


@made_often
@dataclass(frozen=True, slots=True)
class Edns:
    """The OPT record (RFC 6891 §6.1); the upper bits of the rcode stand in `Message.rcode`."""

    payload: int = 1232
    version: int = 0
    do: bool = False
    options: tuple[tuple[int, bytes], ...] = ()


@made_often
@dataclass(frozen=True, slots=True)
class Message:
    """One DNS message. Records of a class other than IN are left out of its sections."""

    id: int = 0
    response: bool = False
    opcode: str = "QUERY"
    aa: bool = False
    tc: bool = False
    rd: bool = False
    ra: bool = False
    ad: bool = False
    cd: bool = False
    rcode: str = "NOERROR"
    question: Question | None = None
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    edns: Edns | None = None

    def __hash__(self) -> int:
        """Of what tells messages apart; the records are compared, where it comes to that, and not summed up."""
        return hash((self.id, self.rcode, self.question, len(self.answer), len(self.authority)))


USUAL_EDNS = Edns()
USUAL_OPT = b"\0" + FIXED.pack(OPT, USUAL_EDNS.payload, 0, 0)
"""The same on the wire, with an rcode below 16."""


class Malformed(Exception):
    """Octets that are no DNS message. `reply` is the FORMERR that is due, None where silence is (RFC 8906 §8)."""

    def __init__(self, reason: str, reply: bytes | None) -> None:
        super().__init__(reason)
        self.reply = reply


def decode(octets: bytes) -> Message:
    """The message in a datagram, or Malformed. An opcode other than QUERY and NOTIFY is not taken apart: its
    message has the header only."""
    if len(octets) < 12:
        raise Malformed("shorter than a header", None)
    try:
        return _message(octets)
    except Exception as error:
        raise Malformed(str(error) or type(error).__name__, _format_error(octets)) from error


def _format_error(octets: bytes) -> bytes | None:
    """What can be said when only the header can be trusted: its ID, opcode and RD, and FORMERR."""
    number, flags = struct.unpack_from("!HH", octets)
    if flags & 0x8000:
        return None
    return HEADER.pack(number, 0x8000 | flags & 0x7900 | 1, 0, 0, 0, 0)


def _message(octets: bytes) -> Message:
    number, flags, questions, answers, authorities, additionals = HEADER.unpack_from(octets)
    opcode = opcode_name(flags >> 11 & 15)
    question: Question | None = None
    edns: Edns | None = None
    answer, authority, additional, upper = _NONE, _NONE, _NONE, 0
    if opcode in ("QUERY", "NOTIFY"):
        question, at = _question(octets, questions)
        if (answers, authorities, additionals) == _ONLY_OPT and octets[at:] == USUAL_OPT:
            edns = USUAL_EDNS  # as nearly every query
        else:
            reader = _Reader(octets, at, question)
            answer, authority, additional = reader.sections(answers, authorities, additionals)
            edns, upper = reader.edns, reader.rcode
    return Message(
        number,
        flags & 0x8000 != 0,
        opcode,
        flags & 0x0400 != 0,
        flags & 0x0200 != 0,
        flags & 0x0100 != 0,
        flags & 0x0080 != 0,
        flags & 0x0020 != 0,
        flags & 0x0010 != 0,
        rcode_name(upper << 4 | flags & 15),
        question,
        answer,
        authority,
        additional,
        edns,
    )


_NONE: tuple[Record, ...] = ()
_ONLY_OPT = (0, 0, 1)
_AT_THE_QUESTION = b"\xc0\x0c"
"""A pointer to the twelfth octet, where the question's name begins."""


def _question(octets: bytes, count: int) -> tuple[Question | None, int]:
    if count > 1:
        raise ValueError(f"{count} questions in one message (RFC 9619)")
    if not count:
        return None, 12
    name, at = read_name(octets, 12)
    number, rclass = struct.unpack_from("!HH", octets, at)
    spelled = octets[12:at]
    if len(spelled) != len(name_wire(name)):
        raise ValueError("a pointer in the question")
    return Question(name, type_name(number), class_name(rclass), spelled), at + 4


Sections = tuple[tuple[Record, ...], tuple[Record, ...], tuple[Record, ...]]


class _Reader:
    """A cursor over the resource records of one message."""

    __slots__ = ("_asked", "at", "edns", "octets", "rcode")

    def __init__(self, octets: bytes, at: int, question: Question | None) -> None:
        self._asked = None if question is None else question.name
        self.octets = octets
        self.at = at
        self.edns: Edns | None = None
        self.rcode = 0
        """Its upper eight bits, which stand in the OPT record."""

    def sections(self, answers: int, authorities: int, additionals: int) -> Sections:
        answer = self._section(answers) if answers else _NONE
        authority = self._section(authorities) if authorities else _NONE
        additional = self._section(additionals - 1, opt=True) if additionals > 1 else _NONE
        if additionals and not self._ends_as_usual():
            additional += self._section(1, opt=True)
        if self.at != len(self.octets):
            raise ValueError(f"{len(self.octets) - self.at} octets too many")
        return answer, authority, additional

    def _ends_as_usual(self) -> bool:
        """What is left is the OPT record that nearly every message has, alike to the octet."""
        if self.edns is not None or self.octets[self.at :] != USUAL_OPT:
            return False
        self.edns, self.at = USUAL_EDNS, len(self.octets)
        return True

    def _section(self, count: int, opt: bool = False) -> tuple[Record, ...]:
        return tuple([record for _ in range(count) if (record := self._record(opt)) is not None])

    def _record(self, opt: bool) -> Record | None:
        octets = self.octets
        name, at = self._owner(octets)
        number, rclass, ttl, length = FIXED.unpack_from(octets, at)
        at += 10
        end = self.at = at + length
        if end > len(octets):
            raise ValueError("RDATA ends beyond the message")
        if number == OPT:
            self._opt(name, rclass, ttl, octets[at:end], opt)
            return None
        if rclass != 1:
            return None
        return Record(name, 0 if ttl & 0x80000000 else ttl, rdata(number, octets, at, end))

    def _owner(self, octets: bytes) -> tuple[DomainName, int]:
        """Most records are the asked name's, and point at it."""
        at = self.at
        if self._asked is not None and octets[at : at + 2] == _AT_THE_QUESTION:
            return self._asked, at + 2
        return read_name(octets, at)

    def _opt(self, name: DomainName, payload: int, ttl: int, octets: bytes, allowed: bool) -> None:
        if not allowed or self.edns is not None or not name.is_root:
            raise ValueError("a second or misplaced OPT record (RFC 6891 §6.1.1)")
        options = tuple(_options(octets)) if octets else ()
        self.edns = Edns(payload, ttl >> 16 & 255, ttl & 0x8000 != 0, options)
        self.rcode = ttl >> 24


def _options(rdata: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(rdata):
        code, length = struct.unpack_from("!HH", rdata, at)
        at += 4 + length
        if at > len(rdata):
            raise ValueError("an EDNS option ends beyond its record")
        yield code, rdata[at - length : at]
