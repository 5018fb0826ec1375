"""Organisations by the number: a class of teams, written in one line.

The rule: a team is what a person would have written by hand, so that nothing downstream knows the difference.
"""

from __future__ import annotations

from lab.names import DomainName
from lab.topology import model, shorthand


def team_domains(teams: model.Teams | None) -> dict[DomainName, model.Domain]:
    """
    >>> [*team_domains(model.Teams(count=2, domain="group{n}.ch"))]
    [DomainName('group1.ch'), DomainName('group2.ch')]
    """
    if teams is None:
        return {}
    names = [numbered(teams.domain, number, teams.count) for number in range(1, teams.count + 1)]
    return {name: _team(teams, name, *_neighbours(names, index)) for index, name in enumerate(names)}


def numbered(pattern: str, number: int, count: int) -> DomainName:
    """The domain of that number."""
    return DomainName.parse(shorthand.numbered(pattern, number, count))


def _neighbours(names: list[DomainName], index: int) -> tuple[DomainName, DomainName]:
    return names[index - 1], names[(index + 1) % len(names)]


def _team(teams: model.Teams, domain: DomainName, before: DomainName, after: DomainName) -> model.Domain:
    """Mail host, name server and people; with `backup`, each holds the mail of the team after it."""
    mail = f"mail.{domain}"
    mx = [model.Exchanger(preference=10, exchange=DomainName(mail))]
    if teams.backup and before != domain:
        mx.append(model.Exchanger(preference=20, exchange=DomainName(f"mail.{before}")))
    holds = [after] if teams.backup and after != domain else []
    host = model.Host(mail=model.Mail(backup_for=holds) if holds else model.Mail())
    return model.Domain(mx=mx, people=teams.people, hosts={mail: host})
