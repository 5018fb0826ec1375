"""DNS messages on the wire, with dnspython and dnslib as referees."""

from __future__ import annotations

from dataclasses import replace

import dns.message
import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.names import Address, DomainName
from lab.wire.dns import (
    Edns,
    ExtendedError,
    Malformed,
    Message,
    Question,
    brief,
    decode,
    encode,
    extended_errors,
    name_wire,
    present,
    query,
    read_rdata,
    type_name,
    type_number,
)
from lab.wire.rdata import TYPES
from lab.wire.records import AAAA, CNAME, DNAME, MX, NS, PTR, SOA, SRV, TXT, A, Opaque, Rdata, Record

NEWS = DomainName("belgiannews.com")
MAIL = DomainName("mail.belgiannews.com")
ODD = DomainName.from_labels((b"\xff\x00.", b"belgiannews", b"com"))

RDATA: list[Rdata] = [
    A(Address("198.18.2.25")),
    AAAA(Address("2001:db8::25")),
    NS(MAIL),
    CNAME(MAIL),
    DNAME(MAIL),
    PTR(MAIL),
    MX(5, MAIL),
    MX(0, DomainName(".")),
    SOA(MAIL, ODD, 1, 2, 3, 4, 5),
    TXT((b"v=spf1 -all", b"\xff", b"")),
    SRV(0, 1, 143, MAIL),
    Opaque("TYPE65280", b"\xc0\x0c"),
    Opaque("TYPE65281", b""),
    Opaque("CAA", bytes.fromhex("00056973737565") + b"lab"),
]
RECORDS = tuple(Record(name, 300, data) for name in (NEWS, ODD) for data in RDATA)

labels = st.binary(min_size=1, max_size=20)
names = st.lists(labels, max_size=5).map(DomainName.from_labels)
rdata = st.one_of(
    st.sampled_from(RDATA),
    names.map(NS),
    st.builds(MX, st.integers(0, 65535), names),
    st.builds(SRV, *[st.integers(0, 65535)] * 3, names),
    st.lists(st.binary(max_size=255), min_size=1, max_size=3).map(lambda strings: TXT(tuple(strings))),
)
records = st.lists(st.builds(Record, names, st.integers(0, 2**31 - 1), rdata), max_size=6).map(tuple)
messages = st.builds(
    Message,
    st.integers(0, 65535),
    *[st.booleans()] * 1,
    st.just("QUERY"),
    *[st.booleans()] * 6,
    st.sampled_from(["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "RCODE11"]),
    st.none() | st.builds(Question, names, st.sampled_from(["A", "MX", "TYPE65280", "ANY"])),
    records,
    records,
    records,
    st.none() | st.builds(Edns, st.integers(0, 65535), st.just(0), st.booleans()),
)


@given(messages)
def test_what_is_written_is_read_again(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages)
def test_dnspython_reads_what_is_written(message: Message) -> None:
    referee = dns.message.from_wire(encode(message))
    assert referee.id == message.id
    counts = [sum(len(rrset) for rrset in section) for section in referee.sections[1:]]
    assert counts[0] <= len(message.answer)  # it folds duplicates
    assert (referee.edns == -1) is (message.edns is None)


def read(octets: bytes) -> Message | Malformed:
    try:
        return decode(octets)
    except Malformed as malformed:
        return malformed


@given(st.binary(max_size=64))
def test_octets_are_a_message_or_malformed(octets: bytes) -> None:
    result = read(octets)
    reply = result.reply if isinstance(result, Malformed) else None
    assert reply is None or (reply[:2], len(reply)) == (octets[:2], 12)


@given(messages, st.data())
def test_a_damaged_message_is_a_message_or_malformed(message: Message, data: st.DataObject) -> None:
    octets = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(read(bytes(octets)), Message | Malformed)


@pytest.mark.parametrize("record", [r for r in RECORDS if r.name == NEWS], ids=lambda record: record.type)
def test_dnspython_reads_every_type_alike(record: Record) -> None:
    message = Message(1, True, question=Question(NEWS, "ANY"), answer=(record,))
    (rrset,) = dns.message.from_wire(encode(message)).answer
    ours = read_rdata(record.type, rrset[0].to_wire())
    assert ours == record.data


def test_dnslib_writes_the_same_octets() -> None:
    ours = Message(7, True, rd=True, question=Question(NEWS, "MX"), answer=(Record(NEWS, 300, MX(5, MAIL)),),
                   additional=(Record(MAIL, 300, A(Address("198.18.2.25"))),))  # fmt: skip
    theirs = dnslib.DNSRecord(dnslib.DNSHeader(id=7, qr=1, rd=1), q=dnslib.DNSQuestion(NEWS, dnslib.QTYPE.MX))
    theirs.add_answer(*dnslib.RR.fromZone("belgiannews.com. 300 IN MX 5 mail.belgiannews.com."))
    theirs.add_ar(*dnslib.RR.fromZone("mail.belgiannews.com. 300 IN A 198.18.2.25"))
    assert encode(ours) == theirs.pack()


@pytest.mark.parametrize("data", [SRV(0, 1, 143, MAIL), DNAME(MAIL), Opaque("TYPE65280", b"\4mail")])
def test_a14_names_in_later_types_are_not_compressed(data: Rdata) -> None:
    octets = encode(Message(1, True, question=Question(MAIL, "ANY"), answer=(Record(MAIL, 1, data),)))
    assert octets[-2:-1] != b"\xc0"


def test_a14_no_pointer_leads_beyond_what_fourteen_bits_can_say() -> None:
    many = tuple(Record(DomainName(f"h{i}.x"), 1, TXT((b"x" * 250,))) for i in range(80))
    late = tuple(Record(DomainName("deep.late.name"), 1, NS(DomainName("deep.late.name"))) for _ in range(2))
    message = Message(1, True, answer=many + late)
    assert decode(encode(message)) == message


@pytest.mark.parametrize("room", range(40, 260, 7))
def test_a18_rrsets_stay_whole_and_tc_says_what_is_missing(room: int) -> None:
    exchangers = tuple(Record(NEWS, 300, MX(number, DomainName(f"mx{number}.eunet.be"))) for number in range(4))
    extra = tuple(
        Record(DomainName(f"mx{number}.eunet.be"), 300, A(Address("198.18.4.25"))) for number in range(4)
    )
    message = Message(1, True, question=Question(NEWS, "MX"), answer=exchangers, additional=extra, edns=Edns())
    octets = encode(message, room)
    cut = decode(octets)
    assert len(octets) <= max(room, 44)
    assert cut.answer in ((), exchangers)
    assert cut.tc is (cut.answer == ())
    assert cut.edns == Edns()
    assert decode(encode(message, room, must=4)).tc is (cut.additional != extra)


def test_the_upper_bits_of_a_response_code_stand_in_opt() -> None:
    message = Message(1, True, rcode="BADVERS", edns=Edns())
    assert decode(encode(message)).rcode == "BADVERS"


def test_a16_a_ttl_with_its_high_bit_set_is_zero() -> None:
    octets = bytearray(encode(Message(1, True, answer=(Record(NEWS, 7, A(Address("198.18.2.25"))),))))
    octets[-10] |= 0x80
    assert decode(bytes(octets)).answer[0].ttl == 0


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"\xc0\x0c\0\1\0\1", "backwards"),
        (b"\xc0\x20\0\1\0\1", "backwards"),
        (b"\x40a\0\0\1\0\1", "unknown kind"),
        ((b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", "255"),
        (b"\xc0\x04\0\1\0\1", "question"),
    ],
)
def test_a_name_that_is_none_is_malformed_with_a_reason(octets: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why) as caught:
        decode(b"\0\1\0\0\0\1\0\0\0\0\0\0" + octets)
    assert caught.value.reply == b"\0\1\x80\1" + b"\0" * 8


def test_a_question_keeps_its_spelling() -> None:
    question = Question(NEWS, "MX", spelled=b"\x0bBelgianNEWS\x03cOm\0")
    octets = encode(Message(1, True, question=question, answer=(Record(NEWS, 1, MX(5, MAIL)),)))
    assert b"BelgianNEWS" in octets
    read = decode(octets)
    assert (read.question, read.question and read.question.spelled) == (question, question.spelled)
    assert read.answer[0].name == NEWS


@given(st.integers(0, 65535), names, st.sampled_from(["A", "MX", "TYPE65280"]), st.booleans(), st.booleans())
def test_a_query_is_the_message_that_only_asks(
    number: int, name: DomainName, kind: str, rd: bool, edns: bool
) -> None:
    spelled = name_wire(name).upper()
    asks = Message(number, rd=rd, question=Question(name, kind, spelled=spelled), edns=Edns() if edns else None)
    assert query(number, spelled, Question(name, kind), rd=rd, edns=edns) == encode(asks)


def test_other_opcodes_are_not_taken_apart() -> None:
    update = encode(replace(Message(9), opcode="UPDATE"))[:4] + b"\0\2\0\0\0\0\0\0 whatever"
    assert (decode(update).opcode, decode(update).question) == ("UPDATE", None)


def test_types_have_names_and_numbers() -> None:
    assert [type_number(word) for word in ("MX", "mx", "TYPE15", "TYPE65280")] == [15, 15, 15, 65280]
    with pytest.raises(ValueError, match="'BOGUS' is not a type"):
        type_number("BOGUS")


def test_every_type_that_a_zone_file_names_has_its_number_here() -> None:
    assert {name: type_number(name) for name in TYPES} == TYPES
    assert [type_name(number) for number in TYPES.values()] == list(TYPES)


def test_extended_errors_are_cut_and_read() -> None:
    """RFC 8914 §2."""
    why = ExtendedError(22, "ü" * 150)
    (read_again,) = extended_errors([(10, b"cookie"), why.option()])
    assert (read_again.code, read_again.text) == (22, "ü" * 100)
    assert str(ExtendedError(18, "no")) == "prohibited: no"


def test_rarer_types_are_shown_as_people_write_them() -> None:
    assert present(RDATA[-1]) == '0 issue "lab"'
    assert (present(MX(5, MAIL)), brief(MX(5, MAIL)), brief(MX(0, DomainName(".")))) == (
        "5 mail.belgiannews.com.", "5 mail.belgiannews.com", "0 .",
    )  # fmt: skip
