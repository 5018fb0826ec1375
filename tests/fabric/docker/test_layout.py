"""Which containers a plan needs, and what each may do."""

from __future__ import annotations

import pytest

from lab.errors import WrongUse
from lab.fabric.docker.layout import bridge, containers, docker_name
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan

RANGES = ("198.18.0.0/15", "10.20.0.0/16", "fd00:1::/64")


def host(name: str, *addresses: str, organisation: str = "") -> HostPlan:
    return HostPlan(DomainName(name), tuple(map(Address, addresses)), organisation)


def test_a_host_has_a_container_that_may_bind_low_ports_and_nothing_else() -> None:
    plans = [host("a.test", "198.18.0.1"), host("b.test", "198.18.0.2")]
    boxes = containers(plans, RANGES, 1, bridge(RANGES, plans))
    assert [(box.name, box.addresses) for box in boxes] == [
        ("a.test", ("198.18.0.1",)),
        ("b.test", ("198.18.0.2",)),
    ]
    assert {box.capabilities for box in boxes} == {("NET_BIND_SERVICE",)}


def test_a_second_address_is_the_node_s_to_give_itself() -> None:
    plans = [host("a.test", "198.18.0.1", "198.18.0.9")]
    (box,) = containers(plans, RANGES, 1, bridge(RANGES, plans))
    assert (box.addresses, box.laid) == (("198.18.0.1",), ("198.18.0.9",))
    assert "NET_ADMIN" in box.capabilities


def test_an_address_of_each_family_is_the_engine_s_to_give() -> None:
    plans = [host("a.test", "198.18.0.1", "fd00:1::7")]
    where = bridge(RANGES, plans)
    (box,) = containers(plans, RANGES, 1, where)
    assert box.addresses == ("198.18.0.1", "fd00:1::7")
    assert [str(subnet) for subnet in where.subnets] == ["198.18.0.0/15", "fd00:1::/64"]


def test_ipv6_is_asked_of_an_engine_only_where_somebody_has_it() -> None:
    assert len(bridge(RANGES, [host("a.test", "198.18.0.1")]).subnets) == 1


def test_another_range_is_looked_for_on_the_same_wire() -> None:
    plans = [host("a.test", "198.18.0.1"), host("b.test", "10.20.0.1")]
    one, other = containers(plans, RANGES, 1, bridge(RANGES, plans))
    assert one.onlink == other.onlink == ("10.20.0.0/16",)
    assert (other.addresses, other.laid) == ((), ("10.20.0.1",))


def test_the_gateway_is_an_address_that_nobody_has() -> None:
    plans = [host("a.test", "198.19.255.254"), host("b.test", "198.19.255.253")]
    assert bridge(RANGES, plans).gateways == ("198.19.255.252",)


def test_packed_containers_take_so_many_each() -> None:
    plans = [host(f"h{n}.test", f"198.18.1.{n}") for n in range(1, 8)]
    boxes = containers(plans, RANGES, 3, bridge(RANGES, plans))
    assert [len(box.hosts) for box in boxes] == [3, 3, 1]
    assert boxes[0].laid == ("198.18.1.2", "198.18.1.3")


def test_an_organisation_can_have_a_container() -> None:
    plans = [
        host("ns.a.test", "198.18.0.1", organisation="a.test"),
        host("ns.b.test", "198.18.0.2", organisation="b.test"),
        host("mail.a.test", "198.18.0.3", organisation="a.test"),
    ]
    boxes = containers(plans, RANGES, "organisation", bridge(RANGES, plans))
    assert {box.name: [plan.name for plan in box.hosts] for box in boxes} == {
        "a.test": ["ns.a.test", "mail.a.test"],
        "b.test": ["ns.b.test"],
    }


def test_more_containers_than_a_bridge_takes_is_told_before_anything_starts() -> None:
    plans = [host(f"h{n}.test", f"198.18.{n // 250}.{n % 250 + 1}") for n in range(1001)]
    with pytest.raises(WrongUse, match="more than one bridge takes"):
        containers(plans, RANGES, 1, bridge(RANGES, plans))


def test_a_name_is_one_that_the_engine_takes() -> None:
    assert docker_name("lab", "Ma leçon n° 3", "mail.a.test") == "lab.Ma-le-on-n-3.mail.a.test"


def test_over_several_engines_each_takes_addresses_that_no_host_has() -> None:
    plans = [host("a.test", "10.20.0.1"), host("b.test", "10.20.255.250")]
    where = bridge(("10.20.0.0/16",), plans, engines=3)
    assert where.gateways == ("10.20.255.254",)
    assert where.spare == "10.20.255.240/29"


def test_a_range_that_is_full_leaves_engines_no_room() -> None:
    plans = [host(f"h{n}.test", f"10.20.0.{n}") for n in range(1, 254, 2)]
    with pytest.raises(WrongUse, match="for the engines themselves"):
        bridge(("10.20.0.0/24",), plans, engines=2)


def test_a_host_without_an_address_of_the_bridge_gets_one_that_nobody_else_has() -> None:
    plans = [host("a.test", "198.18.0.1"), host("b.test", "10.20.0.1")]
    assert bridge(RANGES, plans).spare == "198.19.255.252/31"
    assert bridge(RANGES, plans[:1]).spare == ""


def test_over_several_engines_everyone_knows_who_has_the_addresses_that_no_engine_gave() -> None:
    plans = [host("a.test", "198.18.0.1"), host("b.test", "198.18.0.2", "10.20.0.1", "fd00:1::7")]
    where = bridge(RANGES, plans, engines=2)
    assert [str(subnet) for subnet in where.subnets] == ["198.18.0.0/15"]
    one, other = containers(plans, RANGES, 1, where, engines=2)
    assert other.laid == ("10.20.0.1", "fd00:1::7")
    assert one.known == other.known == tuple((address, other.mac) for address in other.laid)
    assert one.mac != other.mac
    assert "NET_ADMIN" in one.capabilities
    assert one.lays_ipv6


def test_over_several_engines_nobody_needs_more_rights_where_every_address_is_an_engine_s() -> None:
    plans = [host("a.test", "198.18.0.1"), host("b.test", "198.18.0.2")]
    boxes = containers(plans, RANGES, 1, bridge(RANGES, plans, engines=2), engines=2)
    assert {box.capabilities for box in boxes} == {("NET_BIND_SERVICE",)}


def test_two_engines_take_twice_as_many_containers() -> None:
    plans = [host(f"h{n}.test", f"198.18.{n // 250}.{n % 250 + 1}") for n in range(1001)]
    assert len(containers(plans, RANGES, 1, bridge(RANGES, plans, engines=2), engines=2)) == 1001


def test_a_gateway_of_ipv6_is_not_the_very_last_address_either() -> None:
    assert bridge(RANGES, [host("a.test", "198.18.0.1", "fd00:1::7")]).gateways[1] == "fd00:1::ffff:ffff:ffff:fffe"
