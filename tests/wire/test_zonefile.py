"""Master-file text, with dnspython as referee for what it means."""

from __future__ import annotations

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.names import ROOT, DomainName
from lab.wire.records import CNAME, MX, SOA, TXT, A, Opaque, Record
from lab.wire.tokens import BadText
from lab.wire.zonefile import Parsed, rdata, read, zone_text

ORIGIN = DomainName("example.com")

ZONE = r"""
$TTL 1h
@       IN SOA  ns hostmaster (
                2024010101 ; serial
                1h 15m 1w  ; times
                5m )
        IN      NS      ns
        300 IN  MX      5 mail
        IN 300  mx      10 relay.example.net.
ns              A       198.18.2.53
mail    60      A       198.18.2.25
                aaaa    2001:DB8::25
www             cname   @
txt             TXT     "a; b" c\032d "say \"hi\"" \195\164
*.any           MX      0 .
dotted\.label   A       198.18.2.9
_imap._tcp      SRV     0 5 143 mail
new             TYPE999 \# 3 c0ffee
known           TYPE1   \# 4 c6120250
cert            CAA     0 issue "ca.example.net"
_25._tcp.mail   TLSA    3 1 1 ( d2abde240d7cd3ee6b4b28c54df034b9
                                7983a1d16e8a410e4561cb106618e971 )
sub             NS      ns.sub
$ORIGIN sub
ns              A       198.18.2.99
$ORIGIN example.com.
$GENERATE 1-5/2 pc${0,2} A 198.18.2.1$
"""


def read_well(text: str) -> Parsed:
    parsed = read(text, ORIGIN, file="example.zone")
    assert parsed.problems == ()
    return parsed


def as_dnspython(zone: dns.zone.Zone) -> set[tuple[str, int, str, bytes]]:
    return {
        (DomainName.parse(name.to_text()), ttl, dns.rdatatype.to_text(data.rdtype), data.to_digestable())
        for name, ttl, data in zone.iterate_rdatas()
    }


def referee(text: str) -> set[tuple[str, int, str, bytes]]:
    return as_dnspython(dns.zone.from_text(text, "example.com.", relativize=False, check_origin=False))


def in_its_eyes(records: tuple[Record, ...]) -> set[tuple[str, int, str, bytes]]:
    """Our records, put to dnspython one by one, each whole and absolute."""
    lines = "".join(f"{record.text()}\n" for record in records)
    return as_dnspython(dns.zone.from_text(lines, "example.com.", relativize=False, check_origin=False))


def test_the_referee_reads_the_same() -> None:
    text = ZONE.replace("$GENERATE 1-5/2 pc${0,2} A", "$GENERATE 1-5/2 pc${0,2,d} A")
    assert in_its_eyes(read_well(ZONE).records) == referee(text)


def test_a_written_zone_reads_as_it_was() -> None:
    records = read_well(ZONE).records
    text = zone_text(records, ORIGIN)
    assert set(read_well(text).records) == set(records)
    assert in_its_eyes(records) == referee(text)


def test_a_zone_is_written_in_columns() -> None:
    records = read_well(
        "$TTL 5m\n@ SOA ns hostmaster 1 1h 15m 1w 1m\n NS ns\nns A 198.18.2.53\n 60 TXT hi\n"
    ).records
    assert zone_text(records, ORIGIN).splitlines() == [
        "$ORIGIN example.com.",
        "$TTL 300",
        "@       SOA  ns.example.com. hostmaster.example.com. 1 3600 900 604800 60",
        "        NS   ns.example.com.",
        "ns      A    198.18.2.53",
        '    60  TXT  "hi"',
    ]


labels = st.binary(min_size=1, max_size=12)
names = st.lists(labels, min_size=0, max_size=3).map(
    lambda parts: DomainName.from_labels((*parts, b"example", b"com"))
)
strings = st.lists(st.binary(max_size=255), min_size=1, max_size=3).map(lambda parts: TXT(tuple(parts)))
data = st.one_of(
    strings,
    names.map(CNAME),
    st.builds(MX, st.integers(0, 65535), names),
    st.builds(Opaque, st.just("TYPE65000"), st.binary(max_size=20)),
)
some = st.lists(st.builds(Record, names, st.integers(0, 2**31 - 1), data), max_size=6, unique=True)


@given(some)
def test_whatever_is_written_reads_as_it_was(records: list[Record]) -> None:
    assert sorted(read_well(zone_text(records, ORIGIN)).records, key=repr) == sorted(records, key=repr)


@given(st.text(alphabet=st.sampled_from("a.@$\\;()\"' \t\n019MXATN#")))
def test_no_text_is_more_than_wrong(text: str) -> None:
    for problem in read(text, ORIGIN).problems:
        assert problem.place is not None
        assert problem.place.line <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "said"),
    [
        ("www A 198.18.2.555", 1, 7, "Z003", "'198.18.2.555' is not an IPv4 address"),
        ("www A 2001:db8::1", 1, 7, "Z003", "'2001:db8::1' is not an IPv4 address"),
        ("www MX mail", 1, 8, "Z003", "'mail' is not a preference: a number from 0 to 65535"),
        ("www MX 5", 1, 8, "Z003", "an MX record needs the name of a host"),
        ("www A 198.18.2.1 2", 1, 18, "Z003", "'2' is one word too many for an A record"),
        ("\nwww CNMAE a", 2, 5, "Z002", "'CNMAE' is not a record type"),
        ("MX 5 mail", 1, 1, "Z002", "'MX' is taken for the name of this entry"),
        ("www 300", 1, 5, "Z002", "this entry has no record type"),
        ('www TXT "open', 1, 9, "Z001", "a quote that is not closed on its line"),
        ("www TXT ( a", 1, 1, "Z001", "a '(' in this entry is never closed"),
        ("www TXT a )", 1, 11, "Z001", "a ')' without its '('"),
        ("a..b A 198.18.2.1", 1, 1, "Z004", "a label of the name is empty (two dots in a row?)"),
        ("  A 198.18.2.1", 1, 3, "Z004", "the first entry of a zone needs a name in front"),
        ("www CH TXT a", 1, 5, "Z006", "the lab is class IN only, not CH"),
        ("$TTL soon", 1, 6, "Z005", "'soon' is not a TTL: seconds, or a time like 1h"),
        ("$ORIGIN", 1, 1, "Z009", "$ORIGIN needs a value"),
        ("$INCLUDE gone", 1, 10, "Z007", "'gone' cannot be read"),
        ("$GENERATE 1-999999 a$ A 198.18.2.1", 1, 11, "Z008", "999999 records; 65536 is the most"),
        ("www TXT \\300", 1, 9, "Z003", "\\300 is no octet: \\DDD goes up to \\255"),
        ('www TXT "' + "x" * 256 + '"', 1, 9, "T036", "a string of 256 octets; 255 is the most (RFC 1035 §3.3)"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text: str, line: int, column: int, code: str, said: str) -> None:
    (problem,) = read(text, ORIGIN, file="z", ttl=300).problems
    assert problem.place is not None
    assert (problem.place.line, problem.place.column, problem.code, problem.sentence) == (line, column, code, said)
    assert problem.excerpt == text.splitlines()[line - 1]


def test_all_is_told_at_once_and_the_rest_is_read() -> None:
    parsed = read("a A 1\nb A 198.18.2.2\nc A 3\n", ORIGIN, ttl=300)
    assert [problem.place.line for problem in parsed.problems if problem.place] == [1, 3]
    assert [record.name for record in parsed.records] == ["b.example.com"]


def test_a_ttl_is_the_stated_one_then_the_zones_then_the_last_then_the_soas() -> None:
    soa = "@ SOA ns hostmaster 1 1h 15m 1w 5m\n"
    assert [r.ttl for r in read(soa + " NS ns\n", ORIGIN).records] == [300, 300]
    assert [r.ttl for r in read("a 60 A 198.18.2.1\nb A 198.18.2.2\n", ORIGIN).records] == [60, 60]
    assert [r.ttl for r in read("$TTL 9\na 60 A 198.18.2.1\nb A 198.18.2.2\n", ORIGIN).records] == [60, 9]
    assert read("a A 198.18.2.1", ORIGIN).problems[0].code == "Z005"


def test_a_ttl_with_its_high_bit_set_is_zero() -> None:
    assert read("a 2147483648 A 198.18.2.1", ORIGIN).records[0].ttl == 0


def test_an_included_file_has_its_own_origin_and_leaves_the_owner_alone() -> None:
    files = {"sub.inc": "www A 198.18.2.80\n"}
    text = "a A 198.18.2.1\n$INCLUDE sub.inc sub\n  A 198.18.2.2\n"
    parsed = read(text, ORIGIN, ttl=300, include=files.__getitem__)
    assert [record.name for record in parsed.records] == ["a.example.com", "www.sub.example.com", "a.example.com"]


def test_a_file_that_includes_itself_is_told() -> None:
    parsed = read("$INCLUDE a", ORIGIN, include=lambda name: "$INCLUDE a\n")
    assert [problem.sentence for problem in parsed.problems] == ["'a' includes itself"]


def test_a_relative_name_needs_an_origin() -> None:
    assert (
        read("www A 198.18.2.1", None, ttl=300).problems[0].sentence
        == "'www' is relative, and there is no $ORIGIN"
    )


@pytest.mark.parametrize(
    ("type", "text", "expected"),
    [
        ("A", "198.18.2.25", A),
        ("mx", "5 mail", MX),
        ("soa", "ns hostmaster 1 1h 15m 1w 5m", SOA),
        ("TYPE15", "\\# 9 0005046d61696c00 00", None),
    ],
)
def test_the_data_of_one_record(type: str, text: str, expected: type | None) -> None:
    if expected is None:
        with pytest.raises(BadText):
            rdata(type, text, ORIGIN)
    else:
        assert isinstance(rdata(type, text, ORIGIN), expected)


def test_generic_data_of_a_known_type_are_read_as_that_type() -> None:
    assert rdata("MX", "\\# 8 0005 046d61696c 00", ROOT) == MX(5, DomainName("mail"))
