"""The rule chain: what becomes of a packet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.events import Stage
from lab.fabric.breakage import Cut
from lab.fabric.faults import Down, Fault, HostFaults, Paused, Reply, Silent, Unreachable
from lab.fabric.rules import Line, Packet, Rules, Verdict, fate
from lab.names import DomainName
from lab.topology.plan import HostPlan, Link

LATE = Link(latency=timedelta(milliseconds=10))
LATER = Link(latency=timedelta(milliseconds=20))


@dataclass
class Spot:
    name: DomainName
    organisation: str = ""
    faults: HostFaults = field(default_factory=HostFaults)

    @property
    def plan(self) -> HostPlan:
        return HostPlan(self.name, (), organisation=self.organisation)

    @property
    def is_faulty(self) -> bool:
        return bool(self.faults.now)


def spot(name: str, organisation: str = "", *faults: Fault) -> Spot:
    return Spot(DomainName(name), organisation, HostFaults(list(faults)))


@pytest.mark.parametrize("packet", Packet)
def test_without_a_fault_everything_passes(packet: Packet) -> None:
    assert Rules("1").verdict(spot("a"), spot("b"), packet) is Verdict.PASS


def test_who_has_no_host_is_unreachable() -> None:
    assert Rules("1").verdict(spot("a"), None, Packet.CONNECT) is Verdict.UNREACHABLE


@pytest.mark.parametrize("fault", [Down(), Silent(), Unreachable(), Paused()])
def test_a_host_always_reaches_itself(fault: Fault) -> None:
    here = spot("a", "", fault)
    rules = Rules("1")
    rules.cut(Cut.between(["*"], ["*"]))
    assert rules.verdict(here, here, Packet.CONNECT) is Verdict.PASS


def test_a_fault_of_either_host_counts() -> None:
    rules = Rules("1")
    assert rules.verdict(spot("a", "", Silent()), spot("b"), Packet.STREAM) is Verdict.DROP
    assert rules.verdict(spot("a"), spot("b", "", Silent()), Packet.STREAM) is Verdict.DROP


def test_the_severest_fault_decides() -> None:
    assert fate(Packet.CONNECT, [Down(), Paused(), Silent()]) is Verdict.DROP
    assert fate(Packet.CONNECT, [Down(), Unreachable()]) is Verdict.UNREACHABLE
    assert fate(Packet.CONNECT, [Paused(), Down()]) is Verdict.REFUSE


def test_a_reply_fault_is_no_matter_of_the_network() -> None:
    assert fate(Packet.CONNECT, [Reply(Stage.RCPT, 451)]) is Verdict.PASS


@pytest.mark.parametrize(
    ("one", "other"), [(["a"], ["b"]), (["b"], ["a"]), (["north"], ["south"]), (["a"], ["*"]), (["x", "a"], ["b"])]
)
def test_a_cut_is_met_from_both_sides(one: list[str], other: list[str]) -> None:
    rules = Rules("1")
    rules.cut(Cut.between(one, other))
    a, b = spot("a", "north"), spot("b", "south")
    assert rules.verdict(a, b, Packet.CONNECT) is Verdict.DROP
    assert rules.verdict(b, a, Packet.CONNECT) is Verdict.DROP
    rules.mend()
    assert rules.verdict(a, b, Packet.CONNECT) is Verdict.PASS


def test_a_cut_elsewhere_does_not_count() -> None:
    rules = Rules("1")
    rules.cut(Cut.between(["a"], ["c"]))
    assert rules.verdict(spot("a"), spot("b"), Packet.CONNECT) is Verdict.PASS


@pytest.mark.parametrize(
    "laid",
    [
        [("*", "*", LATER), ("a", "b", LATE)],
        [("a", "b", LATE), ("*", "*", LATER)],
        [("north", "south", LATER), ("b", "a", LATE)],
        [("*", "*", LATER), ("south", "north", LATE)],
        [("north", "*", LATER), ("a", "*", LATE)],
    ],
)
def test_the_more_exact_link_counts(laid: list[tuple[str, str, Link]]) -> None:
    rules = Rules("1")
    for one, other, link in laid:
        rules.connect(one, other, link)
    line = rules.line(spot("a", "north"), spot("b", "south"))
    assert line is not None
    assert line.link == LATE


def test_where_no_link_is_laid_the_way_costs_nothing() -> None:
    rules = Rules("1")
    rules.connect("a", "c", LATE)
    assert rules.line(spot("a"), spot("b")) is None
    rules.connect("a", "b", Link())
    assert rules.line(spot("a"), spot("b")) is None


def test_bandwidth_queues_what_comes_after() -> None:
    line = Line(Link(bandwidth=8000), "seed")
    assert line.toll(0.0, 500) == 0.5
    assert line.toll(0.0, 500) == 1.0
    assert line.toll(10.0, 500) == 0.5


def test_loss_is_as_often_as_said() -> None:
    line = Line(Link(loss=0.25), "seed")
    lost = sum(line.toll(0.0, 100) is None for _ in range(4000))
    assert 900 < lost < 1100


@given(st.text(max_size=5), st.floats(0, 0.9), st.integers(0, 1000))
def test_the_same_seed_takes_the_same_toll(seed: str, loss: float, jitter: int) -> None:
    link = Link(loss=loss, jitter=timedelta(milliseconds=jitter))
    one, other = Line(link, seed), Line(link, seed)
    assert [one.toll(0.0, 1) for _ in range(20)] == [other.toll(0.0, 1) for _ in range(20)]


def test_every_change_is_a_new_generation() -> None:
    rules = Rules("1")
    seen = {rules.generation}
    for change in (
        lambda: rules.cut(Cut.between(["a"], ["b"])),
        rules.mend,
        rules.changed,
        lambda: rules.connect("a", "b", LATE),
    ):
        change()
        seen.add(rules.generation)
    assert len(seen) == 5
