"""A capture of a mini-Internet: whole, named, and commented without a wrong word."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from lab import topology
from lab.clock import WarpedTime
from lab.events import Stage
from lab.fabric.faults import Reply, Silent
from lab.fabric.loop import LabLoop
from lab.fabric.tap import Frame
from lab.internet import Internet
from lab.journey import Journeys, build
from lab.journey.capture import Counts, Recorder
from lab.names import DomainName, EmailAddress
from lab.topology.plan import Link, Plan
from lab.wire.pcapng import Block, Captured, blocks, read_interface, read_names, read_packet
from tests import tshark
from tests.fabric.forked import in_namespace

ROOT = Path(__file__).parents[2]
ANN, ED, LUC = (EmailAddress(text) for text in ("ann@unige.ch", "ed@belgiannews.com", "luc@eunet.be"))
MAIL, RELAY = DomainName("mail.belgiannews.com"), DomainName("relay.eunet.be")
NEWS = "mail.belgiannews.com"

Story = Callable[[Internet], Awaitable[object]]


def belgium() -> Plan:
    return topology.load(ROOT / "topologies" / "belgium.yaml")


class Capture:
    """A story's capture, read again."""

    def __init__(self, octets: bytes, counts: Counts, journeys: Journeys) -> None:
        self.octets, self.counts, self.journeys = octets, counts, journeys
        self.packets: list[Captured] = []
        self.names: dict[str, str] = {}
        self.interfaces: list[str] = []
        for kind, body in blocks(octets):
            if kind == Block.PACKET:
                self.packets.append(read_packet(body))
            elif kind == Block.NAMES:
                self.names.update(read_names(body))
            elif kind == Block.INTERFACE:
                self.interfaces.append(read_interface(body)[0])

    @property
    def comments(self) -> list[str]:
        return [packet.comment for packet in self.packets]

    def file(self, folder: Path) -> Path:
        place = folder / "it.pcapng"
        place.write_bytes(self.octets)
        return place


async def captured(internet: Internet, story: Story, make: type[Recorder] = Recorder, **options: Any) -> Capture:
    sink = BytesIO()
    await internet.up()
    journeys = build(internet.log)
    internet.log.subscribe(journeys.feed)
    recorder = make(internet, journeys, sink.write, **options)
    try:
        await story(internet)
        counts = recorder.finish()
    finally:
        await internet.down()
    return Capture(sink.getvalue(), counts, journeys)


def on_sim(story: Story, plan: Plan | None = None, **options: Any) -> Capture:
    from lab.fabric.sim import SimFabric

    plan = plan or belgium()

    async def whole() -> Capture:
        internet = Internet(plan, lambda boot: SimFabric(plan.ranges, boot, seed=plan.seed))
        return await captured(internet, story, **options)

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        return runner.run(whole())


def on_local(story: Story, check: Callable[[Capture], None]) -> None:
    """Played, and checked, in a private network."""
    from lab.fabric.local import LocalFabric

    plan = belgium()

    async def whole() -> Capture:
        with tempfile.TemporaryDirectory() as folder:
            internet = Internet(
                plan, lambda boot: LocalFabric(plan.ranges, boot, seed=plan.seed, root=Path(folder))
            )
            return await captured(internet, story)

    def inside() -> None:
        with asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner:
            check(runner.run(whole()))

    in_namespace(inside)


def letter(subject: str) -> bytes:
    return f"Subject: {subject}\r\nMessage-ID: <{subject}@unige.ch>\r\n\r\nhello\r\n".encode()


async def fallback(internet: Internet) -> None:
    """The backup holds it, and hands it over later."""
    await internet.fail(NEWS)
    await internet.send(ANN, [ED], letter("fallback"))
    await internet.advance(timedelta(minutes=1))
    await internet.heal(NEWS)
    await internet.advance(timedelta(minutes=20))


async def crowd(internet: Internet) -> None:
    """Many messages at once, in both directions, refused and deferred ones and lookups of others among them."""
    await internet.fail(NEWS, Reply(Stage.RCPT, 451, times=3))
    for number in range(30):
        sender, recipient = [(ANN, ED), (LUC, ED), (ED, ANN), (ANN, LUC), (LUC, ANN)][number % 5]
        recipients = [recipient] if number % 7 else [recipient, EmailAddress("nobody@eunet.be")]
        await internet.send(sender, recipients, letter(f"crowd-{number:02}"))
        if number % 3 == 0:
            await internet.dig("belgiannews.com", "MX")
            await internet.dig("eunet.be", "MX", at="mail.unige.ch")
    await internet.advance(timedelta(hours=1))


async def bad_line(internet: Internet) -> None:
    internet.connect("unige.ch", "*", Link(timedelta(milliseconds=40), timedelta(milliseconds=10), 0.3))
    for number in range(5):
        await internet.send(ANN, [ED], letter(f"bad-{number}"))
    await internet.advance(timedelta(hours=2))


async def silence(internet: Internet) -> None:
    await internet.fail(NEWS, Silent())
    await internet.send(ANN, [ED], letter("silence"))
    await internet.advance(timedelta(minutes=2))


async def reading(internet: Internet) -> None:
    """Mail is sent, and looked at by POP3."""
    await internet.send(ANN, [ED], letter("reading"))
    await internet.advance(timedelta(minutes=1))

    async def visit() -> None:
        reader, writer = await asyncio.open_connection(internet.host(NEWS).addresses[0], 110)
        await reader.readline()
        for line in (b"USER ed", b"PASS secret", b"TOP 1 2", b"RETR 1", b"LIST", b"QUIT"):
            writer.write(line + b"\r\n")
            await reader.readuntil(b"\r\n.\r\n" if line[:4] in (b"TOP ", b"RETR", b"LIST") else b"\r\n")
        writer.close()

    await internet.fabric.hosts[internet.host("student").name].spawn(visit())  # type: ignore[attr-defined]


@cache
def told(story: Story) -> Capture:
    return on_sim(story)


STORIES = (fallback, crowd, bad_line, silence)


def subjects(capture: Capture) -> dict[str, str]:
    """The subject of each journey, by id."""
    return {name: capture.journeys[name].subject for name in capture.journeys}


def without_a_wrong_comment(capture: Capture) -> None:
    """A packet that has a message in it belongs to that message's journey, or to no one's: a notice (a bounce)
    belongs to the journey that it is about."""
    known = subjects(capture)
    texts = 0
    for packet in capture.packets:
        found = [name for name, subject in known.items() if f"Subject: {subject}\r\n".encode() in packet.octets]
        if found and b"\r\n.\r\n" in packet.octets:
            texts += 1
            assert packet.comment.startswith(f"{found[0]} · "), packet
    assert texts >= len(known)


def with_a_comment_on_everything_that_is_mail(capture: Capture) -> None:
    for packet in capture.packets:
        ports = {int.from_bytes(packet.octets[20:22], "big"), int.from_bytes(packet.octets[22:24], "big")}
        if packet.octets[9] == 6 and 25 in ports:
            assert packet.comment.startswith("J-"), packet


@pytest.mark.parametrize("story", STORIES)
def test_every_connection_of_mail_has_its_journey_and_never_a_wrong_one(story: Story) -> None:
    capture = told(story)
    with_a_comment_on_everything_that_is_mail(capture)
    if story is not silence:
        without_a_wrong_comment(capture)


@pytest.mark.parametrize("story", [fallback, crowd])
def test_a_kernels_packets_have_theirs_too(story: Story) -> None:
    def check(capture: Capture) -> None:
        without_a_wrong_comment(capture)
        with_a_comment_on_everything_that_is_mail(capture)
        assert capture.counts.dropped == 0
        times = [packet.when for packet in capture.packets]
        assert times == sorted(times)

    on_local(story, check)


def test_the_way_of_a_message_can_be_read_in_the_comments() -> None:
    said = list(dict.fromkeys(told(fallback).comments))
    steps = [
        "J-0001 · mail.unige.ch asks for MX belgiannews.com",
        "J-0001 · dns.unige.ch asks ns.com for MX belgiannews.com",
        "J-0001 · ns.com answers dns.unige.ch: MX belgiannews.com: referral",
        "J-0001 · dns.unige.ch answers mail.unige.ch: MX belgiannews.com:"
        " 5 mail.belgiannews.com, 10 relay.eunet.be",
        "J-0001 · mail.unige.ch tries mail.belgiannews.com, port 25, for belgiannews.com: refused",
        "J-0001 · mail.unige.ch connects to relay.eunet.be, port 25, for belgiannews.com",
        "J-0001 · mail.unige.ch to relay.eunet.be, SMTP",
        "J-0001 · relay.eunet.be asks for MX belgiannews.com",
        "J-0001 · relay.eunet.be connects to mail.belgiannews.com, port 25, for belgiannews.com",
    ]
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    assert sum("takes it: 250 2.0.0 queued as" in comment for comment in said) == 2


def test_a_no_is_told_on_the_packet_that_brings_it() -> None:
    refusals = [packet for packet in told(crowd).packets if " says no at " in packet.comment]
    codes = {packet.comment.split(" says no at ")[1].split(" ")[1] for packet in refusals}
    assert codes == {"451", "550"}
    for packet in refusals:
        assert f"\n{packet.comment.split(' says no at ')[1].split(' ')[1]}".encode() in b"\n" + packet.octets


def test_silence_is_told_on_each_syn() -> None:
    said = [comment for comment in told(silence).comments if "timed out" in comment]
    assert len(said) == 5 + 5  # 0, 1, 3, 7 and 15 s, from the sender and from the backup
    assert set(said) == {
        f"J-0001 · {host} tries mail.belgiannews.com, port 25, for belgiannews.com: timed out"
        for host in ("mail.unige.ch", "relay.eunet.be")
    }


def test_a_question_of_nobody_s_mail_has_no_comment() -> None:
    async def ask(internet: Internet) -> None:
        await internet.dig("belgiannews.com", "MX")

    capture = on_sim(ask)
    assert len(capture.packets) > 4
    assert set(capture.comments) == {""}


def test_the_same_seed_writes_the_same_octets() -> None:
    for story in (crowd, bad_line):
        assert on_sim(story).octets == told(story).octets


def ids(comment: str) -> set[str]:
    return set(comment.partition(" · ")[0].split(", ")) - {""}


class Hasty(Recorder):
    """Turns at every packet, so that each waits for a few others only."""

    def _see(self, frame: Frame) -> None:
        super()._see(frame)
        self.turn()


@pytest.mark.parametrize("story", [crowd, bad_line])
def test_who_writes_early_may_say_less_but_nothing_else(story: Story) -> None:
    hasty, whole = on_sim(story, make=Hasty, turns=5), told(story)
    assert [packet.octets for packet in hasty.packets] == [packet.octets for packet in whole.packets]
    said = 0
    for early, late in zip(hasty.comments, whole.comments, strict=True):
        assert ids(early) <= ids(late)
        said += bool(early)
    assert len(whole.comments) / 10 < said


def test_each_packet_stands_at_its_senders_interface() -> None:
    capture = told(fallback)
    for packet in capture.packets:
        source = ".".join(map(str, packet.octets[12:16]))
        assert capture.names[source] == capture.interfaces[packet.interface]
        assert packet.outbound


def test_the_counts_are_those_of_the_file() -> None:
    capture = told(crowd)
    octets = sum(len(packet.octets) for packet in capture.packets)
    assert capture.counts == Counts(len(capture.packets), octets, len(capture.interfaces), 0)


def test_one_host_sees_what_it_sends_and_what_arrives() -> None:
    every, own = told(bad_line), on_sim(bad_line, hosts=[MAIL])
    assert set(own.interfaces) == {MAIL}
    (address,) = (address for address, name in own.names.items() if name == MAIL)
    packed = bytes(map(int, address.split(".")))
    sent = [packet.octets for packet in every.packets if packet.octets[12:16] == packed]
    assert [packet.octets for packet in own.packets if packet.outbound] == sent
    towards = [packet.octets for packet in every.packets if packet.octets[16:20] == packed]
    came = [packet.octets for packet in own.packets if not packet.outbound]
    assert 0 < len(came) < len(towards)  # some were lost on the way
    assert set(came) <= set(towards)


def test_between_two_hosts_each_packet_is_there_once() -> None:
    both = on_sim(fallback, hosts=[MAIL, RELAY])
    every = [packet for packet in told(fallback).packets if packet.octets[9] == 6]
    ends = {bytes(map(int, address.split("."))) for address, name in both.names.items() if name in (MAIL, RELAY)}
    between = [packet.octets for packet in every if {packet.octets[12:16], packet.octets[16:20]} <= ends]
    assert between
    assert [
        packet.octets
        for packet in both.packets
        if packet.octets[9] == 6 and {packet.octets[12:16], packet.octets[16:20]} <= ends
    ] == between


def test_where_there_is_no_room_packets_are_left_out_and_counted() -> None:
    capture = on_sim(fallback, has_room=lambda: False)
    assert capture.packets == []
    assert capture.counts.packets == 0
    assert capture.counts.dropped > 50


# -- as Wireshark reads it -------------------------------------------------------------------------------------


@tshark.needs_tshark
@pytest.mark.parametrize("story", [*STORIES, reading])
def test_wireshark_finds_no_flaw(story: Story, tmp_path: Path) -> None:
    file = told(story).file(tmp_path)
    assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.FLAWS) == []
    assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.TROUBLE) == []
    assert len(tshark.read(file, "frame.number")) == told(story).counts.packets


@tshark.needs_tshark
def test_wireshark_finds_no_flaw_in_a_kernels(tmp_path: Path) -> None:
    def check(capture: Capture) -> None:
        file = capture.file(tmp_path)
        assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.FLAWS) == []
        assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.TROUBLE) == []

    on_local(fallback, check)


@tshark.needs_tshark
def test_wireshark_reads_whole_conversations_of_mail_and_names(tmp_path: Path) -> None:
    file = told(fallback).file(tmp_path)
    whole = {tuple(row) for row in tshark.read(file, "tcp.stream", "tcp.completeness", only="smtp", twice=True)}
    assert [completeness for _, completeness in sorted(whole)] == ["31", "31"]  # SYN, SYN-ACK, ACK, data, FIN
    assert tshark.read(file, "imf.subject", only="imf") == [("fallback",), ("fallback",)]
    answers = tshark.read(file, "dns.qry.name", "dns.mx.mail_exchange", only="dns.count.answers > 1")
    assert ("belgiannews.com", "mail.belgiannews.com,relay.eunet.be") in {
        (name.lower(), exchangers.lower()) for name, exchangers in answers
    }


@tshark.needs_tshark
def test_wireshark_knows_names_interfaces_comments_and_lab_time(tmp_path: Path) -> None:
    file = told(fallback).file(tmp_path)
    first, *_ = tshark.read(
        file, "ip.src_host", "ip.dst_host", "frame.interface_name", "frame.comment", "frame.time_epoch"
    )
    assert first == (
        "mail.unige.ch",
        "dns.unige.ch",
        "mail.unige.ch",
        "J-0001 · mail.unige.ch asks for MX belgiannews.com",
        "1767600000.000000000",
    )
    mine = tshark.read(file, "frame.number", only='frame.comment contains "J-0001"')
    assert len(mine) == sum(comment.startswith("J-0001") for comment in told(fallback).comments)
