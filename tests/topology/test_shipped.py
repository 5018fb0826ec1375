"""The topologies that come with the lab, and the whole plans that follow from small files.

After a change of plans: `python tests/topology/test_shipped.py` writes expected/ anew; read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.names import DomainName, EmailAddress
from lab.topology import Plan, check, load
from lab.wire.records import MX
from lab.wire.zonefile import zone_text

HERE = Path(__file__).parent
SHIPPED = sorted((HERE.parent.parent / "topologies").glob("*.yaml"))
INPUTS = sorted((HERE / "input").glob("*.yaml"))


def told(plan: Plan) -> str:
    """A plan as text: hosts, lines, zones."""
    lines = [f"{plan.name}  seed {plan.seed}  {' '.join(plan.ranges)}"]
    for host in plan.hosts:
        head = f"{'+'.join(host.roles)} {host.name} {','.join(host.addresses)} of {host.organisation or 'the lab'}"
        lines.append(f"{head} asks {','.join(host.resolvers)}")
        if host.resolver:
            lines.append(f"    {host.resolver}")
        if host.mail:
            lines.append(f"    {host.mail}")
    lines += [str(line) for line in plan.links]
    for zone in plan.zones.values():
        lines += ["", f"; served by {' '.join(zone.servers)}", zone_text(zone.records, zone.origin).rstrip()]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_topology_has_no_errors(path: Path) -> None:
    assert [problem for problem in check(path) if not problem.warning] == []
    plan = load(path)
    assert plan.name == path.stem
    assert plan.hosts[-1].name == "student"


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_a_file_means_this_plan(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE / "input")
    expected = (HERE / "expected" / path.name).with_suffix(".txt")
    assert told(load(Path(path.name))) == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_delegation_leads_to_a_host_that_serves_the_zone(path: Path) -> None:
    plan = load(path)
    serves = {host.name: host.zones for host in plan.hosts}
    for origin, zone in plan.zones.items():
        for server in zone.servers:
            assert origin in serves[server]


def test_the_exercise_is_as_the_course_has_it() -> None:
    path = next(path for path in SHIPPED if path.stem == "belgium")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    plan = load(path)
    news = plan.zones[DomainName("belgiannews.com")]
    assert [r.data for r in news.records if r.type == "MX"] == [
        MX(5, DomainName("mail.belgiannews.com")),
        MX(10, DomainName("relay.eunet.be")),
    ]
    where = {host.name: host.addresses[0] for host in plan.hosts}
    assert where["a.root"] == "198.18.0.1"
    assert where["ns.belgiannews.com"] == "198.18.2.53"
    assert where["mail.belgiannews.com"] == "198.18.2.25"
    assert where["dns.unige.ch"] == "198.18.3.53"
    assert where["relay.eunet.be"] == "198.18.4.25"
    relay = next(host for host in plan.hosts if host.name == "relay.eunet.be")
    assert relay.mail is not None
    assert relay.mail.backup_for == ("belgiannews.com",)
    homes = {box.address: host.name for host in plan.hosts if host.mail for box in host.mail.mailboxes}
    assert homes[EmailAddress("bob@cui.unige.ch")] == "mail.unige.ch"


if __name__ == "__main__":
    import os

    os.chdir(HERE / "input")
    for each in INPUTS:
        out = (HERE / "expected" / each.name).with_suffix(".txt")
        out.write_text(told(load(Path(each.name))), encoding="utf-8")
