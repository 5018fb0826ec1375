"""The hosts of a class of teams: many, and what has failed is seen."""

from __future__ import annotations

from typing import Any

from lab.cli.hosts import failed, host_lines
from lab.cli.screen import paint


def hosts(teams: int, down: str = "") -> list[dict[str, Any]]:
    own = [("resolver", "")]
    theirs = [(f"{what}.team{n}.be", f"team{n}.be") for n in range(1, teams + 1) for what in ("ns", "mail")]
    return [
        {
            "name": name,
            "address": f"198.18.{at}.1",
            "runs": ["mail"],
            "state": "down" if name == down else "up",
            "organisation": organisation,
            "about": "smtp",
        }
        for at, (name, organisation) in enumerate([*own, *theirs])
    ]


def shown(rows: list[dict[str, Any]]) -> list[str]:
    return [paint(line, colour=False) for line in host_lines(rows, len(rows))]


def test_a_few_hosts_have_a_line_each() -> None:
    assert len(shown(hosts(3))) == 7


def test_an_organisation_of_a_large_lab_is_one_line() -> None:
    lines = shown(hosts(30))
    assert len(lines) == 31
    assert " ".join(lines[1].split()) == "✓ domain team1.be ns 198.18.1.1 mail 198.18.2.1"


def test_an_organisation_with_a_failed_host_is_shown_host_by_host() -> None:
    lines = shown(hosts(30, down="mail.team7.be"))
    assert len(lines) == 32
    assert [line.split()[2] for line in lines if "✕" in line] == ["mail.team7.be"]


def test_the_failed_ones_of_a_large_lab_are_named_again_at_the_end() -> None:
    rows = hosts(30, down="mail.team7.be")
    assert [paint(line, colour=False) for line in failed(rows)] == [" ✕ 1 of 61 hosts: mail.team7.be down"]
    assert failed(hosts(30)) == failed(hosts(3, down="mail.team1.be")) == []


def test_a_fault_that_is_over_is_shown_and_no_failure() -> None:
    rows = hosts(30)
    rows[1]["state"] = "servfail once (over)"
    assert failed(rows) == []
    assert "✓" in shown([rows[1]])[0]
    assert "servfail once (over)" in shown([rows[1]])[0]
