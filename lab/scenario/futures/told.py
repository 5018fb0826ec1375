"""What came of many futures, added up.

The rule: sums, and the few that stand out (the slowest delivery, those that failed); never an average, which a
single outage of two days would make meaningless. Counts are of recipients.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import Any

from lab.scenario.futures.play import Outcome
from lab.scenario.futures.promises import Breach
from lab.values import dataclass

STEPS = (
    (1.0, "within a second"),
    (60.0, "within a minute"),
    (600.0, "10 minutes"),
    (3600.0, "an hour"),
    (21_600.0, "6 hours"),
    (86_400.0, "a day"),
    (172_800.0, "2 days"),
    (float("inf"), "longer"),
)
"""How long a delivery took at most, and the words for it."""


@dataclass(slots=True)
class Tally:
    """Add outcomes; read what they amount to."""

    seeds: int = 0
    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    by_backup: int = 0
    twice: int = 0
    """By a 250 that was lost (RFC 1047)."""
    slowest: float = 0.0
    slowest_seed: int = 0
    delays: Counter[str] = field(default_factory=Counter)
    befell: Counter[str] = field(default_factory=Counter)
    breaches: Counter[Breach] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        for name in ("sent", "delivered", "bounced", "by_backup", "twice"):
            setattr(self, name, getattr(self, name) + getattr(outcome, name))
        self.befell.update(outcome.befell)
        self.breaches.update(one.breach for one in outcome.broken)
        self.delays.update(map(step, outcome.delays))
        slowest = max(outcome.delays, default=0.0)
        if slowest > self.slowest:
            self.slowest, self.slowest_seed = slowest, outcome.seed
        if not outcome.passed:
            self.failed.append(outcome)

    def to_json(self, wall_s: float) -> dict[str, Any]:
        return {
            "seeds": self.seeds,
            "passed": self.seeds - len(self.failed),
            "failed": len(self.failed),
            "lost": self.breaches[Breach.LOST],
            "twice": self.breaches[Breach.TWICE],
            "wall_s": round(wall_s, 3),
            "broken": {str(breach): count for breach, count in self.breaches.items()},
            "sent": self.sent,
            "delivered": self.delivered,
            "bounced": self.bounced,
            "by_backup": self.by_backup,
            "twice_rfc1047": self.twice,
            "slowest_s": round(self.slowest, 3),
            "slowest_seed": self.slowest_seed,
            "delays": {words: self.delays[words] for _, words in STEPS},
            "befell": dict(self.befell.most_common()),
        }


def step(delay: float) -> str:
    """The words for a delay.

    >>> step(0.02), step(4000.0)
    ('within a second', '6 hours')
    """
    return next(words for most, words in STEPS if delay <= most)
