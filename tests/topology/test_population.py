"""Many mail domains: each complete, each as good as one written by hand, none of them dear."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from lab.errors import BadFile
from lab.names import DomainName
from lab.topology import loads
from lab.wire.records import NS


def test_each_domain_is_found_from_the_root() -> None:
    plan = loads("population: {count: 1200, per_authority: 500}")
    net, site = plan.zones[DomainName("net")], plan.zones[DomainName("site0777.net")]
    (server,) = site.servers
    assert server == "ns2.hosting.net"
    assert [r.data for r in net.records if r.name == "site0777.net"] == [NS(server)]
    assert [r.data.text() for r in net.records if r.name == server] == list(host_addresses(plan, server))
    assert site.origin in next(host for host in plan.hosts if host.name == server).zones


def host_addresses(plan: object, name: str) -> tuple[str, ...]:
    return next(host.addresses for host in plan.hosts if host.name == name)  # type: ignore[attr-defined]


def test_each_address_leads_back_to_its_name() -> None:
    plan = loads("population: 600")
    host = plan.hosts[-1]
    pointer = ".".join(reversed(host.addresses[0].split("."))) + ".in-addr.arpa"
    zone = plan.zones[DomainName(pointer.partition(".")[2])]
    assert [r.data.text() for r in zone.records if r.name == pointer] == [host.name.fqdn]
    assert zone.origin in {r.name for r in plan.zones[DomainName("in-addr.arpa")].records}


def test_the_zones_are_a_mapping_like_any_other() -> None:
    plan = loads("population: 300")
    assert len(plan.zones) == len(list(plan.zones)) == len(set(plan.zones))
    assert {origin for host in plan.hosts for origin in host.zones} == set(plan.zones)
    assert all(plan.zones[origin].origin == origin for origin in plan.zones)
    assert DomainName("site999.net") not in plan.zones
    with pytest.raises(KeyError):
        plan.zones[DomainName("site999.net")]


def test_no_address_is_given_twice() -> None:
    plan = loads("population: 2000\nteams: 20")
    addresses = [address for host in plan.hosts for address in host.addresses]
    assert len(addresses) == len(set(addresses))


def test_beyond_the_first_range_the_second_goes_on() -> None:
    plan = loads("population: 140000")
    assert plan.ranges == ("198.18.0.0/15", "10.0.0.0/8")
    assert plan.hosts[-1].addresses[0].startswith("10.0.")


def test_a_host_costs_less_than_3_kb() -> None:
    loads("population: 10")
    gc.collect()
    tracemalloc.start()
    plan = loads("population: 3000")
    octets, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert octets / len(plan.hosts) < 3_000


def test_a_pattern_without_a_number_is_refused() -> None:
    with pytest.raises(BadFile, match=r"needs \{n\}"):
        loads("population: {count: 3, domain: site.net}")


def test_a_domain_of_the_providers_name_is_refused() -> None:
    with pytest.raises(BadFile, match="already"):
        loads("population: 3\ndomains: {hosting.net: {}}")
