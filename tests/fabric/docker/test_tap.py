"""What a lookout tells, and what the lab makes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from lab.errors import MachineSaidNo
from lab.fabric.distant.moment import SharedTime
from lab.fabric.docker.lookout import Kind, Piece, Pieces, to_octets
from lab.fabric.docker.tap import ContainerTap, Lookout
from lab.fabric.tap import Frame
from lab.names import DomainName
from lab.wire.packet import udp

ANN, BOB = ("10.0.0.1", 1000), ("10.0.0.2", 53)
NAMES = {"ann": {"10.0.0.1": DomainName("ann.test")}, "bob": {"10.0.0.2": DomainName("bob.test")}}
THERE = 5000.0
"""How far another machine's clock is before this one's."""


class Wire:
    """To a lookout that answers at once; it has lost three packets."""

    def __init__(self, lookout: Lookout, ahead: float = 0.0) -> None:
        self.lookout, self.ahead, self.open, self.mute = lookout, ahead, True, False

    def now(self) -> int:
        return round((time.monotonic() + self.ahead) * 1e9)

    def write(self, octets: bytes) -> None:
        if not self.mute:
            for _ in octets:
                self.lookout.feed(to_octets([Piece(Kind.COUNT, self.now(), (3).to_bytes(8))]))

    def close(self) -> None:
        self.open = False

    def sees(self, kind: Kind, octets: bytes, ago: float = 0.0) -> None:
        self.lookout.feed(to_octets([Piece(kind, self.now() - round(ago * 1e9), octets)]))


class Stage:
    """A tap over two containers; what it shows is in `frames`."""

    def __init__(self, ahead: float = 0.0, absent: str = "") -> None:
        self.frames: list[Frame] = []
        self.wires: dict[str, Wire] = {}
        self.source = SharedTime()
        self.ahead, self.absent = ahead, absent
        self.tap = ContainerTap(self.frames.append, NAMES, self.source, self._send, self._show)

    async def _send(self, name: str, lookout: Lookout) -> Wire | None:
        if name == self.absent:
            return None
        self.wires[name] = Wire(lookout, self.ahead)
        return self.wires[name]

    def _show(self, t: float, act: Callable[[], object]) -> None:
        act()


def played(stage: Stage, act: Callable[[Stage], None] = lambda stage: None) -> Stage:
    async def play() -> None:
        await stage.tap.see_all()
        act(stage)

    asyncio.run(play())
    return stage


def test_a_packet_is_told_where_it_leaves_and_where_it_arrives() -> None:
    question = udp(ANN, BOB, b"?")

    def act(stage: Stage) -> None:
        stage.wires["ann"].sees(Kind.LEFT, question)
        stage.wires["bob"].sees(Kind.CAME, question)

    told = [(frame.host, frame.sent, frame.octets) for frame in played(Stage(), act).frames]
    assert told == [("ann.test", True, question), ("bob.test", False, question)]


def test_what_a_host_says_to_itself_is_told_twice() -> None:
    frames = played(
        Stage(), lambda stage: stage.wires["ann"].sees(Kind.INSIDE, udp(ANN, (ANN[0], 53), b"?"))
    ).frames
    assert [(frame.host, frame.sent) for frame in frames] == [("ann.test", True), ("ann.test", False)]


def test_what_a_bridge_lets_everybody_hear_is_told_by_nobody_else() -> None:
    frames = played(
        Stage(), lambda stage: stage.wires["ann"].sees(Kind.CAME, udp(BOB, ("10.0.0.3", 53), b"?"))
    ).frames
    assert frames == []


def test_another_machine_s_clock_and_a_leap_since_then_change_no_time() -> None:
    def act(stage: Stage) -> None:
        stage.source.leap(stage.source.time() + 3600)
        stage.wires["ann"].sees(Kind.LEFT, udp(ANN, BOB, b"?"), ago=60)
        stage.wires["ann"].sees(Kind.LEFT, udp(ANN, BOB, b"?"))

    before, after = played(Stage(ahead=THERE), act).frames
    assert after.t - before.t == pytest.approx(3660, abs=30)
    assert abs(before.t + 60) < 30


def test_the_lost_are_counted_and_lookouts_sent_home() -> None:
    stage = played(Stage())
    assert stage.tap.stop() == 6
    assert not any(wire.open for wire in stage.wires.values())


def test_a_container_that_is_not_there_is_looked_at_when_it_comes() -> None:
    stage = Stage(absent="bob")

    async def play() -> None:
        await stage.tap.see_all()
        assert list(stage.wires) == ["ann"]
        stage.absent = ""
        await stage.tap.follow("bob")
        stage.wires["bob"].sees(Kind.LEFT, udp(BOB, ANN, b"!"))

    asyncio.run(play())
    assert [frame.host for frame in stage.frames] == ["bob.test"]


def test_a_lookout_that_ended_says_why() -> None:
    async def play() -> None:
        lookout = Lookout("ann", NAMES["ann"], SharedTime())
        lookout.wire = wire = Wire(lookout)
        wire.mute = True
        asked = asyncio.ensure_future(lookout.agree())
        await asyncio.sleep(0)
        lookout.grumble(b"operation not permitted\n")
        lookout.lose()
        await asked

    with pytest.raises(MachineSaidNo, match="operation not permitted"):
        asyncio.run(play())


def test_pieces_come_in_any_cut_and_nonsense_ends_them() -> None:
    octets = to_octets([Piece(Kind.LEFT, 1, b"one"), Piece(Kind.CAME, -2, b"")])
    pieces = Pieces()
    found = [piece for at in range(len(octets)) for piece in pieces.feed(octets[at : at + 1])]
    assert found == [Piece(Kind.LEFT, 1, b"one"), Piece(Kind.CAME, -2, b"")]
    with pytest.raises(ValueError, match="longer"):
        list(Pieces().feed(b"\0" + b"\xff" * 12))
