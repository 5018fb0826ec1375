"""What a fabric shows of its packets. Cases under `@case` are played on the simulated network and on a kernel."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from lab.errors import MachineSaidNo
from lab.fabric.breakage import Cut
from lab.fabric.faults import Down, Paused, Silent, Unreachable
from lab.fabric.sim import SimFabric
from lab.fabric.sniff import Sniffer
from lab.fabric.tap import Frame
from lab.names import DomainName
from lab.topology.plan import Link
from lab.wire.packet import Flag, Packet, Protocol, completed, read
from tests.fabric.forked import in_namespace
from tests.fabric.parity import ANN, BOB, NOBODY, Net, Stand, UdpEar, case, until
from tests.fabric.test_sim import bad_days, chatter, gossip, half_a_minute, play

HOUR = timedelta(hours=1)
ANN_, BOB_ = DomainName("ann.test"), DomainName("bob.test")


class Tape:
    """All frames of a fabric, as they were told."""

    def __init__(self, fabric: Any) -> None:
        self.frames: list[Frame] = []
        self.stop = fabric.tap(self.frames.append)

    def at(self, host: str, sent: bool | None = None) -> list[Packet]:
        return [read(frame.octets) for frame in self.frames if frame.host == host and sent in (None, frame.sent)]

    @property
    def sent(self) -> list[Packet]:
        """Each packet once."""
        return [read(frame.octets) for frame in self.frames if frame.sent]


def flags(packets: Sequence[Packet], server: int = 25) -> list[str]:
    """As a person reads them: `> SYN`, `< SYN|ACK`; segments that bring octets are `> PSH 5`."""
    found = []
    for packet in packets:
        arrow = ">" if packet.target[1] == server else "<"
        names = "|".join(flag.name or "" for flag in Flag if flag in packet.flags and flag is not Flag.ACK)
        names = names or "ACK"
        found.append(f"{arrow} {names}" + (f" {len(packet.payload)}" if packet.payload else ""))
    return found


def whole(packets: Sequence[Packet]) -> dict[tuple[Any, Any], bytes]:
    """The streams as a receiver puts them together by their numbers; each begins with a SYN."""
    streams: dict[tuple[Any, Any], bytes] = {}
    starts: dict[tuple[Any, Any], int] = {}
    for packet in packets:
        ends = packet.source, packet.target
        if packet.flags & Flag.SYN:
            starts[ends], streams[ends] = packet.sequence + 1, b""
        elif packet.payload:
            at = (packet.sequence - starts[ends]) % 2**32
            assert at <= len(streams[ends]), "a gap"
            streams[ends] = streams[ends][:at] + packet.payload + streams[ends][at + len(packet.payload) :]
    return streams


# -- on both ------------------------------------------------------------------------------------------------


@case
async def test_a_conversation_is_whole_from_syn_to_fin(net: Net) -> None:
    tape = Tape(net.fabric)
    ann, bob = await net.pair()
    ann.transport.write(b"hello")
    await bob.until(lambda ear: ear.heard == b"hello")
    bob.transport.write(b"goodbye")
    await ann.until(lambda ear: ear.heard == b"goodbye")
    ann.transport.close()
    await bob.lost
    await until(lambda: sum(bool(packet.flags & Flag.FIN) for packet in tape.sent) == 2)
    tape.stop()
    words = [word for word in flags(tape.sent) if not word.endswith("ACK") or "SYN" in word]
    assert words == ["> SYN", "< SYN", "> PSH 1", "> PSH 5", "< PSH 7", "> FIN", "< FIN"]
    assert sorted(whole(tape.sent).values()) == [b"!hello", b"goodbye"]
    assert tape.at("ann.test", sent=True) == tape.at("bob.test", sent=False)
    assert tape.at("bob.test", sent=True) == tape.at("ann.test", sent=False)
    assert tape.at("cas.test") == []


@case
async def test_every_checksum_is_right(net: Net) -> None:
    tape = Tape(net.fabric)
    ann, bob = await net.pair()
    ann.transport.write(os.urandom(100_001) if net.fabric.name == "local" else bytes(range(256)) * 400)
    await bob.until(lambda ear: len(ear.heard) >= 100_001)
    ann.transport.close()
    await bob.lost
    tape.stop()
    assert len(tape.frames) > 6
    assert all(completed(frame.octets) == frame.octets for frame in tape.frames)
    assert b"!" + bob.heard in whole(tape.sent).values()


@case
async def test_a_refused_connection_is_syn_and_reset(net: Net) -> None:
    tape = Tape(net.fabric)
    with suppress(ConnectionRefusedError):
        await net.dial("ann", BOB, 26)
    tape.stop()
    assert flags(tape.sent, 26) == ["> SYN", "< RST"]
    syn, no = tape.sent
    assert no.acknowledged == (syn.sequence + 1) % 2**32


@case
async def test_a_datagram_that_nobody_wants_comes_back(net: Net) -> None:
    tape = Tape(net.fabric)

    async def send() -> UdpEar:
        loop = asyncio.get_running_loop()
        end, ear = await loop.create_datagram_endpoint(UdpEar, remote_addr=(BOB, 53))
        end.sendto(b"anybody there?")
        return ear

    ear = await net.on("ann", send())
    await ear.errors.get()
    tape.stop()
    asked, told = tape.sent
    assert (asked.protocol, asked.target, asked.payload) == (Protocol.UDP, (BOB, 53), b"anybody there?")
    assert (told.protocol, told.source[0], told.target[0]) == (Protocol.ICMP, BOB, ANN)
    assert read(told.payload[8:]).payload == b"anybody there?"


@case
async def test_frames_are_told_at_lab_time(net: Net) -> None:
    tape = Tape(net.fabric)
    before = net.fabric.clock.elapsed()
    ann, bob = await net.pair()
    await asyncio.sleep(1800)
    ann.transport.write(b"half an hour later")
    await bob.until(lambda ear: bool(ear.heard))
    after = net.fabric.clock.elapsed()
    tape.stop()
    times = [frame.t for frame in tape.frames]
    late = [frame.t for frame in tape.frames if len(read(frame.octets).payload) > 1]
    assert times == sorted(times)
    # Two clocks are read one after the other: a moment between them is all that they may differ by.
    assert before - 0.001 <= times[0] <= before + 60
    assert before + 1800 - 0.001 <= min(late) <= after + 0.001


@case
async def test_a_paused_host_does_not_hold_the_tap(net: Net) -> None:
    ann, bob = await net.pair()
    tape = Tape(net.fabric)
    await net.fabric.fail(BOB_, Paused())
    ann.transport.write(b"are you there?")
    await until(lambda: b"are you there?" in [packet.payload for packet in tape.at("bob.test", sent=False)])
    tape.stop()
    assert not bob.heard


@case
async def test_nothing_is_told_after_the_end(net: Net) -> None:
    tape, other = Tape(net.fabric), Tape(net.fabric)
    ann, bob = await net.pair()
    assert tape.stop() == 0
    told = len(tape.frames)
    ann.transport.write(b"hello")
    await bob.until(lambda ear: bool(ear.heard))
    other.stop()
    assert len(tape.frames) == told
    assert len(other.frames) > told


@case
async def test_a_connection_may_be_older_than_its_capture(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.write(b"before")
    await bob.until(lambda ear: ear.heard == b"before")
    tape = Tape(net.fabric)
    for word in (b"after", b"that"):
        ann.transport.write(word)
        await bob.until(lambda ear, word=word: ear.heard.endswith(word))
    tape.stop()
    first, second = (packet for packet in tape.sent if packet.payload)
    assert (first.payload, second.payload) == (b"after", b"that")
    assert second.sequence == (first.sequence + 5) % 2**32


# -- of the simulated network: what never arrives --------------------------------------------------------------


def on_sim(play_case: Any) -> Any:
    """A test that plays a case in memory alone."""

    def test() -> None:
        from tests.fabric.conftest import play_on_sim

        play_on_sim(play_case)

    return test


async def _lost_segment(net: Net) -> None:
    ann, bob = await net.pair()
    tape = Tape(net.fabric)
    net.fabric.cut(Cut.between(["ann.test"], ["bob.test"]))
    ann.transport.write(b"hello")
    await asyncio.sleep(1)
    tries = [packet for packet in tape.at("ann.test", sent=True) if packet.payload]
    assert len(tries) >= 2
    assert {(packet.sequence, packet.payload) for packet in tries} == {(tries[0].sequence, b"hello")}
    assert tape.at("bob.test") == []
    net.fabric.mend()
    await bob.until(lambda ear: ear.heard == b"hello")
    (came,) = (packet for packet in tape.at("bob.test", sent=False) if packet.payload)
    assert came.sequence == tries[0].sequence
    (ack,) = tape.at("bob.test", sent=True)
    assert ack.acknowledged == (came.sequence + 5) % 2**32


test_what_is_lost_is_seen_by_its_sender_alone = on_sim(_lost_segment)


async def _syns(net: Net) -> None:
    tape = Tape(net.fabric)
    await net.fabric.fail(BOB_, Silent())
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await net.dial("ann", BOB, 25)
    times = [round(frame.t, 3) for frame in tape.frames]
    assert flags(tape.sent) == ["> SYN"] * 4
    assert [later - times[0] for later in times] == pytest.approx([0, 1, 3, 7])
    assert len({packet.sequence for packet in tape.sent}) == 1
    assert tape.at("bob.test") == []


test_a_syn_into_silence_is_sent_again_with_its_number = on_sim(_syns)


async def _returned(net: Net) -> None:
    tape = Tape(net.fabric)
    await net.fabric.fail(BOB_, Unreachable())
    for address in (BOB, NOBODY):
        with suppress(OSError):
            await net.dial("ann", address, 25)
    assert [packet.protocol for packet in tape.sent] == [Protocol.TCP, Protocol.ICMP] * 2
    assert {packet.source[0] for packet in tape.sent} == {ANN}
    assert [packet.payload[:2] for packet in tape.sent if packet.protocol == Protocol.ICMP] == [b"\x03\x01"] * 2


test_what_meets_no_host_comes_back_as_icmp = on_sim(_returned)


async def _down(net: Net) -> None:
    await net.fabric.fail(BOB_, Down())
    tape = Tape(net.fabric)
    with suppress(ConnectionRefusedError):
        await net.dial("ann", BOB, 25)
    assert flags(tape.sent) == ["> SYN", "< RST"]
    assert flags(tape.at("ann.test")) == ["> SYN", "< RST"]


test_the_kernel_of_a_host_that_is_down_refuses = on_sim(_down)


async def _slow(net: Net) -> None:
    net.fabric.connect("*", "*", Link(timedelta(milliseconds=30)))
    tape = Tape(net.fabric)
    begun = net.fabric.clock.elapsed()
    await net.pair()
    await asyncio.sleep(1)
    tape.stop()
    seen = [(round(frame.t - begun, 3), frame.host.split(".")[0]) for frame in tape.frames]
    assert seen == [
        (0.0, "ann"), (0.03, "bob"), (0.03, "bob"), (0.06, "ann"),  # SYN, SYN-ACK
        (0.06, "ann"), (0.06, "ann"), (0.09, "bob"), (0.09, "bob"),  # ACK and "!"
        (0.09, "bob"), (0.12, "ann"),  # its ACK
    ]  # fmt: skip


test_a_packet_arrives_as_late_as_its_line_is_long = on_sim(_slow)


async def _large(net: Net) -> None:
    tape = Tape(net.fabric)
    ann, bob = await net.pair()
    ann.transport.write(bytes(10_000))
    await bob.until(lambda ear: len(ear.heard) == 10_000)
    sizes = [(len(packet.payload), bool(packet.flags & Flag.PSH)) for packet in tape.sent if packet.payload]
    assert sizes[1:] == [(1460, False)] * 6 + [(1240, True)]


test_octets_go_in_segments_that_fit_on_an_ethernet = on_sim(_large)


# -- it only looks ---------------------------------------------------------------------------------------------


pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The clients of `chatter` die with connections in their hands."""


@pytest.mark.parametrize(("story", "programs"), [(half_a_minute, gossip), (bad_days, chatter)])
def test_a_story_is_the_same_with_and_without_a_tap(story: Any, programs: Any) -> None:
    frames: list[Frame] = []

    async def tapped(fabric: SimFabric) -> str:
        fabric.tap(frames.append)
        return str(await story(fabric))

    assert play(tapped, programs) == play(story, programs)
    assert len(frames) > 300


def test_the_same_story_has_the_same_octets() -> None:
    async def tapped(fabric: SimFabric) -> list[Frame]:
        tape = Tape(fabric)
        await bad_days(fabric)
        return tape.frames

    assert play(tapped, chatter) == play(tapped, chatter)


def test_what_arrives_has_no_gap_whatever_is_lost() -> None:
    """Whoever puts the segments together that a host received has each stream whole, and every ACK acknowledges
    what has arrived there and no more."""

    async def tapped(fabric: SimFabric) -> list[Frame]:
        tape = Tape(fabric)
        await bad_days(fabric)
        tape.stop()
        return tape.frames

    frames = play(tapped, chatter)
    came: dict[Any, int] = {}
    lost = 0
    for frame in frames:
        packet = read(frame.octets)
        ends = (packet.source, packet.target)
        if frame.sent and packet.flags & Flag.ACK and ends[::-1] in came and not packet.flags & Flag.RST:
            assert packet.acknowledged == came[ends[::-1]]
        if frame.sent:
            lost += 1
            continue
        lost -= 1
        size = len(packet.payload) + bool(packet.flags & Flag.SYN) + bool(packet.flags & Flag.FIN)
        if packet.flags & Flag.SYN:
            came[ends] = (packet.sequence + 1) % 2**32
        elif size and not packet.flags & Flag.RST:
            assert packet.sequence == came[ends]
            came[ends] = (packet.sequence + size) % 2**32
    assert lost > 100


# -- of a kernel -------------------------------------------------------------------------------------------------


def test_a_machine_that_does_not_let_us_look_says_so() -> None:
    def work() -> None:
        os.setresuid(65534, 65534, 65534)  # the capabilities go with it
        with pytest.raises(MachineSaidNo, match="does not let the lab look") as refused:
            Sniffer("lo")
        assert refused.value.code == "H015"

    in_namespace(work)


def test_what_nobody_fetches_is_counted() -> None:
    def work() -> None:
        import socket

        sniffer = Sniffer("lo", room=4096)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(200):
                sender.sendto(bytes(1000), ("127.0.0.1", 9))
        kept = sum(1 for _ in sniffer.read())
        assert kept < 400
        assert sniffer.count_dropped() > 0
        sniffer.close()

    in_namespace(work)


def test_a_stand_is_a_stand(stand: Stand) -> None:
    """The capability is there wherever the cases above are played."""
    from lab.fabric.base import Capability

    async def has(net: Net) -> None:
        assert Capability.TAP in net.fabric.capabilities
        assert net.fabric.view

    stand(has)
