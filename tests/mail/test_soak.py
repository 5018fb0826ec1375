"""Small Internets that everything happens to, by chance: then all is healed, and every message is accounted for.

Four domains that hold each other's mail crosswise, a topology of its own for each seed, small segments of the
spool so that they come and go; what happens, and how it is judged, is the futures' (`lab.scenario.futures`).
"""

from __future__ import annotations

from random import Random

import pytest

from lab import topology
from lab.mail import spool
from lab.scenario.futures.draw import draw, setting
from lab.scenario.futures.play import play

DOMAINS = ("a.be", "b.com", "c.be", "d.com")


def world(chance: Random) -> str:
    lines = ["links:", f"  - {{between: ['*', '*'], latency: {chance.choice((1, 30, 200))}ms}}", "domains:"]
    backups = {
        domain: [other for other in DOMAINS if other != domain and chance.random() < 0.4] for domain in DOMAINS
    }
    for domain in DOMAINS:
        mx = ", ".join([f"5 mail.{domain}", *(f"10 mail.{other}" for other in backups[domain])])
        held = ", ".join(other for other in DOMAINS if domain in backups[other])
        lines += [f"  {domain}:", f"    mx: [{mx}]", "    people: [p, q]"]
        lines += [f"    hosts: {{mail.{domain}: {{mail: {{backup_for: [{held}]}}}}}}"]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_every_message_is_accounted_for(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 6000)
    plan = topology.loads(world(Random(seed)))
    outcome = play(plan, seed, draw(seed, setting(plan, messages=40, faults=20, days=4)))
    assert outcome.passed, [str(one) for one in outcome.broken]
    assert outcome.delivered > 25
