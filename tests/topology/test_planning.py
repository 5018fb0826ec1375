"""What follows from a file: homes, resolvers, addresses, and the same every time."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from lab.names import DomainName
from lab.topology import Plan, loads
from lab.topology.plan import FaultPlan, HostPlan, Link

TOPOLOGIES = Path(__file__).parent.parent.parent / "topologies"


def host(plan: Plan, name: str) -> HostPlan:
    return next(host for host in plan.hosts if host.name == name)


def home(text: str, address: str) -> str:
    """The host with this mailbox."""
    hosts = loads(text).hosts
    return next(
        host.name for host in hosts if host.mail and address in [box.address for box in host.mail.mailboxes]
    )


def test_the_best_exchanger_is_home() -> None:
    text = (
        "domains: {a.be: {mx: [20 two.a.be, 10 one.a.be], people: [ed], hosts: {two: {mail: {backup_for: a.be}}}}}"
    )
    assert home(text, "ed@a.be") == "one.a.be"


def test_a_backup_is_not_home_even_if_it_is_best() -> None:
    text = (
        "domains: {a.be: {mx: [5 in.a.be, 10 mail.a.be], people: [ed], hosts: {in: {mail: {backup_for: a.be}}}}}"
    )
    assert home("faults_on_purpose: T042\n" + text, "ed@a.be") == "mail.a.be"


def test_without_an_mx_the_host_of_the_domains_name_is_home() -> None:
    assert home("domains: {a.be: {people: [ed], hosts: [a.be]}}", "ed@a.be") == "a.be"


def test_the_file_can_name_the_home() -> None:
    hosts = "hosts: {in: {mail: {backup_for: a.be}}, store: }"
    text = f"domains: {{a.be: {{mx: [10 in.a.be], home: store, people: [ed], {hosts}}}}}"
    assert home("faults_on_purpose: T042\n" + text, "ed@a.be") == "store.a.be"


def test_a_host_asks_the_resolver_nearest_to_it() -> None:
    plan = loads(
        "resolvers: [dns.a.be, dns.b.be]\ndomains: {a.be: , b.be: {hosts: [pc]}, c.be: {resolver: dns.b.be}}"
    )
    where = {host.name: host.addresses for host in plan.hosts}
    assert host(plan, "pc.b.be").resolvers == where[DomainName("dns.b.be")]
    assert host(plan, "ns.c.be").resolvers == where[DomainName("dns.b.be")]
    assert host(plan, "student").resolvers == where[DomainName("dns.a.be")]
    assert host(plan, "ns.a.be").resolvers == where[DomainName("dns.a.be")]


def test_an_address_in_a_record_is_the_hosts() -> None:
    plan = loads("domains: {a.be: {mx: [10 mail.a.be], records: [mail A 198.18.9.9]}}")
    assert host(plan, "mail.a.be").addresses == ("198.18.9.9",)


def test_a_chosen_address_avoids_the_given_ones() -> None:
    plan = loads("domains: {a.be: {mx: [10 mail.a.be], hosts: {pc: 198.18.2.25}}}")
    assert host(plan, "mail.a.be").addresses == ("198.18.2.26",)


def test_a_domain_inside_another_is_part_of_its_zone_until_it_has_a_server() -> None:
    part = loads("domains: {a.be: , sub.a.be: {mx: [10 mail.a.be]}}")
    cut = loads("domains: {a.be: , sub.a.be: {mx: [10 mail.a.be], name_servers: [ns.a.be]}}")
    assert "sub.a.be" not in part.zones
    assert [zone.servers for origin, zone in cut.zones.items() if origin == "sub.a.be"] == [("ns.a.be",)]


def test_a_team_is_numbered_as_the_pattern_says() -> None:
    plan = loads('teams: {count: 2, domain: "group{n:03}.ch", people: [mia]}')
    assert host(plan, "mail.group002.ch").mail is not None
    assert (
        home('teams: {count: 2, domain: "group{n:03}.ch", people: [mia]}', "mia@group001.ch") == "mail.group001.ch"
    )


def test_a_plan_can_be_carried_to_another_process() -> None:
    plan = loads("teams: 2\npopulation: 5")
    again = pickle.loads(pickle.dumps(plan))
    assert again.hosts == plan.hosts
    assert dict(again.zones) == dict(plan.zones)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_file_gives_the_same_plan_in_every_process(seed: str) -> None:
    program = (
        "import hashlib, pathlib, sys; from lab.topology import load\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.yaml')):\n"
        "    plan = load(path)\n"
        "    print(path.name, hashlib.sha256(repr((plan.hosts, dict(plan.zones))).encode()).hexdigest())\n"
    )
    command = [sys.executable, "-c", program, str(TOPOLOGIES)]
    told = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
    )
    other = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": "77"}, capture_output=True, text=True, check=True
    )
    assert told.stdout == other.stdout


def test_real_software_is_the_hosts_that_the_file_gives_it_to() -> None:
    plan = loads("""
root: {software: bind}
registries: {be: {software: [bind], address: 198.18.0.9}}
resolvers: {dns.a.be: {software: unbound, address: 198.18.2.9}}
domains:
  a.be:
    mx: [10 mail.a.be]
    people: [ed]
    hosts:
      ns.a.be: {software: nsd}
      mail.a.be: {software: [postfix, dovecot]}
      pc: {image: "mine:1", command: serve --motto 'two words'}
""")
    software = {host.name: host.software for host in plan.hosts if host.software}
    assert software == {
        "a.root": ("bind",),
        "ns.be": ("bind",),
        "ns.a.be": ("nsd",),
        "dns.a.be": ("unbound",),
        "mail.a.be": ("postfix", "dovecot"),
    }
    (own,) = [host for host in plan.hosts if host.image]
    assert (own.name, own.command) == ("pc.a.be", ("serve", "--motto", "two words"))
    assert {host.name: host.addresses[0] for host in plan.hosts}["ns.be"] == "198.18.0.9"


def test_what_is_broken_stands_in_the_plan_in_the_words_of_lab_fail() -> None:
    plan = loads(
        """
domains:
  a.be: {mx: [10 mail.a.be], people: [ed]}
  b.be: {mx: [10 mail.b.be], people: [ann]}
faults:
  - Mail.A.be
  - mail.a.be chance 20% reply 451 at dot twice at 10:40 for 20m
  - {host: ns.b.be, fault: timeout for b.be, when: in 5m}
  - a.be cut b.be one way for 1h chance 20%
  - {cut: [a.be, everywhere], chance: 0.5}
  - {line: [a.be, mail.b.be], latency: 200ms, loss: 10%, when: every 1h for 5m}
"""
    )
    assert plan.faults == (
        FaultPlan(("mail.a.be",), "down"),
        FaultPlan(("mail.a.be",), "chance 20% reply 451 at eom twice", "at 10:40 for 20m"),
        FaultPlan(("ns.b.be",), "timeout for b.be", "in 5m"),
        FaultPlan(("a.be", "b.be"), "chance 20% cut one way", "for 1h"),
        FaultPlan(("a.be", "*"), "chance 50% cut"),
        FaultPlan(
            ("a.be", "mail.b.be"), "", "every 1h for 5m", Link(latency=timedelta(milliseconds=200), loss=0.1)
        ),
    )


def test_one_line_is_a_list_of_faults() -> None:
    text = "domains: {a.be: {mx: [10 mail.a.be]}}\nfaults: mail.a.be silent\n"
    assert loads(text).faults == (FaultPlan(("mail.a.be",), "silent"),)
