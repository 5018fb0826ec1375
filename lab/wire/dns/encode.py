"""DNS messages written: a `Message` in, octets out, never more of them than there is room for.

The rule: an RRset goes out whole or not at all (RFC 2181 §9), OPT always (RFC 6891 §6.2.6), and TC says when
something that is needed is missing; for a referral that includes its glue (RFC 9471 §3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from lab.wire.dns.codes import OPT, class_number, opcode_number, rcode_number, type_number
from lab.wire.dns.message import FIXED, HEADER, USUAL_EDNS, USUAL_OPT, Edns, Message, Question
from lab.wire.dns.names import Writer, name_wire
from lab.wire.dns.rdata import write_rdata
from lab.wire.records import Record


class Unwritable(Exception):
    """A record that has no form on the wire: a string over 255 octets, a preference over 65535."""


def encode(message: Message, limit: int = 65535, must: int = 0) -> bytes:
    """The message's octets, at most `limit` of them.

    What does not fit is left out by whole RRsets (RFC 2181 §9). TC says so, unless only additional records
    beyond the first `must` are missing: those are the glue of a referral, without which it is worth nothing
    (RFC 9471 §3). Unwritable: a record cannot be sent at all.
    """
    opt = _opt_of(message)
    room = limit - len(opt)
    writer = _start(message.question)
    for section in (message.answer, message.authority, message.additional):
        for record in section:
            _record(writer, record)
    counts = [len(message.answer), len(message.authority), len(message.additional)]
    tc = message.tc
    if len(writer.octets) > room:
        writer, counts, tc = _squeezed(message, room, must)
    octets = writer.octets
    counts[2] += bool(opt)
    HEADER.pack_into(octets, 0, message.id, _flags(message, tc), 1 if message.question else 0, *counts)
    return bytes(octets + opt)


def query(number: int, spelled: bytes, question: Question, *, rd: bool, edns: bool) -> bytes:
    """What `encode` makes of a message that only asks, the name spelled so on the wire."""
    head = HEADER.pack(number, rd << 8, 1, 0, 0, edns)
    return b"".join((head, spelled, _asked(question.type, question.rclass), USUAL_OPT if edns else b""))


@lru_cache(maxsize=1024)
def _asked(type: str, rclass: str) -> bytes:
    return struct.pack("!HH", type_number(type), class_number(rclass))


def _squeezed(message: Message, room: int, must: int) -> tuple[Writer, list[int], bool]:
    """As many whole RRsets, in order, as there is room for; whether something needed is missing."""
    writer = _start(message.question)
    counts = [0, 0, 0]
    for place, section in enumerate((message.answer, message.authority, message.additional)):
        for rrset in rrsets(section):
            before = len(writer.octets)
            for record in rrset:
                _record(writer, record)
            if len(writer.octets) > room:
                del writer.octets[before:]
                return writer, counts, message.tc or place < 2 or counts[2] < must
            counts[place] += len(rrset)
    return writer, counts, message.tc


def rrsets(records: Sequence[Record]) -> Iterator[tuple[Record, ...]]:
    """Neighbouring records of the same name and type, together."""
    if len(records) == 1:
        return iter((tuple(records),))
    return (tuple(group) for _, group in groupby(records, key=lambda record: (record.name, record.type)))


def _record(to: Writer, record: Record) -> None:
    to.name(record.name)
    octets = to.octets
    try:
        octets += FIXED.pack(type_number(record.type), 1, record.ttl, 0)
        start = len(octets)
        write_rdata(to, record.data)
        struct.pack_into("!H", octets, start - 2, len(octets) - start)
    except (ValueError, OverflowError, struct.error) as error:
        raise Unwritable(f"the {record.type} of {record.name.fqdn} does not fit its form") from error


def _start(question: Question | None) -> Writer:
    """Room for the header, and the question."""
    writer = Writer(bytes(HEADER.size))
    if question is not None:
        writer.spelled(question.name, question.spelled or name_wire(question.name))
        writer.octets += _asked(question.type, question.rclass)
    return writer


def _flags(message: Message, tc: bool) -> int:
    m = message
    flags = m.response << 15 | opcode_number(m.opcode) << 11 | m.aa << 10 | tc << 9 | m.rd << 8 | m.ra << 7
    return flags | m.ad << 5 | m.cd << 4 | rcode_number(m.rcode) & 15


def _opt_of(message: Message) -> bytes:
    edns = message.edns
    if edns is None:
        return b""
    rcode = rcode_number(message.rcode)
    return USUAL_OPT if edns is USUAL_EDNS and rcode < 16 else _opt_wire(edns, rcode)


def _opt_wire(edns: Edns, rcode: int) -> bytes:
    ttl = rcode >> 4 << 24 | edns.version << 16 | edns.do << 15
    rdata = b"".join([struct.pack("!HH", code, len(value)) + value for code, value in edns.options])
    return b"\0" + FIXED.pack(OPT, edns.payload, ttl, len(rdata)) + rdata
