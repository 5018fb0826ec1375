"""Where a lab comes to stand, and what it says when that is not where it was wanted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lab.clock import PacedTime, WarpedTime
from lab.control.daemon import Teller
from lab.control.doors import asked_door, doors_of
from lab.control.launch import Order
from lab.control.site import choose
from lab.errors import MachineSaidNo, WrongUse
from lab.fabric import namespace
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, MailPlan, Plan, ResolverPlan

PLAN = Plan("small", (), {})
ORDER = Order("small.yaml", pace=60)


@pytest.fixture
def _refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise MachineSaidNo("This machine refuses a private network.", code="H010")

    monkeypatch.setattr(namespace, "enter", refuse)


def test_a_machine_that_allows_it_has_the_lab_on_real_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespace, "enter", lambda: None)
    remarks: list[str] = []
    assert isinstance(choose(ORDER, PLAN, tmp_path, remarks.append).source, WarpedTime)
    assert remarks == []


@pytest.mark.usefixtures("_refusing")
def test_where_namespaces_are_refused_the_lab_is_simulated_and_says_so(tmp_path: Path) -> None:
    remarks: list[str] = []
    source = choose(ORDER, PLAN, tmp_path, remarks.append).source
    assert isinstance(source, PacedTime)
    assert source.rate == 60
    (told,) = remarks
    assert told.startswith("This machine refuses a private network. The lab runs simulated instead")


@pytest.mark.usefixtures("_refusing")
def test_whoever_asked_for_local_is_told_that_it_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(MachineSaidNo):
        choose(replace(ORDER, fabric="local"), PLAN, tmp_path, print)


def test_an_unknown_fabric_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(WrongUse):
        choose(replace(ORDER, fabric="moon"), PLAN, tmp_path, print)


def test_a_teller_whose_hearer_has_gone_is_no_trouble() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    teller = Teller(writing)
    teller.tell(remark="nobody hears this")
    teller.close()
    teller.tell(error="nor this")


def test_doors_lead_to_names_to_the_first_mail_hosts_and_to_everything() -> None:
    resolver = HostPlan(DomainName.parse("dns.be"), (Address("198.18.0.53"),), resolver=ResolverPlan(()))
    mail = [
        HostPlan(DomainName.parse(f"mail{n}.be"), (Address(f"198.18.1.{n}"),), mail=MailPlan())
        for n in range(1, 21)
    ]
    doors = doors_of(Plan("large", (resolver, *mail), {}))
    assert [(door.kind, door.service) for door in doors[:3]] == [("udp", 53), ("tcp", 53), ("tcp", 25)]
    assert sum(door.service == 25 for door in doors) == 4
    assert doors[-1].kind == "socks"


@pytest.mark.parametrize(
    ("word", "kind", "port", "service"),
    [
        ("2525:mail.be:25", "tcp", 2525, 25),
        ("5353/udp:MAIL.be:dns", "udp", 5353, 53),
        ("0:mail.be:smtp", "tcp", 0, 25),
    ],
)
def test_a_door_can_be_asked_for_at_a_port_of_ones_own(word: str, kind: str, port: int, service: int) -> None:
    door = asked_door(word, Plan("small", (HostPlan(DomainName.parse("mail.be"), (Address("198.18.0.25"),)),), {}))
    assert (door.kind, door.port, door.service, door.to) == (kind, port, service, "198.18.0.25")


@pytest.mark.parametrize(
    "word", ["2525", "2525:mail.be", "99999:mail.be:25", "2525:mial.be:25", "2525:mail.be:gopher"]
)
def test_a_door_that_cannot_be_is_wrong_use(word: str) -> None:
    with pytest.raises(WrongUse):
        asked_door(word, Plan("small", (HostPlan(DomainName.parse("mail.be"), (Address("198.18.0.25"),)),), {}))
