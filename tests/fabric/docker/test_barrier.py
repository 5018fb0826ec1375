"""What a container's packet filter is told."""

from __future__ import annotations

from dataclasses import replace

from lab.fabric.breakage import Cut
from lab.fabric.docker.barrier import NOTHING, World, ruleset
from lab.fabric.faults import Down, Fault, Paused, Silent, Unreachable
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link

ANN = HostPlan(DomainName("ann.north"), (Address("198.18.0.1"),), "north")
BOB = HostPlan(DomainName("bob.south"), (Address("198.18.0.2"), Address("fd00::2")), "south")
CAS = HostPlan(DomainName("cas.south"), (Address("198.18.0.3"),), "south")
HOSTS = (ANN, BOB, CAS)


def rules(here: HostPlan, *faults: Fault, cuts: tuple[Cut, ...] = ()) -> list[str]:
    text = ruleset([here], World(HOSTS, {here.name: faults}, cuts))
    return [line for line in text.splitlines() if line.startswith("ip")]


def test_a_whole_host_has_no_table() -> None:
    assert ruleset([ANN], World(HOSTS, {}, ())) == NOTHING


def test_what_the_kernel_does_by_itself_needs_no_rule() -> None:
    assert rules(ANN, Down(), Paused()) == []


def test_a_silent_host_loses_everything_at_each_of_its_addresses() -> None:
    assert rules(BOB, Silent()) == ["ip daddr 198.18.0.2 drop", "ip6 daddr fd00::2 drop"]


def test_an_unreachable_host_refuses_what_is_new_and_loses_the_rest() -> None:
    first, second, third = rules(ANN, Unreachable())
    assert "tcp flags & (syn | ack) == syn reject with icmpx host-unreachable" in first
    assert "udp reject with icmpx host-unreachable" in second
    assert third == "ip daddr 198.18.0.1 drop"


def test_a_cut_loses_what_comes_from_the_other_side_only() -> None:
    cuts = (Cut(("north",), ("bob.south",)),)
    assert rules(ANN, cuts=cuts) == ["ip daddr 198.18.0.1 ip saddr { 198.18.0.2 } drop"]
    assert rules(BOB, cuts=cuts) == ["ip daddr 198.18.0.2 ip saddr { 198.18.0.1 } drop"]
    assert rules(CAS, cuts=cuts) == []


def test_a_cut_of_one_way_loses_what_comes_along_it() -> None:
    cuts = (Cut(("north",), ("south",), one_way=True),)
    assert rules(ANN, cuts=cuts) == []
    assert rules(CAS, cuts=cuts) == ["ip daddr 198.18.0.3 ip saddr { 198.18.0.1 } drop"]


def test_a_host_cut_off_from_everyone_still_hears_itself() -> None:
    (rule,) = rules(ANN, cuts=(Cut(("ann.north",), ("*",)),))
    assert rule == "ip daddr 198.18.0.1 ip saddr { 198.18.0.2, 198.18.0.3 } drop"


def test_the_neighbours_faults_are_the_neighbours_rules() -> None:
    assert ruleset([ANN], World(HOSTS, {BOB.name: (Silent(),)}, ())) == NOTHING


def test_what_a_line_loses_between_two_of_real_software_their_packet_filters_lose() -> None:
    """The lab's own programs draw it themselves, wherever they stand at one end of it."""
    exim, postfix = (replace(host, software=("exim",)) for host in (BOB, CAS))
    links = {("bob.south", "*"): Link(loss=0.1), ("*", "bob.south"): Link(loss=0.1), ("*", "*"): Link(loss=0.5)}
    world = World((ANN, exim, postfix), {}, (), links)
    found = [line for line in ruleset([postfix], world).splitlines() if line.startswith("ip")]
    assert found == ["ip daddr 198.18.0.3 ip saddr { 198.18.0.2 } numgen random mod 1000000 < 100000 drop"]
    assert ruleset([ANN], world) == NOTHING
    everything = replace(world, links={("*", "*"): Link(loss=1.0)})
    assert "ip daddr 198.18.0.3 ip saddr { 198.18.0.2 } drop\n" in ruleset([postfix], everything)


def test_a_cut_by_chance_between_two_of_real_software_decides_once_for_each_connection() -> None:
    exim, postfix = (replace(host, software=("exim",)) for host in (BOB, CAS))
    cut = Cut(("*",), ("cas.south",), share=0.25)
    text = ruleset([postfix], World((ANN, exim, postfix), {}, (cut,)))
    connection, datagram = [line for line in text.splitlines() if line.startswith("ip")]
    where = "ip daddr 198.18.0.3 ip saddr { 198.18.0.2 }"
    assert connection.startswith(f"{where} tcp flags & (syn | ack) == syn jhash ip saddr . tcp sport . tcp dport ")
    assert connection.endswith(" < 250000 drop")
    assert datagram == f"{where} meta l4proto udp numgen random mod 1000000 < 250000 drop"
    assert ruleset([ANN], World((ANN, exim, postfix), {}, (cut,))) == NOTHING
