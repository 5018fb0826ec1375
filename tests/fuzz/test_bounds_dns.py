"""No packet, zone or client makes a DNS server work or remember out of proportion (RFC 9520 §3)."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable
from random import Random

import pytest

from lab.clock import LabClock, VirtualTime
from lab.dns import standing
from lab.dns.authority import Authority
from lab.dns.cache import MOST_ENTRIES, Cache, Rank
from lab.dns.descent import MOST_QUESTIONS
from lab.dns.recursor import MOST_CLIENTS, Recursor
from lab.dns.resolver import Resolver
from lab.dns.server import IDLE_SECONDS, Asker, Stream, framed
from lab.dns.standing import Standings
from lab.dns.verdict import classify
from lab.dns.zones import Zones
from lab.fabric.loop import LabLoop
from lab.names import ROOT, Address, DomainName
from lab.wire.dns import Malformed, Message, Question, decode, encode
from lab.wire.dns.names import read_name
from lab.wire.records import CNAME, NS, TXT, A, Record
from tests.fuzz.work import grows_linearly

EVIL = Address("198.18.66.66")


class Counted(bytes):
    """Octets that count how often one of them is looked at."""

    looks = 0

    def __getitem__(self, at: object) -> object:  # type: ignore[override]
        Counted.looks += 1
        return super().__getitem__(at)  # type: ignore[index]


def test_a_chain_of_pointers_is_followed_no_further_than_a_name_is_long() -> None:
    chain = b"\0" + b"".join(struct.pack("!H", 0xC000 | max(0, at - 2)) for at in range(1, 16_000, 2))
    octets = Counted(chain)
    with pytest.raises(ValueError, match="pointers"):
        read_name(octets, len(chain) - 2)
    assert Counted.looks < 1_000


def test_a_name_that_pointers_make_too_long_is_given_up_at_255_octets() -> None:
    steps = [b"\x01a\0"]
    for _ in range(4_000):
        at = sum(map(len, steps[:-1])) if len(steps) > 1 else 0
        steps.append(b"\x01a" + struct.pack("!H", 0xC000 | at & 0x3FFF))
        if at > 15_000:
            break
    Counted.looks = 0
    with pytest.raises(ValueError, match="pointers"):
        read_name(Counted(b"".join(steps)), sum(map(len, steps[:-1])))
    assert Counted.looks < 1_000


def test_a_packet_full_of_pointers_to_a_long_chain_costs_no_more_than_its_size() -> None:
    def decoded(records: int) -> None:
        name, at = 30, 33  # where the first record's RDATA begins, and in it the chain
        chain = b"".join(
            struct.pack("!H", 0xC000 | (at + back - 2 if back else name)) for back in range(0, 2 * records, 2)
        )
        rdata = b"\x01a\0" + chain
        head = struct.pack("!HHHHHH", 1, 0x8000, 1, 1 + records, 0, 0) + b"\x01a\0\0\1\0\1"
        first = b"\0" + struct.pack("!HHIH", 10, 1, 0, len(rdata)) + rdata
        each = struct.pack("!HHHIH", 0xC000 | at + len(chain) - 2, 10, 1, 0, 0)
        with contextlib.suppress(Malformed):
            decode(head + first + each * records)

    assert grows_linearly(decoded, 1_000)


def test_ten_thousand_aliases_in_one_reply_are_followed_a_dozen_times() -> None:
    def followed(aliases: int) -> None:
        names = [DomainName(f"a{number}.com") for number in range(aliases + 1)]
        answer = tuple(Record(name, 1, CNAME(names[number + 1])) for number, name in enumerate(names[:-1]))
        classify(names[0], "A", DomainName("com"), Message(1, response=True, answer=answer))

    assert grows_linearly(followed, 1_000)


# -- a zone that sends resolvers about --------------------------------------------------------------------------


class Wicked:
    """The only server there is: what it says to a question is a function of it."""

    def __init__(self, says: Callable[[Question], Message]) -> None:
        self.time = VirtualTime()
        self.asked = 0
        self._says = says

    async def ask(self, address: Address, question: Question, timeout: float, **how: bool) -> Message:
        self.asked += 1
        return self._says(question)

    def resolver(self) -> Resolver:
        return Resolver(self, LabClock(self.time), Random(1), ((DomainName("a.root"), (EVIL,)),))


def refers(zone: DomainName, servers: list[DomainName], glue: bool = False) -> Message:
    """A referral to so many servers."""
    authority = tuple(Record(zone, 300, NS(server)) for server in servers)
    additional = tuple(Record(server, 300, A(EVIL)) for server in servers) if glue else ()
    return Message(1, response=True, authority=authority, additional=additional)


def looked_up(resolver: Resolver, name: str, most: int) -> str:
    """The outcome's rcode; AssertionError when the search takes more than `most` steps of its functions."""
    steps = 0

    def step(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        steps += 1
        if steps > most:
            raise AssertionError(f"more than {most} calls")

    async def watched() -> str:
        import sys

        sys.setprofile(step)
        try:
            return (await resolver.resolve(DomainName(name), "A")).rcode
        finally:
            sys.setprofile(None)

    return asyncio.run(watched())


def test_servers_without_addresses_in_zones_of_such_servers_end_the_search() -> None:
    """Each zone has thirty servers, all in others of the kind: thirty to the sixth look-ups, and no question."""

    def says(question: Question) -> Message:
        labels = question.name.split(".")
        zone = DomainName(labels[-1])
        servers = [DomainName(f"n{number}.z{(hash_of(zone) + number) % 40}") for number in range(30)]
        return refers(zone, servers)

    wicked = Wicked(says)
    resolver = wicked.resolver()
    for number in range(40):  # what it has learned before makes it worse
        zone = DomainName(f"z{number}")
        servers = [DomainName(f"n{other}.z{(number + other + 1) % 40}") for other in range(30)]
        resolver.cache.put(tuple(Record(zone, 300, NS(server)) for server in servers), Rank.REFERRAL)
    assert looked_up(resolver, "www.z1", 2_000_000) == "SERVFAIL"
    assert wicked.asked <= MOST_QUESTIONS


def hash_of(zone: DomainName) -> int:
    return sum(zone.encode()) % 40


def test_a_referral_to_thousands_of_servers_costs_no_more_than_one_to_a_few() -> None:
    def says(question: Question) -> Message:
        return refers(DomainName("evil"), [DomainName(f"n{number}.evil") for number in range(3_000)], glue=True)

    wicked = Wicked(says)
    assert looked_up(wicked.resolver(), "www.evil", 400_000) == "SERVFAIL"
    assert wicked.asked <= MOST_QUESTIONS


def test_referrals_that_go_down_for_ever_end() -> None:
    def says(question: Question) -> Message:
        says.depth += 1  # type: ignore[attr-defined]
        labels = question.name.split(".")
        return refers(DomainName(".".join(labels[-says.depth :])), [DomainName("n.x")], glue=True)  # type: ignore

    says.depth = 0  # type: ignore[attr-defined]
    wicked = Wicked(says)
    assert looked_up(wicked.resolver(), ".".join("a" for _ in range(120)), 2_000_000) == "SERVFAIL"
    assert wicked.asked <= MOST_QUESTIONS


# -- what is remembered -----------------------------------------------------------------------------------------


def test_failures_are_remembered_at_a_cost_that_does_not_grow_with_them() -> None:
    def failed(count: int) -> None:
        cache = Cache(LabClock(VirtualTime()))
        for number in range(count):
            cache.fail(DomainName(f"h{number}.test"), "A")

    assert grows_linearly(failed, 1_000)


def test_failures_are_forgotten_when_there_are_too_many() -> None:
    cache = Cache(LabClock(VirtualTime()))
    names = [DomainName(f"h{number}.test") for number in range(MOST_ENTRIES + 1)]
    for name in names:
        cache.fail(name, "A")
    assert [cache.failed(name, "A") for name in (names[0], names[-1])] == [False, True]


def test_large_rrsets_leave_memory_sooner_than_small_ones() -> None:
    cache = Cache(LabClock(VirtualTime()))
    for number in range(200):
        name = DomainName(f"h{number}.test")
        cache.put(
            tuple(Record(name, 60, A(Address(f"198.18.{one >> 8}.{one & 255}"))) for one in range(3_000)),
            Rank.ANSWER,
        )
    assert sum(len(entry.records) for _, entry, _ in cache.entries()) <= 5 * MOST_ENTRIES
    for number in range(2_000):
        cache.put((Record(DomainName(f"t{number}.test"), 60, TXT((b"x" * 255,) * 250)),), Rank.ANSWER)
    octets = sum(255 * 250 for _, entry, _ in cache.entries() if entry.records[0].type == "TXT")
    assert octets <= 32_000_000


def test_servers_are_forgotten_when_too_many_were_met() -> None:
    standings = Standings(LabClock(VirtualTime()), Random(1))
    for number in range(2 * standing.MOST_SERVERS):
        address = Address(f"198.18.{number >> 8}.{number & 255}")
        standings.silent(address)
        standings.lame(address, ROOT)
    assert standings.known <= standing.MOST_SERVERS


# -- clients ----------------------------------------------------------------------------------------------------


def asks(number: int) -> bytes:
    return encode(Message(number, rd=True, question=Question(DomainName(f"h{number}.test"), "A")))


def test_clients_beyond_the_most_are_told_at_once() -> None:
    """A thousand searches wait for servers that are silent; the next client has its SERVFAIL without one."""

    class Silent:
        async def ask(self, address: Address, question: Question, timeout: float, **how: bool) -> Message:
            await asyncio.Event().wait()
            raise TimeoutError

    async def scene() -> list[str]:
        resolver = Resolver(Silent(), LabClock(VirtualTime()), Random(1), ((DomainName("a.root"), (EVIL,)),))
        tasks: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        recursor = Recursor(
            resolver, lambda work, name: tasks.append(loop.create_task(work)), Authority(Zones({}))
        )
        replies: list[bytes] = []
        for number in range(MOST_CLIENTS + 5):
            recursor.respond(asks(number), Asker("198.18.1.1"), replies.append)
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        recursor.respond(asks(1), Asker("198.18.1.1"), replies.append)
        assert len(tasks) == MOST_CLIENTS + 1, "a client that is served makes room for another"
        return [decode(reply).rcode for reply in replies]

    assert asyncio.run(scene()) == ["SERVFAIL"] * 5


def test_many_askers_are_not_all_remembered() -> None:
    recursor = Recursor(
        Wicked(lambda question: Message()).resolver(), print, Authority(Zones({})), ("198.18.0.0/16",)
    )
    for number in range(20_000):
        assert recursor.allows(f"198.18.{number >> 8}.{number & 255}")
    assert recursor.askers < 20_000


class Pipe(asyncio.Transport):
    """A transport that keeps what it is given to send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.reading = True

    def write(self, octets: bytes) -> None:  # type: ignore[override]
        self.sent += octets

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...


def test_ten_thousand_pipelined_queries_leave_others_their_turn() -> None:
    async def scene() -> None:
        answered = 0

        def respond(octets: bytes, asker: Asker, reply: Callable[[bytes], None]) -> None:
            nonlocal answered
            answered += 1
            reply(octets)

        stream, pipe = Stream(respond), Pipe()
        stream.connection_made(pipe)
        stream.data_received(framed(asks(1)) * 10_000)
        assert answered <= 200, "the loop was held for more than a few"
        assert not pipe.reading, "nothing more is read while so much is unheard"
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert answered == 10_000
        assert pipe.reading
        assert len(pipe.sent) == 10_000 * len(framed(asks(1)))
        stream.connection_lost(None)

    asyncio.run(scene())


def test_an_octet_now_and_then_is_not_waited_for_longer_than_silence() -> None:
    closed: list[float] = []

    class Closing(Pipe):
        def close(self) -> None:
            closed.append(asyncio.get_running_loop().time())

    async def scene() -> None:
        stream = Stream(lambda octets, asker, reply: None)
        stream.connection_made(Closing())
        for octet in framed(asks(1)):
            stream.data_received(bytes((octet,)))
            await asyncio.sleep(IDLE_SECONDS / 2)
            if closed:
                break
        assert IDLE_SECONDS <= closed[0] < 2 * IDLE_SECONDS

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        runner.run(scene())
