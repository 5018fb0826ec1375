"""What makes one swarm of several engines."""

from __future__ import annotations

import pytest

from lab.errors import MachineSaidNo
from lab.fabric.docker.swarm import Course, Standing, course, is_ours, pool, require_same, usable

A, B, C = (Standing(name) for name in "abc")


def manager(name: str, swarm: str) -> Standing:
    return Standing(name, "active", f"node-{name}", is_manager=True, swarm=swarm)


def worker(name: str) -> Standing:
    return Standing(name, "active", f"node-{name}")


def test_where_there_is_no_swarm_the_first_founds_one() -> None:
    assert course([A, B, C]) == Course(0, founds=True, joining=(1, 2))


def test_a_swarm_that_is_there_is_joined() -> None:
    assert course([A, manager("b", "s"), C]) == Course(1, founds=False, joining=(0, 2))


def test_engines_of_one_swarm_have_nothing_to_join() -> None:
    assert course([worker("a"), manager("b", "s"), manager("c", "s")]) == Course(1, founds=False, joining=())


def test_managers_of_different_swarms_are_refused() -> None:
    with pytest.raises(MachineSaidNo, match="a and b are in different swarms"):
        course([manager("a", "s"), manager("b", "t")])


def test_workers_alone_can_make_no_network() -> None:
    with pytest.raises(MachineSaidNo, match="as a worker"):
        course([worker("a"), B])


def test_a_swarm_without_its_manager_is_told() -> None:
    with pytest.raises(MachineSaidNo, match="does not work"):
        course([A, Standing("b", "pending", "node-b")])


def test_a_worker_of_another_swarm_is_found_out() -> None:
    standings = [manager("a", "s"), worker("b"), C]
    require_same(standings, 0, {"node-a", "node-b"})
    with pytest.raises(MachineSaidNo, match="a and b are in different swarms"):
        require_same(standings, 0, {"node-a", "node-x"})


def test_a_swarm_that_the_user_made_since_is_not_the_lab_s() -> None:
    before, after = {"mini-internet-lab.swarm": "o"}, {"mini-internet-lab.node": "n1"}
    assert is_ours("n1", [before, after])
    assert not is_ours("n2", [before, after])
    assert is_ours("n2", [before]), "the lab was killed before it could say which node it is"
    assert not is_ours("n1", [])


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        (["198.18.0.0/15"], "10.255.255.0/24"),
        (["10.0.0.0/8", "fd00::/64"], "172.31.255.0/24"),
        (["172.16.0.0/12", "10.0.0.0/8"], "192.168.255.0/24"),
    ],
)
def test_a_swarm_s_own_addresses_are_none_of_the_lab_s(ranges: list[str], found: str) -> None:
    assert pool(ranges) == found


@pytest.mark.parametrize(
    ("address", "found"),
    [("198.51.100.7", "198.51.100.7"), ("127.0.0.1", ""), ("::1", ""), ("fe80::1%eth0", ""), ("", "")],
)
def test_an_address_of_one_machine_alone_is_no_use_to_others(address: str, found: str) -> None:
    assert usable(address) == found
