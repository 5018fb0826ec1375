"""The catalogue is whole, and what it says fits together."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.fabric.software import NEEDS, capabilities, folders
from lab.foreign.config.files import MAKERS, host_files
from lab.foreign.config.scene import Certificate, scene
from lab.foreign.software import CATALOGUE, catalogued
from lab.topology import Plan, load, loads
from lab.topology.software import SOFTWARE

ROOT = Path(__file__).parent.parent.parent
REAL = load(ROOT / "topologies" / "belgium-real.yaml")
MIXED = load(ROOT / "topologies" / "belgium-mixed.yaml")
HOSTS = [(plan, host) for plan in (REAL, MIXED) for host in plan.hosts if host.software]
CERTIFICATE = Certificate("certificate\n", "-----BEGIN PRIVATE KEY-----\n", "root\n")


def files_of(plan: Plan, name: str) -> dict[str, str]:
    host = next(host for host in plan.hosts if host.name == name)
    return {file.path: file.text for file in host_files(scene(host, plan.zones, CERTIFICATE))}


def test_every_software_of_the_topology_is_known_everywhere() -> None:
    assert set(SOFTWARE) == set(NEEDS) == set(CATALOGUE) == set(MAKERS)


def test_every_software_stands_in_a_shipped_topology() -> None:
    assert {name for _, host in HOSTS for name in host.software} == set(SOFTWARE)


@pytest.mark.parametrize(("plan", "host"), HOSTS, ids=lambda one: getattr(one, "name", ""))
def test_every_file_lies_in_a_folder_that_can_be_written(plan: Plan, host) -> None:  # type: ignore[no-untyped-def]
    rooms = [room.path for room in folders(host.software)]
    for file in host_files(scene(host, plan.zones, CERTIFICATE if host.mail else None)):
        assert any(file.path.startswith(f"{room}/") for room in rooms), file.path


def test_who_is_needed_by_another_starts_first() -> None:
    assert [one.name for one in catalogued(("postfix", "dovecot", "postfix"))] == ["dovecot", "postfix"]


def test_no_software_is_a_superuser() -> None:
    for name in SOFTWARE:
        assert not {"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "NET_RAW"}.intersection(capabilities([name]))


def test_a_backup_holds_and_relays_for_nobody_else() -> None:
    exim = files_of(REAL, "relay.eunet.be")["/etc/exim4/exim4.conf"]
    assert "domainlist relay_to_domains = belgiannews.com\n" in exim
    assert "hostlist relay_from_hosts = <; 127.0.0.0/8 ; 198.18.4.25/32\n" in exim
    smtpd = files_of(MIXED, "relay.eunet.be")
    assert 'match from any for domain <held> action "held"' in smtpd["/etc/smtpd/smtpd.conf"]
    assert smtpd["/etc/smtpd/held"].splitlines()[1:] == ["belgiannews.com"]


def test_people_and_aliases_are_in_the_maps() -> None:
    files = files_of(REAL, "mail.belgiannews.com")
    assert "ed@belgiannews.com  belgiannews.com/ed/Maildir/\n" in files["/etc/postfix/mailboxes"]
    assert "info@belgiannews.com  ed@belgiannews.com, news@belgiannews.com\n" in files["/etc/postfix/aliases"]
    assert "ed@belgiannews.com:{PLAIN}secret::::::\n" in files["/etc/dovecot/users"]
    assert "postmaster@belgiannews.com:*::::::\n" in files["/etc/dovecot/users"]


def test_a_resolver_begins_at_the_labs_root_and_validates_nothing() -> None:
    unbound = files_of(REAL, "dns.unige.ch")
    assert "a.root.  A   198.18.0.1" in unbound["/etc/lab/root.hints"]
    assert 'module-config: "iterator"' in unbound["/etc/unbound/unbound.conf"]
    named = files_of(MIXED, "dns.unige.ch")["/etc/bind/named.conf"]
    assert "dnssec-validation no;" in named
    assert "empty-zones-enable no;" in named
    assert 'zone "." { type hint; file "/etc/lab/root.hints"; };' in named


def test_the_topologys_schedule_is_the_softwares() -> None:
    text = """
mail: {{schedule: exim}}
domains: {{a.be: {{mx: [5 mail.a.be], hosts: {{mail.a.be: {{software: {}}}}}}}}}
"""
    exim = files_of(loads(text.format("exim")), "mail.a.be")["/etc/exim4/exim4.conf"]
    assert "*  *  F,2h,15m; G,16h,1h,1.5; F,4d,6h\n" in exim
    postfix = files_of(loads(text.format("postfix")), "mail.a.be")["/etc/postfix/main.cf"]
    assert (
        "minimal_backoff_time = 900s\nmaximal_backoff_time = 21600s\nmaximal_queue_lifetime = 345600s\n" in postfix
    )
