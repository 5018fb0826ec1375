"""Authorities, resolvers and stubs on hosts of a simulated Internet: sockets, consoles, events, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import dns.message
import pytest

from lab.dns.server import framed
from lab.dns.start import start_authority, start_resolver
from lab.dns.stub import Stub, answer_in
from lab.errors import LabError
from lab.events import HopAnswered, NameResolved, ZoneReloaded
from lab.fabric.base import Host
from lab.fabric.faults import Crash, Down, Silent
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, ResolverPlan
from lab.wire.dns import Message
from lab.wire.records import CNAME, Record
from tests.dns.internet import BE_TEXT, COM_TEXT, EUNET_TEXT, HINTS, NEWS_TEXT, ROOT_TEXT, name, plan

ZONES = {
    zone.origin: zone
    for zone in (
        plan(".", ROOT_TEXT),
        plan("com", COM_TEXT),
        plan("be", BE_TEXT),
        plan("belgiannews.com", NEWS_TEXT),
        plan("eunet.be", EUNET_TEXT),
    )
}
RESOLVER = Address("198.18.3.53")
CLIENT = DomainName("pc.unige.ch")
NEWS = DomainName("ns.belgiannews.com")


def host(text: str, address: str, zones: tuple[str, ...] = (), resolver: ResolverPlan | None = None) -> HostPlan:
    origins = tuple(map(name, zones))
    return HostPlan(DomainName(text), (Address(address),), resolvers=(RESOLVER,), zones=origins, resolver=resolver)


HOSTS = (
    host("a.root", "198.18.0.1", (".",)),
    host("ns.com", "198.18.0.2", ("com",)),
    host("ns.be", "198.18.0.3", ("be",)),
    host(NEWS, "198.18.2.53", ("belgiannews.com", "eunet.be")),
    host("dns.unige.ch", RESOLVER, resolver=ResolverPlan(HINTS, serves=("198.18.3.0/24",))),
    host(CLIENT, "198.18.3.9"),
    host("stranger.org", "198.18.5.9"),
)

Play = Callable[[SimFabric, dict[DomainName, Stub]], Awaitable[None]]


def play(scene: Play, hosts: tuple[HostPlan, ...] = HOSTS) -> SimFabric:
    """Play a scene on the simulated Internet; the fabric afterwards, for its log."""
    stubs: dict[DomainName, Stub] = {}

    async def boot(here: Host) -> None:
        if here.plan.resolver:
            await start_resolver(here, ZONES)
        elif here.plan.zones:
            await start_authority(here, ZONES)
        stubs[here.name] = Stub(here)

    async def whole() -> SimFabric:
        fabric = SimFabric(("198.18.0.0/15",), boot)
        for each in hosts:
            fabric.add(each)
        await fabric.up()
        await scene(fabric, stubs)
        await fabric.down()
        assert not fabric.crashes
        return fabric

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        return runner.run(whole())


async def dig(fabric: SimFabric, *words: str, at: DomainName = CLIENT, **more: Any) -> dict[str, Any]:
    return await fabric.ask(at, "resolve", {"name": words[0], "type": words[1], **more})


def test_a_client_finds_the_exchangers() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        answer = await stubs[CLIENT].resolve(name("belgiannews.com"), "MX", "q1")
        assert [record.data.text() for record in answer.records] == [
            "5 mail.belgiannews.com.",
            "10 relay.eunet.be.",
        ]

    events = [entry.event for entry in play(scene).log]
    (resolved,) = [event for event in events if isinstance(event, NameResolved)]
    assert replace(resolved, seconds=0) == NameResolved(
        "belgiannews.com", "MX", "NOERROR", ("5 mail.belgiannews.com", "10 relay.eunet.be"), RESOLVER, 0, "q1"
    )
    assert [event.outcome for event in events if isinstance(event, HopAnswered)] == [
        "answer", "referral", "referral", "answer",
    ]  # fmt: skip


def test_aliases_are_followed_in_the_answer() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        answer = await stubs[CLIENT].resolve(name("www.belgiannews.com"), "A")
        assert (answer.canonical, len(answer.records)) == ("relay.eunet.be", 1)

    play(scene)


def aliases(*names: str) -> Message:
    """A reply in which each of these is an alias for the next."""
    records = (Record(name(a), 60, CNAME(name(b))) for a, b in pairwise(names))
    return Message(response=True, answer=tuple(records))


@pytest.mark.parametrize(
    "names", [["a.be", "b.be", "a.be"], ["a.be", *(f"a{n}.be" for n in range(20))]], ids=["circle", "twenty"]
)
def test_a_reply_full_of_aliases_without_an_end_is_a_failure(names: list[str]) -> None:
    answer = answer_in(aliases(*names), name("a.be"), "MX")
    assert (answer.rcode, answer.records) == ("SERVFAIL", ())


def test_a_reply_that_ends_in_an_alias_is_no_data() -> None:
    assert answer_in(aliases("a.be", "b.be"), name("a.be"), "MX").rcode == "NOERROR"


def test_nobody_who_answers_is_a_timeout_after_ten_seconds() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        await fabric.fail(DomainName("dns.unige.ch"), Silent())
        start = fabric.clock.elapsed()
        answer = await stubs[CLIENT].resolve(name("belgiannews.com"), "MX")
        assert (answer.rcode, round(fabric.clock.elapsed() - start)) == ("TIMEOUT", 10)

    play(scene)


def test_a_second_resolver_steps_in() -> None:
    dead = Address("198.18.3.99")
    hosts = tuple(replace(each, resolvers=(dead, RESOLVER)) for each in HOSTS)

    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        assert (await stubs[CLIENT].resolve(name("belgiannews.com"), "MX")).rcode == "NOERROR"

    play(scene, hosts)


def test_r7_dead_authorities_are_servfail_in_time() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        await fabric.fail(NEWS, Silent())
        form = await dig(fabric, "belgiannews.com", "MX")
        assert form["rcode"] == "SERVFAIL"
        assert form["why"] == [
            "no reachable authority: no answer from the servers of belgiannews.com: ns.belgiannews.com (timeout)"
        ]
        await fabric.heal(NEWS)
        await fabric.advance(timedelta(seconds=10))
        assert (await stubs[CLIENT].resolve(name("belgiannews.com"), "MX")).rcode == "NOERROR"

    play(scene)


def test_a_resolver_forgets_when_it_goes_down() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        resolver = DomainName("dns.unige.ch")
        await dig(fabric, "belgiannews.com", "MX")
        await fabric.fail(resolver, Down())
        await fabric.heal(resolver)
        assert (await fabric.ask(resolver, "cache", {}))["entries"] == []

    play(scene)


def test_r14_the_header_that_a_client_gets() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        first = await dig(fabric, "belgiannews.com", "MX")
        assert (first["rcode"], first["aa"], first["flags"]) == ("NOERROR", False, ["rd", "ra"])
        assert first["answers"][0]["data"] == "5 mail.belgiannews.com."
        memory = await dig(fabric, "belgiannews.com", "MX", rd=False, server=RESOLVER)
        assert (memory["answers"], memory["flags"]) == (first["answers"], ["ra"])
        nothing = await dig(fabric, "x.belgiannews.com", "A", rd=False, server=RESOLVER)
        assert (nothing["answers"], nothing["authority"][0]["type"]) == ([], "NS")

    play(scene)


def test_r19_a_stranger_is_refused_and_an_authority_asked_by_name_answers() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        stranger = await dig(fabric, "belgiannews.com", "MX", at=DomainName("stranger.org"))
        assert (stranger["rcode"], stranger["why"]) == (
            "REFUSED",
            ["prohibited: 198.18.5.9 is in no network that this resolver serves"],
        )
        direct = await dig(fabric, "belgiannews.com", "MX", server="ns.belgiannews.com")
        assert (direct["aa"], direct["server"], len(direct["additional"])) == (True, "198.18.2.53", 1)

    play(scene)


def test_a_trace_goes_down_from_the_root_by_itself() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        form = await dig(fabric, "belgiannews.com", "MX", trace=True)
        assert [(step["zone"], step["server"], step["outcome"]) for step in form["trace"]] == [
            (".", "a.root", "referral"),
            ("com.", "ns.com", "referral"),
            ("belgiannews.com.", "ns.belgiannews.com", "answer"),
        ]
        assert (form["rcode"], form["aa"], len(form["answers"])) == ("NOERROR", True, 2)

    play(scene)


def test_a_zone_is_edited_and_its_serial_rises() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        before = await fabric.ask(NEWS, "zone", {"origin": "belgiannews.com"})
        edit = {"origin": "belgiannews.com", "add": ["@ MX 20 mx3"], "remove": ["@ MX 10 relay.eunet.be."]}
        after = await fabric.ask(NEWS, "edit-zone", edit)
        assert (before["serial"], after["serial"]) == (7, 8)
        answer = await dig(fabric, "belgiannews.com", "MX")
        assert [row["data"] for row in answer["answers"]] == ["5 mail.belgiannews.com.", "20 mx3.belgiannews.com."]
        for wrong in ({"add": ["@ MX"]}, {"remove": ["nobody A 198.18.0.1"]}, {"add": ["a.b.be. A 198.18.0.1"]}):
            with pytest.raises(LabError):
                await fabric.ask(NEWS, "edit-zone", {"origin": "belgiannews.com", **wrong})
        with pytest.raises(LabError):
            await fabric.ask(NEWS, "zone", {"origin": "unige.ch"})
        assert (await fabric.ask(NEWS, "zone", {"origin": "belgiannews.com"}))["serial"] == 8

    assert [each.event for each in play(scene).log if isinstance(each.event, ZoneReloaded)] == [
        ZoneReloaded(
            "belgiannews.com",
            8,
            added=("belgiannews.com. MX 20 mx3.belgiannews.com",),
            removed=("belgiannews.com. MX 10 relay.eunet.be",),
        )
    ]


def test_a_server_says_why_it_answers_as_it_does() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        said = await fabric.ask(NEWS, "decide", {"name": "www.belgiannews.com", "type": "A"})
        assert (said["zone"], said["rcode"], said["aa"], len(said["answers"])) == (
            "belgiannews.com.",
            "NOERROR",
            True,
            2,
        )
        assert said["reasons"] == [
            "www.belgiannews.com. stands in the zone and is another name for something (RFC 1034 §3.6.2)",
            "relay.eunet.be. stands in the zone and has A",
        ]

    play(scene)


def test_an_edit_outlives_a_crash() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        edit = {"origin": "belgiannews.com", "add": ['new\\.dot 60 TXT "a;b"'], "remove": ["@ MX"]}
        edited = await fabric.ask(NEWS, "edit-zone", edit)
        await fabric.fail(NEWS, Down())
        await fabric.heal(NEWS)
        assert await fabric.ask(NEWS, "zone", {"origin": "belgiannews.com"}) == edited

    play(scene)


def test_a_full_disk_refuses_an_edit_and_the_zone_stays() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        fabric.hosts[NEWS].disk.full = True
        with pytest.raises(LabError, match="did not take the zone: no space left"):
            await fabric.ask(NEWS, "edit-zone", {"remove": ["@ MX"]})
        assert len((await dig(fabric, "belgiannews.com", "MX"))["answers"]) == 2

    play(scene)


def test_a_cached_answer_outlives_an_edit_until_it_is_flushed() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        await dig(fabric, "belgiannews.com", "MX")
        await fabric.ask(NEWS, "edit-zone", {"origin": "belgiannews.com", "remove": ["@ MX"]})
        assert len((await dig(fabric, "belgiannews.com", "MX"))["answers"]) == 2
        assert (await fabric.ask(DomainName("dns.unige.ch"), "flush", {"name": "belgiannews.com"}))["flushed"]
        assert (await dig(fabric, "belgiannews.com", "MX"))["answers"] == []

    play(scene)


def test_a_host_can_be_authority_and_resolver_at_once() -> None:
    both = host("dns.unige.ch", RESOLVER, ("belgiannews.com", "eunet.be"), ResolverPlan(HINTS))
    hosts = tuple(both if each.name == both.name else each for each in HOSTS if each.name != NEWS)

    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        assert (await dig(fabric, "belgiannews.com", "MX"))["aa"]
        assert (await dig(fabric, "ns.com", "A"))["rcode"] == "NOERROR"

    play(scene, hosts)


def test_r16_stale_data_come_before_a_client_gives_up() -> None:
    old = host("dns.unige.ch", RESOLVER, resolver=ResolverPlan(HINTS, stale=True))
    hosts = tuple(old if each.name == old.name else each for each in HOSTS)

    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        await dig(fabric, "belgiannews.com", "MX")
        await fabric.fail(NEWS, Silent())
        await fabric.advance(timedelta(hours=1))
        start = fabric.clock.elapsed()
        answer = await dig(fabric, "belgiannews.com", "MX")
        assert (round(fabric.clock.elapsed() - start, 1), answer["answers"][0]["ttl"]) == (1.8, 30)

    play(scene, hosts)


def test_an_edit_is_of_one_world_and_there_it_outlives_a_crash() -> None:
    async def exchangers(fabric: SimFabric) -> list[str]:
        answer = await dig(fabric, "belgiannews.com", "MX", server="198.18.2.53")
        return [row["data"] for row in answer["answers"]]

    async def edited(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        assert await exchangers(fabric) == await exchangers(fabric) == planned
        await fabric.ask(NEWS, "edit-zone", {"origin": "belgiannews.com", "remove": ["@ MX 10 relay.eunet.be."]})
        assert await exchangers(fabric) == await exchangers(fabric) == planned[:1]
        await fabric.fail(NEWS, Crash())
        await fabric.heal(NEWS)
        assert await exchangers(fabric) == await exchangers(fabric) == planned[:1]

    async def untouched(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        assert await exchangers(fabric) == await exchangers(fabric) == planned

    planned = ["5 mail.belgiannews.com.", "10 relay.eunet.be."]
    for scene in (edited, untouched, edited):
        play(scene)


def test_an_answer_too_large_for_a_datagram_comes_over_tcp() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        lines = [f"big TXT {'x' * 200}{number}" for number in range(20)]
        await fabric.ask(NEWS, "edit-zone", {"origin": "belgiannews.com", "add": lines})
        assert len((await stubs[CLIENT].resolve(name("big.belgiannews.com"), "TXT")).records) == 20

    play(scene)


def test_a_resolver_asks_itself() -> None:
    alone = tuple(replace(each, resolvers=()) for each in HOSTS)

    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        assert (await dig(fabric, "belgiannews.com", "MX", at=DomainName("dns.unige.ch")))["rcode"] == "NOERROR"
        assert (await dig(fabric, "belgiannews.com", "MX"))["rcode"] == "TIMEOUT"

    play(scene, alone)


class Talk(asyncio.Protocol):
    """A client that hears messages of a stream."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)


def test_a20_queries_over_tcp_come_in_pieces_and_in_rows() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        async def client() -> None:
            loop = asyncio.get_running_loop()
            queries = [dns.message.make_query(f"{word}.belgiannews.com", "A") for word in ("mail", "ns", "none")]
            octets = b"".join(framed(query.to_wire()) for query in queries)
            transport, talk = await loop.create_connection(Talk, "198.18.2.53", 53)
            for piece in (octets[:1], octets[1:30], octets[30:]):
                transport.write(piece)
                await asyncio.sleep(1)
            heard, replies = talk.heard, []
            while heard:
                length = int.from_bytes(heard[:2], "big")
                replies.append(dns.message.from_wire(heard[2 : 2 + length]))
                heard = heard[2 + length :]
            assert [query.is_response(reply) for query, reply in zip(queries, replies, strict=True)] == [True] * 3
            start = fabric.clock.elapsed()
            await talk.lost
            assert 25 < fabric.clock.elapsed() - start < 35

        await fabric.hosts[CLIENT].spawn(client(), "client")

    play(scene)


def test_the_same_seed_asks_the_same_octets() -> None:
    async def scene(fabric: SimFabric, stubs: dict[DomainName, Stub]) -> None:
        await dig(fabric, "www.belgiannews.com", "A")

    assert play(scene).log.trace_hash() == play(scene).log.trace_hash()
