"""The authoritative server's rules A1–A21 of RFC 1034/1035 and their successors, on the wire."""

from __future__ import annotations

from dataclasses import replace

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dns.authority import Authority
from lab.dns.zones import Zones
from lab.names import DomainName
from lab.topology.plan import ZonePlan
from lab.wire import zonefile
from lab.wire.records import TXT, Record

COM = """
$TTL 3600
@ SOA a.gtld hostmaster 1 3600 900 604800 60
@ NS a.gtld
a.gtld A 198.18.0.2
belgiannews NS ns.belgiannews
belgiannews NS ns.sibling
ns.belgiannews A 198.18.2.53
ns.belgiannews AAAA 2001:db8::53
belgiannews DS 1 8 1 0011223300112233001122330011223300112233
sibling NS ns.sibling
ns.sibling A 198.18.9.53
"""
NEWS = """
$TTL 300
@ SOA ns hostmaster 7 3600 900 604800 60
@ NS ns
@ MX 5 mail
@ MX 10 relay.eunet.be.
ns A 198.18.2.53
mail A 198.18.2.25
www CNAME mail
far CNAME www.eunet.be.
gone CNAME nothing
loop1 CNAME loop2
loop2 CNAME loop1
tosub CNAME host.sub
sub NS ns.sub
ns.sub A 198.18.2.99
a.b.ent TXT "deep"
*.wild MX 1 mail
there.wild A 198.18.2.77
x.ent.wild A 198.18.2.78
*.alias CNAME mail
old DNAME new
x.new A 198.18.2.80
_imap._tcp SRV 0 1 143 mail
strange TYPE65280 \\# 3 aabbcc
"""


def plan(origin: str, text: str) -> ZonePlan:
    name = DomainName.parse(origin)
    parsed = zonefile.read(text, name)
    assert not parsed.problems
    return ZonePlan(name, parsed.records, ())


def serve(**texts: str) -> Authority:
    plans = [plan(origin.replace("_", "."), text) for origin, text in texts.items()]
    return Authority(Zones({each.origin: each for each in plans}))


def ask(authority: Authority, name: str, type: str, **options: object) -> dns.message.Message:
    """The reply as dnspython reads it, which is the referee of every octet."""
    stream = bool(options.pop("stream", False))
    query = dns.message.make_query(name, type, **options)  # type: ignore[arg-type]
    reply = authority.reply_to(query.to_wire(), stream)
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert query.is_response(message)
    return message


def rows(section: list[object]) -> list[str]:
    return sorted(
        " ".join(line.split()[:1] + line.split()[3:]) for each in section for line in str(each).split("\n")
    )


@pytest.fixture
def news() -> Authority:
    return serve(belgiannews_com=NEWS)


@pytest.mark.parametrize(
    ("name", "type", "rcode", "aa", "answer", "authority"),
    [
        pytest.param("mail.belgiannews.com", "A", "NOERROR", True,
                     ["mail.belgiannews.com. A 198.18.2.25"], [], id="A1"),
        pytest.param("example.org", "A", "REFUSED", False, [], [], id="A2"),
        pytest.param("x.sub.belgiannews.com", "A", "NOERROR", False, [],
                     ["sub.belgiannews.com. NS ns.sub.belgiannews.com."], id="A3"),
        pytest.param("tosub.belgiannews.com", "A", "NOERROR", True,
                     ["tosub.belgiannews.com. CNAME host.sub.belgiannews.com."],
                     ["sub.belgiannews.com. NS ns.sub.belgiannews.com."], id="A4"),
        pytest.param("ns.sub.belgiannews.com", "A", "NOERROR", False, [],
                     ["sub.belgiannews.com. NS ns.sub.belgiannews.com."], id="A6"),
        pytest.param("mail.belgiannews.com", "TXT", "NOERROR", True, [], ["SOA"], id="A7-nodata"),
        pytest.param("nothing.belgiannews.com", "A", "NXDOMAIN", True, [], ["SOA"], id="A7-nxdomain"),
        pytest.param("b.ent.belgiannews.com", "A", "NOERROR", True, [], ["SOA"], id="A8"),
        pytest.param("www.belgiannews.com", "A", "NOERROR", True,
                     ["mail.belgiannews.com. A 198.18.2.25", "www.belgiannews.com. CNAME mail.belgiannews.com."],
                     [], id="A9"),
        pytest.param("far.belgiannews.com", "A", "NOERROR", True, ["far.belgiannews.com. CNAME www.eunet.be."], [],
                     id="A9-leaves"),
        pytest.param("gone.belgiannews.com", "A", "NXDOMAIN", True,
                     ["gone.belgiannews.com. CNAME nothing.belgiannews.com."], ["SOA"], id="A9-rcode-of-the-last"),
        pytest.param("x.old.belgiannews.com", "A", "NOERROR", True,
                     ["old.belgiannews.com. DNAME new.belgiannews.com.", "x.new.belgiannews.com. A 198.18.2.80",
                      "x.old.belgiannews.com. CNAME x.new.belgiannews.com."], [], id="A10"),
        pytest.param("old.belgiannews.com", "A", "NOERROR", True, [], ["SOA"], id="A10-owner-stays"),
        pytest.param("q.wild.belgiannews.com", "MX", "NOERROR", True,
                     ["q.wild.belgiannews.com. MX 1 mail.belgiannews.com."], [], id="A11"),
        pytest.param("q.wild.belgiannews.com", "A", "NOERROR", True, [], ["SOA"], id="A11-nodata"),
        pytest.param("there.wild.belgiannews.com", "MX", "NOERROR", True, [], ["SOA"], id="A11-existing-blocks"),
        pytest.param("x.there.wild.belgiannews.com", "MX", "NXDOMAIN", True, [], ["SOA"], id="A11-encloser"),
        pytest.param("y.ent.wild.belgiannews.com", "MX", "NXDOMAIN", True, [], ["SOA"], id="A11-ent-blocks"),
        pytest.param("*.wild.belgiannews.com", "MX", "NOERROR", True,
                     ["*.wild.belgiannews.com. MX 1 mail.belgiannews.com."], [], id="A11-literal"),
        pytest.param("z.alias.belgiannews.com", "A", "NOERROR", True,
                     ["mail.belgiannews.com. A 198.18.2.25",
                      "z.alias.belgiannews.com. CNAME mail.belgiannews.com."],
                     [], id="A11-cname"),
        pytest.param("strange.belgiannews.com", "TYPE65280", "NOERROR", True,
                     ["strange.belgiannews.com. TYPE65280 \\# 3 aabbcc"], [], id="A13"),
    ],
)  # fmt: skip
def test_the_zone_answers(news: Authority, name: str, type: str, rcode: str, aa: bool, answer, authority) -> None:
    reply = ask(news, name, type)
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert bool(reply.flags & dns.flags.AA) is aa
    assert answer is None or rows(reply.answer) == answer
    found = rows(reply.authority)
    assert [row.split()[1] for row in found] == ["SOA"] if authority == ["SOA"] else found == authority


def test_a1_the_longest_match_is_asked() -> None:
    both = serve(com=COM, belgiannews_com=NEWS)
    assert rows(ask(both, "mail.belgiannews.com", "A").answer) == ["mail.belgiannews.com. A 198.18.2.25"]


def test_a2_a_refusal_says_why_to_those_who_understand(news: Authority) -> None:
    (error,) = ask(news, "example.org", "A", use_edns=0).extended_errors()
    assert (error.code, error.text) == (20, "example.org. is in no zone of this server (RFC 8906 §3)")
    assert ask(news, "example.org", "A", use_edns=False).edns == -1


def test_a3_a_referral_carries_its_glue() -> None:
    reply = ask(serve(com=COM), "belgiannews.com", "MX")
    assert not reply.flags & dns.flags.AA
    assert not reply.answer
    assert rows(reply.additional) == [
        "ns.belgiannews.com. A 198.18.2.53",
        "ns.belgiannews.com. AAAA 2001:db8::53",
        "ns.sibling.com. A 198.18.9.53",
    ]


def test_a3_glue_that_does_not_fit_sets_tc() -> None:
    many = COM + "".join(f"big NS n{i}.big\nn{i}.big A 198.18.7.{i}\n" for i in range(1, 20))
    reply = ask(serve(com=many), "www.big.com", "A", use_edns=False)
    assert reply.flags & dns.flags.TC
    assert len(reply.to_wire()) <= 512


def test_a5_ds_is_answered_by_the_parent() -> None:
    for server in (serve(com=COM), serve(com=COM, belgiannews_com=NEWS)):
        reply = ask(server, "belgiannews.com", "DS")
        assert reply.flags & dns.flags.AA
        assert rows(reply.answer) == ["belgiannews.com. DS 1 8 1 0011223300112233001122330011223300112233"]


def test_a7_a_no_lives_as_long_as_the_soa_minimum(news: Authority) -> None:
    assert ask(news, "nothing.belgiannews.com", "A").authority[0].ttl == 60


def test_a9_a_loop_of_aliases_ends(news: Authority) -> None:
    assert len(ask(news, "loop1.belgiannews.com", "A").answer) == 2


def test_a10_a_name_that_becomes_too_long_is_yxdomain() -> None:
    labels = ".".join(["a" * 60] * 3 + ["b" * 20])
    server = serve(short="@ 60 SOA ns h 1 2 3 4 5\n@ 60 DNAME " + "c" * 60 + ".example.\n")
    assert ask(server, f"{labels}.short", "A").rcode() == dns.rcode.YXDOMAIN


def test_a12_any_over_udp_is_one_rrset_and_over_tcp_all(news: Authority) -> None:
    some = ask(news, "belgiannews.com", "ANY")
    assert (len(some.answer), some.additional) == (1, [])
    everything = ask(news, "belgiannews.com", "ANY", stream=True).answer
    assert [dns.rdatatype.to_text(each.rdtype) for each in everything] == ["SOA", "NS", "MX"]


def test_a15_the_question_comes_back_in_its_own_case(news: Authority) -> None:
    for name in (b"\x04mAiL\x0bBELGIANnews\x03cOm\0", b"\x04MaIl\x0bbelgiannews\x03com\0"):
        reply = news.reply_to(b"\x12\x34\0\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1")
        assert reply is not None
        assert reply[:2] == b"\x12\x34"
        assert reply[12 : 12 + len(name)] == name
        assert len(dns.message.from_wire(reply).answer) == 1


def test_a16_an_rrset_has_one_ttl_and_no_duplicates() -> None:
    server = serve(x="@ 9 SOA ns h 1 2 3 4 5\nm 60 A 198.18.0.1\nm 90 A 198.18.0.2\nm 60 A 198.18.0.1\n")
    (rrset,) = ask(server, "m.x", "A").answer
    assert (rrset.ttl, len(rrset)) == (60, 2)


def test_a17_only_own_addresses_come_along(news: Authority) -> None:
    assert rows(ask(news, "belgiannews.com", "MX").additional) == ["mail.belgiannews.com. A 198.18.2.25"]
    assert rows(ask(news, "_imap._tcp.belgiannews.com", "SRV").additional) == [
        "mail.belgiannews.com. A 198.18.2.25"
    ]


@pytest.mark.parametrize(
    ("edns", "payload", "most"), [(False, 0, 512), (0, 512, 512), (0, 1232, 1232), (0, 65000, 1232)]
)
def test_a18_udp_answers_keep_to_their_limit(edns: object, payload: int, most: int) -> None:
    text = "@ 9 SOA ns h 1 2 3 4 5\n" + "".join(f"m 60 TXT {'x' * 100}{i}\n" for i in range(30))
    options = {"use_edns": edns} if edns is False else {"use_edns": 0, "payload": payload}
    server = serve(x=text)
    query = dns.message.make_query("m.x", "TXT", **options)
    reply = server.reply_to(query.to_wire())
    assert reply is not None
    assert len(reply) <= most
    message = dns.message.from_wire(reply)
    assert message.flags & dns.flags.TC
    assert not message.answer
    assert message.edns == (-1 if edns is False else 0)
    assert len(ask(server, "m.x", "TXT", stream=True, **options).answer[0]) == 30


def test_a19_an_unknown_edns_version_is_badvers(news: Authority) -> None:
    reply = ask(news, "mail.belgiannews.com", "A", use_edns=1)
    assert reply.rcode() == dns.rcode.BADVERS
    assert reply.edns == 0


def test_a19_do_is_copied_and_options_are_not(news: Authority) -> None:
    option = dns.edns.GenericOption(65001, b"hello")
    reply = ask(news, "mail.belgiannews.com", "A", want_dnssec=True, options=[option])
    assert reply.ednsflags & dns.flags.DO
    assert reply.options == ()
    assert ask(news, "mail.belgiannews.com", "A", use_edns=False).edns == -1


HEADER = b"\x12\x34%b\0\1\0\0\0\0\0\0"
NAME = b"\x04mail\x0bbelgiannews\x03com\0\0\1\0\1"


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        pytest.param(HEADER % b"\x80\0" + NAME, None, id="a response is dropped"),
        pytest.param(b"\x12\x34\0", None, id="less than a header is dropped"),
        pytest.param(HEADER % b"\x31\0" + NAME, b"\x12\x34\xb1\x04", id="an unknown opcode is NOTIMP"),
        pytest.param(HEADER % b"\x01\0" + NAME[:-3], b"\x12\x34\x81\x01", id="cut short is FORMERR"),
        pytest.param(HEADER % b"\x01\0" + b"\xc0\x0c\0\1\0\1", b"\x12\x34\x81\x01", id="a pointer to itself"),
        pytest.param(HEADER % b"\0\0" + NAME + b"x", b"\x12\x34\x80\x01", id="octets too many"),
        pytest.param(b"\x12\x34\0\0\0\2" + b"\0" * 6 + NAME * 2, b"\x12\x34\x80\x01", id="two questions"),
        pytest.param(b"\x12\x34" + b"\0" * 10, b"\x12\x34\x80\x01", id="no question"),
        pytest.param(
            b"\x12\x34\0\0\0\1\0\0\0\0\0\2" + NAME + b"\0\0\x29\x04\xd0\0\0\0\0\0\0" * 2,
            b"\x12\x34\x80\x01",
            id="two OPT records",
        ),
        pytest.param(HEADER % b"\x01\xf0" + NAME, b"\x12\x34\x85\x00", id="RA, Z, AD and CD are cleared"),
    ],
)
def test_a21_the_header_is_kept_clean(news: Authority, octets: bytes, reply: bytes | None) -> None:
    answered = news.reply_to(octets)
    assert (answered and answered[:4]) == reply


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: HEADER % b"\0\0" + tail))
def test_a21_no_octets_make_a_server_raise(octets: bytes) -> None:
    server = serve(x="@ 9 SOA ns h 1 2 3 4 5\n")
    reply = server.reply_to(octets)
    if len(octets) >= 12 and not octets[2] & 0x80:
        assert reply is not None
        assert reply[:2] == octets[:2]
    else:
        assert reply is None


def test_a_label_of_any_octets_is_served() -> None:
    """RFC 2181 §11: dnslib refuses what is not UTF-8."""
    server = serve(x="@ 9 SOA ns h 1 2 3 4 5\n\\255\\000 60 A 198.18.0.1\n")
    reply = server.reply_to(HEADER % b"\0\0" + b"\x02\xff\x00\x01x\0\0\1\0\1")
    assert reply is not None
    assert reply[6:8] == b"\0\1"


def test_a_question_asked_before_gets_the_same_octets(news: Authority) -> None:
    query = dns.message.make_query("belgiannews.com", "MX", id=1).to_wire()
    first, again = news.reply_to(query), news.reply_to(b"\0\2" + query[2:])
    assert first is not None
    assert again == b"\0\2" + first[2:]


def test_a_zone_without_soa_is_servfail() -> None:
    assert ask(serve(x="a 60 A 198.18.0.1\n"), "a.x", "A").rcode() == dns.rcode.SERVFAIL


def test_a_record_that_cannot_be_sent_is_servfail_and_says_which() -> None:
    soa = plan("x", "@ 9 SOA ns h 1 2 3 4 5\n")
    long = Record(DomainName("t.x"), 60, TXT((b"x" * 300,)))
    server = Authority(Zones({soa.origin: replace(soa, records=(*soa.records, long))}))
    reply = ask(server, "t.x", "TXT", use_edns=0)
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert reply.extended_errors()[0].text == "the TXT of t.x. does not fit its form"
    assert ask(server, "x", "SOA").rcode() == dns.rcode.NOERROR
