"""What is broken at its time begins and ends by itself, at that moment of lab time and in one order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from lab.clock import VirtualTime
from lab.errors import WrongUse
from lab.events import FaultApplied, FaultCancelled, FaultLifted, FaultScheduled, Stage
from lab.fabric.base import Capability
from lab.fabric.breakage import Cut, OnHost, OnLine
from lab.fabric.faults import Down, Fault, Paused, Reply, Silent
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.names import DomainName
from lab.timing import timing
from lab.topology import loads
from lab.topology.plan import Link

MAIL = DomainName("mail.b.example")
TWO = """\
name: two
domains:
  a.example: {mx: [10 mail.a.example], people: [ann]}
  b.example: {mx: [10 mail.b.example], people: [ed]}
"""
MARKS = {FaultApplied: "+", FaultLifted: "-", FaultScheduled: "o", FaultCancelled: "x"}


def play(story: Callable[[Internet], Awaitable[None]], topology: str = TWO) -> list[str]:
    """The faults that the log told of, each with its second of lab time."""

    async def main() -> list[str]:
        plan = loads(topology, "two.yaml")
        net = Internet(plan, lambda boot: SimFabric(plan.ranges, boot))
        await net.up()
        await story(net)
        await net.down()
        return [
            f"{entry.t:.0f} {MARKS[type(entry.event)]} {entry.event.target}: {entry.event.fault}"
            for entry in net.log
            if isinstance(entry.event, FaultApplied | FaultLifted | FaultScheduled | FaultCancelled)
        ]

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        return runner.run(main())


async def hours(net: Internet, number: float) -> None:
    await net.advance(timedelta(hours=number))


def test_what_begins_now_ends_by_itself() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Silent(), timing(lasting="20m"))
        assert net.fabric.hosts[MAIL].faults.now == [Silent()]
        await hours(net, 1)
        assert net.fabric.hosts[MAIL].faults.now == []
        assert not list(net.schedule)

    assert play(story) == [
        f"0 o {MAIL}: silent",
        f"0 + {MAIL}: silent",
        f"1200 - {MAIL}: silent",
    ]


def test_it_begins_when_lab_time_shows_it() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Silent(), timing(at="10:40", lasting="20m"))
        await hours(net, 30)

    # Lab time begins at 8:00.
    assert play(story)[1:] == [f"9600 + {MAIL}: silent", f"10800 - {MAIL}: silent"]


def test_a_flapping_host_goes_and_comes_until_it_is_healed() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Silent(), timing(after="1m", lasting="5m", every="1h"))
        await hours(net, 2)
        await net.heal()
        await hours(net, 2)

    assert play(story)[1:] == [
        f"60 + {MAIL}: silent",
        f"360 - {MAIL}: silent",
        f"3660 + {MAIL}: silent",
        f"3960 - {MAIL}: silent",
        f"7200 x {MAIL}: silent",
    ]


def test_healing_one_host_leaves_the_others_their_times() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Silent(), timing(after="1m"))
        await net.fail("mail.a.example", Silent(), timing(after="2m"))
        await net.heal(MAIL)
        await hours(net, 1)

    assert play(story)[2:] == [f"0 x {MAIL}: silent", "120 + mail.a.example: silent"]


def test_a_host_that_was_down_for_a_while_serves_again() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Down(), timing(lasting="20m"))
        await hours(net, 1)
        assert await net.ask(MAIL, "queue", {}) == {"queue": []}

    play(story)


def test_one_fault_ends_and_the_others_stay() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Silent())
        await net.fail(MAIL, Paused(), timing(lasting="1m"))
        await hours(net, 1)
        assert net.fabric.hosts[MAIL].faults.now == [Silent()]

    play(story)


def test_a_cut_and_a_line_have_their_times_too() -> None:
    async def story(net: Internet) -> None:
        await net.break_down(Cut(("a.example",), ("b.example",)), timing(after="1m", lasting="1m"))
        line = OnLine("a.example", "*", Link(latency=timedelta(seconds=1)))
        await net.break_down(line, timing(after="90s", lasting="1m"))
        await hours(net, 1)

    assert play(story)[2:] == [
        "60 + a.example|b.example: cut",
        "90 + a.example|*: link 1000 ms of delay",
        "120 - a.example|b.example: cut",
        "150 - a.example|*: link 1000 ms of delay",
    ]


def test_of_one_fault_what_was_said_last_counts() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Silent(), timing(lasting="5m"))
        await net.fail(MAIL, Silent())
        await hours(net, 1)
        assert net.fabric.hosts[MAIL].faults.now == [Silent()]

    play(story)


def test_replies_are_counted_anew_each_time() -> None:
    async def story(net: Internet) -> None:
        fault = Reply(Stage.RCPT, 451, times=1)
        await net.fail(MAIL, fault, timing(lasting="5m", every="1h"))
        faults = net.fabric.hosts[MAIL].faults
        assert faults.at(Stage.RCPT) == fault
        assert faults.at(Stage.RCPT) is None
        await hours(net, 1.01)
        assert faults.at(Stage.RCPT) == fault

    play(story)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_turns_that_meet_have_one_order(seed: str) -> None:
    async def story(net: Internet) -> None:
        for host in (MAIL, DomainName("mail.a.example"), DomainName("ns.a.example")):
            await net.fail(host, Down(), timing(after="1m", lasting="1m", every="2m"))
        await net.break_down(OnHost(MAIL, Silent()), timing(after="1m", lasting="3m"))
        await hours(net, 0.2)

    first = play(story)
    assert first == play(story)
    assert len(first) > 30


def test_a_topology_breaks_what_it_says_when_it_says() -> None:
    faults = """\
faults:
  - mail.b.example silent at 10:40 for 20m
  - {host: ns.b.example, fault: slow 5s}
  - a.example cut b.example one way in 5m for 5m
  - {cut: [a.example, mail.b.example], chance: 50%, when: in 5m for 5m}
  - {line: [a.example, "*"], latency: 1s, when: for 1m}
"""

    async def story(net: Internet) -> None:
        await hours(net, 4)

    told = play(story, TWO + faults)
    assert [line for line in told if " o " not in line] == [
        "0 + ns.b.example: slow 5s",
        "0 + a.example|*: link 1000 ms of delay",
        "60 - a.example|*: link 1000 ms of delay",
        "300 + a.example|b.example: cut one way",
        "300 + a.example|mail.b.example: chance 50% cut",
        "600 - a.example|b.example: cut one way",
        "600 - a.example|mail.b.example: chance 50% cut",
        "9600 + mail.b.example: silent",
        "10800 - mail.b.example: silent",
    ]


def test_a_topology_that_wants_what_the_fabric_cannot_starts_nothing() -> None:
    class WithoutPowerCuts(SimFabric):
        capabilities = SimFabric.capabilities - {Capability.POWER_CUT}

    plan = loads(f"{TWO}faults: mail.b.example power-cut in 5m\n", "two.yaml")

    async def main() -> None:
        Internet(plan, lambda boot: WithoutPowerCuts(plan.ranges, boot))

    with (
        asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner,
        pytest.raises(WrongUse, match="no power can go"),
    ):
        runner.run(main())


def test_a_host_that_went_down_while_it_stood_still_starts_and_stands_still() -> None:
    async def story(net: Internet) -> None:
        await net.fail(MAIL, Down(), timing(lasting="1m"))
        await net.fail(MAIL, Paused(), timing(lasting="1h"))
        await hours(net, 0.5)
        assert net.fabric.hosts[MAIL].faults.now == [Paused()]
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                ticks.append(net.fabric.clock.elapsed())
                await asyncio.sleep(60)

        net.fabric.hosts[MAIL].spawn(tick())
        await hours(net, 1)
        assert min(ticks) == 3600

    play(story)


@pytest.mark.parametrize("faults", [(Down(), Paused()), (Paused(), Down())], ids=["down first", "paused first"])
def test_all_of_several_faults_are_healed(faults: tuple[Fault, ...]) -> None:
    async def story(net: Internet) -> None:
        for fault in faults:
            await net.fail(MAIL, fault)
        await net.heal()
        assert await net.ask(MAIL, "queue", {}) == {"queue": []}

    play(story)


def test_what_could_not_be_broken_at_its_time_is_not_scheduled_any_more() -> None:
    async def story(net: Internet) -> None:
        async def refuse(host: DomainName, fault: Fault) -> None:
            raise OSError("the engine is gone")

        net.fabric.fail = refuse  # type: ignore[method-assign]
        await net.fail(MAIL, Silent(), timing(after="1m", lasting="1m", every="1h"))
        with pytest.raises(OSError, match="the engine is gone"):
            await net.fail(MAIL, Paused())
        await hours(net, 2)
        assert not list(net.schedule)
        assert isinstance(net.fabric, SimFabric)
        assert [str(error) for error in net.fabric.crashes] == ["the engine is gone"]
        net.fabric.crashes.clear()

    play(story)
