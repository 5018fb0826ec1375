"""The recursive resolver's rules R1–R11, R14–R16, R18, on an Internet in process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dns.descent import MOST_QUESTIONS
from lab.names import Address
from lab.wire.dns import Message, decode, encode
from lab.wire.records import AAAA, NS, A, Record
from tests.dns.internet import (
    BE_TEXT,
    COM_TEXT,
    EUNET_TEXT,
    NEWS_TEXT,
    ROOT_TEXT,
    Internet,
    authority,
    broken,
    data,
    internet,
    name,
)

MX = ["MX 5 mail.belgiannews.com.", "MX 10 relay.eunet.be."]


@pytest.fixture
def net() -> Internet:
    return internet()


async def test_r1_it_goes_down_from_the_root(net: Internet) -> None:
    outcome = await net.resolver().resolve(name("belgiannews.com"), "MX")
    assert (outcome.rcode, data(outcome)) == ("NOERROR", MX)
    assert net.outcomes() == [
        (".", "answer"),
        (".", "referral"),
        ("com", "referral"),
        ("belgiannews.com", "answer"),
    ]


async def test_r1_the_best_known_cut_is_asked(net: Internet) -> None:
    resolver = net.resolver()
    await resolver.resolve(name("belgiannews.com"), "MX")
    del net.asked[:]
    await resolver.resolve(name("mail.belgiannews.com"), "A")
    assert net.asked == [("198.18.2.53", "mail.belgiannews.com", "A")]


async def test_r2_hints_are_for_priming_only(net: Internet) -> None:
    resolver = net.resolver()
    await resolver.resolve(name("nic.com"), "A")
    await resolver.resolve(name("nic.be"), "A")
    assert [question for question in net.asked if question[1] == "."] == [("198.18.0.1", ".", "NS")]


async def test_r3_what_is_out_of_bailiwick_is_not_believed(net: Internet) -> None:
    poison = Record(name("relay.eunet.be"), 9999, A(Address("198.18.66.6")))
    net.faults["198.18.0.2"] = lambda reply, tcp: replace(reply, additional=(*reply.additional, poison))
    resolver = net.resolver()
    await resolver.resolve(name("belgiannews.com"), "MX")
    assert data(await resolver.resolve(name("relay.eunet.be"), "A")) == ["A 198.18.4.25"]


async def test_r3_glue_is_no_answer(net: Internet) -> None:
    resolver = net.resolver()
    await resolver.resolve(name("belgiannews.com"), "MX")
    del net.asked[:]
    await resolver.resolve(name("ns.belgiannews.com"), "A")
    assert net.asked == [("198.18.2.53", "ns.belgiannews.com", "A")]


@pytest.mark.parametrize(("cut", "way"), [("com", "to itself"), (".", "upward"), ("eunet.be", "sideways")])
async def test_r4_a_referral_that_does_not_go_down_is_lame(net: Internet, cut: str, way: str) -> None:
    elsewhere = (Record(name(cut), 60, NS(name("a.root"))),)
    net.faults["198.18.0.2"] = lambda reply, tcp: replace(reply, authority=elsewhere, additional=())
    assert (await net.resolver().resolve(name("belgiannews.com"), "MX")).rcode == "SERVFAIL"
    assert (net.hops[-1].outcome, way in net.hops[-1].detail) == ("lame", True)


async def test_r4_the_next_server_is_tried_after_a_lame_one() -> None:
    two = COM_TEXT + "belgiannews NS ns2.belgiannews\nns2.belgiannews A 198.18.2.54\n"
    net = internet(**{"198_18_0_2": {"com": two}, "198_18_2_54": {"ch": EUNET_TEXT}})
    for seed in range(4):
        assert data(await net.resolver(seed).resolve(name("belgiannews.com"), "MX")) == MX
    assert ("belgiannews.com", "refused") in net.outcomes()


async def test_r5_an_answer_without_aa_is_an_answer(net: Internet) -> None:
    net.faults["198.18.2.53"] = lambda reply, tcp: replace(reply, aa=False)
    assert data(await net.resolver().resolve(name("belgiannews.com"), "MX")) == MX


async def test_r6_a_server_without_glue_is_looked_up(net: Internet) -> None:
    """eunet.be is served by ns.belgiannews.com, of which be. has no address."""
    assert data(await net.resolver().resolve(name("relay.eunet.be"), "A")) == ["A 198.18.4.25"]


async def test_r6_servers_that_need_each_other_are_servfail(net: Internet) -> None:
    net.servers["198.18.0.2"] = authority({"com": COM_TEXT.replace("ns.belgiannews A 198.18.2.53", "") .replace(
        "belgiannews NS ns.belgiannews", "belgiannews NS ns.eunet.be.")})  # fmt: skip
    net.servers["198.18.0.3"] = authority({"be": BE_TEXT})
    assert (await net.resolver().resolve(name("belgiannews.com"), "MX")).rcode == "SERVFAIL"


async def test_r6_a_question_costs_a_bounded_number_of_others() -> None:
    """NXNSAttack: a referral to many servers without addresses."""
    many = COM_TEXT + "".join(f"trap NS ns{i}.belgiannews.com.\n" for i in range(200))
    net = internet(**{"198_18_0_2": {"com": many}})
    assert (await net.resolver().resolve(name("www.trap.com"), "A")).rcode == "SERVFAIL"
    assert len(set(net.asked)) <= MOST_QUESTIONS


async def test_r6_aliases_are_followed_from_zone_to_zone(net: Internet) -> None:
    outcome = await net.resolver().resolve(name("www.belgiannews.com"), "A")
    assert data(outcome) == ["CNAME relay.eunet.be.", "A 198.18.4.25"]


async def test_r6_a_loop_of_aliases_is_servfail() -> None:
    net = internet(**{"198_18_2_53": {"belgiannews.com": NEWS_TEXT + "a CNAME b\nb CNAME a\n"}})
    assert (await net.resolver().resolve(name("a.belgiannews.com"), "A")).rcode == "SERVFAIL"


def chained(length: int) -> str:
    """c1 to the mail host, over so many aliases."""
    names = [*(f"c{n}" for n in range(1, length + 1)), "mail"]
    return NEWS_TEXT + "".join(f"{a} CNAME {b}\n" for a, b in pairwise(names))


@pytest.mark.parametrize("asked_before", [False, True], ids=["asked", "known"])
async def test_r6_eleven_aliases_are_followed_and_twelve_are_an_error(asked_before: bool) -> None:
    net = internet(**{"198_18_2_53": {"belgiannews.com": chained(12)}})
    resolver = net.resolver()
    if asked_before:
        for n in range(12, 0, -1):
            await resolver.resolve(name(f"c{n}.belgiannews.com"), "A")
    most = await resolver.resolve(name("c2.belgiannews.com"), "A")
    assert (most.rcode, len(most.answer)) == ("NOERROR", 12)
    more = await resolver.resolve(name("c1.belgiannews.com"), "A")
    assert (more.rcode, more.answer) == ("SERVFAIL", ())


async def test_r7_a_dead_server_is_passed_over_and_remembered() -> None:
    two = COM_TEXT + "belgiannews NS ns2.belgiannews\nns2.belgiannews A 198.18.2.99\n"
    net = internet(**{"198_18_0_2": {"com": two}})
    resolver = net.resolver()
    for host in ("mail", "ns", "www", "a", "b", "c", "d"):
        await resolver.resolve(name(f"{host}.belgiannews.com"), "A")
    assert [hop.outcome for hop in net.hops].count("timeout") <= 2


async def test_r7_patience_grows_and_ends_before_the_client_gives_up(net: Internet) -> None:
    del net.servers["198.18.2.53"]
    assert (await net.resolver().resolve(name("belgiannews.com"), "MX")).rcode == "SERVFAIL"
    waits = [hop.detail for hop in net.hops if hop.outcome == "timeout"]
    assert waits == ["no reply in 0.8 s", "no reply in 1.6 s", "no reply in 3.2 s"]
    assert net.time.seconds < 10


async def test_r7_a_failure_is_remembered_for_seconds(net: Internet) -> None:
    net.faults["198.18.2.53"] = broken("SERVFAIL")
    resolver = net.resolver()
    await resolver.resolve(name("belgiannews.com"), "MX")
    asked = len(net.asked)
    await resolver.resolve(name("belgiannews.com"), "MX")
    assert len(net.asked) == asked
    net.time.seconds += 6
    net.faults.clear()
    assert data(await resolver.resolve(name("belgiannews.com"), "MX")) == MX


async def test_r8_a_truncated_answer_is_fetched_over_tcp(net: Internet) -> None:
    net.faults["198.18.2.53"] = lambda reply, tcp: reply if tcp else replace(reply, tc=True, answer=())
    assert data(await net.resolver().resolve(name("belgiannews.com"), "MX")) == MX


async def test_r8_a_server_without_edns_is_asked_plainly(net: Internet) -> None:
    def old(reply: Message, tcp: bool) -> Message:
        return Message(reply.id, True, rcode="FORMERR", question=reply.question) if reply.edns else reply

    net.faults["198.18.2.53"] = old
    resolver = net.resolver()
    assert data(await resolver.resolve(name("belgiannews.com"), "MX")) == MX
    del net.asked[:]
    await resolver.resolve(name("mail.belgiannews.com"), "A")
    assert len(net.asked) == 1


async def test_r9_a_ttl_counts_down_and_ends(net: Internet) -> None:
    resolver = net.resolver()
    first = await resolver.resolve(name("belgiannews.com"), "MX")
    net.time.seconds += 100.5
    second = await resolver.resolve(name("belgiannews.com"), "MX")
    assert (first.answer[0].ttl, second.answer[0].ttl) == (300, 199)
    net.time.seconds += 200
    del net.asked[:]
    assert (await resolver.resolve(name("belgiannews.com"), "MX")).answer[0].ttl == 300
    assert net.asked == [("198.18.2.53", "belgiannews.com", "MX")]


async def test_r9_a_ttl_of_zero_is_good_once(net: Internet) -> None:
    resolver = net.resolver()
    for _ in range(2):
        assert data(await resolver.resolve(name("brief.belgiannews.com"), "A")) == ["A 198.18.2.26"]
    assert [question[1] for question in net.asked].count("brief.belgiannews.com") == 4


async def test_r10_a_no_is_remembered_as_long_as_its_soa_says(net: Internet) -> None:
    resolver = net.resolver()
    outcome = await resolver.resolve(name("none.belgiannews.com"), "A")
    assert (outcome.rcode, outcome.authority[0].ttl) == ("NXDOMAIN", 60)
    asked = len(net.asked)
    net.time.seconds += 20
    outcome = await resolver.resolve(name("none.belgiannews.com"), "MX")
    assert (outcome.rcode, outcome.authority[0].type, len(net.asked)) == ("NXDOMAIN", "SOA", asked)
    assert outcome.authority[0].ttl <= 40
    net.time.seconds += 41
    await resolver.resolve(name("none.belgiannews.com"), "MX")
    assert len(net.asked) == asked + 1


async def test_r10_no_such_type_says_nothing_of_other_types(net: Internet) -> None:
    resolver = net.resolver()
    assert (await resolver.resolve(name("mail.belgiannews.com"), "MX")).rcode == "NOERROR"
    assert data(await resolver.resolve(name("mail.belgiannews.com"), "A")) == ["A 198.18.2.25"]


async def test_r10_a_no_without_soa_is_not_remembered(net: Internet) -> None:
    net.faults["198.18.2.53"] = lambda reply, tcp: replace(reply, authority=())
    resolver = net.resolver()
    for _ in range(2):
        assert (await resolver.resolve(name("none.belgiannews.com"), "A")).rcode == "NXDOMAIN"
    assert [question for question in net.asked if question[0] == "198.18.2.53"] == [
        ("198.18.2.53", "none.belgiannews.com", "A")
    ] * 2


async def test_r11_below_a_name_that_is_not_nothing_is(net: Internet) -> None:
    resolver = net.resolver()
    await resolver.resolve(name("none.belgiannews.com"), "A")
    asked = len(net.asked)
    assert (await resolver.resolve(name("deep.below.none.belgiannews.com"), "A")).rcode == "NXDOMAIN"
    assert len(net.asked) == asked


def test_r14_memory_alone_answers_only_what_it_knows(net: Internet) -> None:
    resolver = net.resolver()
    assert resolver.recall(name("belgiannews.com"), "MX") is None
    asyncio.run(_resolve(resolver, "belgiannews.com", "MX"))
    known = resolver.recall(name("belgiannews.com"), "MX")
    assert known is not None
    assert data(known) == MX
    assert [record.name for record in resolver.closest_cut(name("x.belgiannews.com"))] == ["belgiannews.com"]


async def _resolve(resolver, text: str, type: str) -> None:
    await resolver.resolve(name(text), type)


async def test_r15_the_same_question_is_in_flight_once(net: Internet) -> None:
    resolver = net.resolver()
    outcomes = await asyncio.gather(*(resolver.resolve(name("belgiannews.com"), "MX") for _ in range(20)))
    assert [data(outcome) for outcome in outcomes] == [MX] * 20
    assert len(net.asked) == 4


@pytest.mark.parametrize("stale", [True, False])
async def test_r16_stale_data_are_given_only_where_that_is_wanted(net: Internet, stale: bool) -> None:
    resolver = net.resolver(stale=stale)
    await resolver.resolve(name("belgiannews.com"), "MX")
    net.time.seconds += 4000
    net.servers.clear()
    outcome = await resolver.resolve(name("belgiannews.com"), "MX")
    assert outcome.rcode == ("NOERROR" if stale else "SERVFAIL")
    assert [record.ttl for record in outcome.answer] == [30, 30] * stale


@pytest.mark.parametrize(
    ("asked", "type", "rcode", "answer"),
    [
        ("localhost", "A", "NOERROR", ["A 127.0.0.1"]),
        ("x.localhost", "AAAA", "NOERROR", ["AAAA ::1"]),
        ("1.0.0.127.in-addr.arpa", "PTR", "NOERROR", ["PTR localhost."]),
        ("mail.invalid", "A", "NXDOMAIN", []),
    ],
)
async def test_r18_special_names_never_leave(
    net: Internet, asked: str, type: str, rcode: str, answer: list[str]
) -> None:
    outcome = await net.resolver().resolve(name(asked), type)
    assert (outcome.rcode, data(outcome), net.asked) == (rcode, answer, [])


async def test_r18_private_reverse_zones_are_the_labs_own() -> None:
    ten = "@ 60 SOA a.root. h 1 2 3 4 5\n1.0.0 60 PTR mail.lab.\n"
    net = internet(**{"198_18_0_1": {"10.in-addr.arpa": ten, ".": ROOT_TEXT}})
    outcome = await net.resolver().resolve(name("1.0.0.10.in-addr.arpa"), "PTR")
    assert data(outcome) == ["PTR mail.lab."]


async def test_r19_a_forwarder_asks_its_own_resolver_only(net: Internet) -> None:
    net.servers["198.18.3.53"] = net.servers["198.18.2.53"]
    resolver = net.resolver(forwards_to=(Address("198.18.3.53"),))
    assert data(await resolver.resolve(name("belgiannews.com"), "MX")) == MX
    assert net.asked == [("198.18.3.53", "belgiannews.com", "MX")]


async def test_r19_a_flush_forgets_a_name_and_all_below_it(net: Internet) -> None:
    resolver = net.resolver()
    await resolver.resolve(name("belgiannews.com"), "MX")
    assert resolver.cache.flush(name("belgiannews.com")) > 0
    assert resolver.recall(name("belgiannews.com"), "MX") is None
    assert resolver.closest_cut(name("belgiannews.com"))[0].name == "com"
    resolver.cache.flush()
    assert not list(resolver.cache.entries())


async def test_a_parent_is_asked_again_when_the_glue_has_run_out(net: Internet) -> None:
    """The child's NS live longer than their addresses: the way down begins higher up."""
    net.servers["198.18.2.53"] = authority({"belgiannews.com": NEWS_TEXT.replace("@ NS ns", "@ 9000 NS ns")})
    resolver = net.resolver()
    await resolver.resolve(name("belgiannews.com"), "NS")
    net.time.seconds += 8000
    assert data(await resolver.resolve(name("belgiannews.com"), "MX")) == MX


async def test_six_and_four_are_both_addresses_of_a_server() -> None:
    six = COM_TEXT.replace("ns.belgiannews A 198.18.2.53", "ns.belgiannews AAAA 2001:db8::53")
    net = internet(**{"198_18_0_2": {"com": six}})
    net.servers["2001:db8::53"] = net.servers["198.18.2.53"]
    assert data(await net.resolver().resolve(name("mail.belgiannews.com"), "A")) == ["A 198.18.2.25"]
    assert AAAA(Address("2001:db8::53")).address in {hop.address for hop in net.hops}


async def test_a10_what_is_below_a_dname_is_found_below_its_target() -> None:
    net = internet(**{"198_18_2_53": {"belgiannews.com": NEWS_TEXT + "old DNAME @\n"}})
    outcome = await net.resolver().resolve(name("mail.old.belgiannews.com"), "A")
    assert data(outcome) == ["DNAME belgiannews.com.", "CNAME mail.belgiannews.com.", "A 198.18.2.25"]


async def test_the_code_of_an_alias_to_nothing_is_that_of_its_target() -> None:
    net = internet(**{"198_18_2_53": {"belgiannews.com": NEWS_TEXT + "gone CNAME nothing\n"}})
    outcome = await net.resolver().resolve(name("gone.belgiannews.com"), "A")
    assert (outcome.rcode, data(outcome)) == ("NXDOMAIN", ["CNAME nothing.belgiannews.com."])


async def test_the_servers_of_a_zone_are_its_own_word_not_its_parents(net: Internet) -> None:
    resolver = net.resolver()
    outcome = await resolver.resolve(name("belgiannews.com"), "NS")
    assert (data(outcome), outcome.answer[0].ttl) == (["NS ns.belgiannews.com."], 300)


@given(st.data())
def test_no_reply_makes_a_resolver_raise(draw: st.DataObject) -> None:
    net = internet()

    def damage(reply: Message, tcp: bool) -> Message:
        octets = bytearray(encode(reply))
        for _ in range(draw.draw(st.integers(1, 4))):
            octets[draw.draw(st.integers(0, len(octets) - 1))] = draw.draw(st.integers(0, 255))
        return decode(bytes(octets))

    net.faults = dict.fromkeys(net.servers, damage)
    outcome = asyncio.run(net.resolver().resolve(name("www.belgiannews.com"), "A"))
    assert outcome.rcode in ("NOERROR", "NXDOMAIN", "SERVFAIL")
