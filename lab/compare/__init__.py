"""Policies side by side: the same cases, receivers and names under one sending host's policy after another.

The rule: nothing is claimed that is not played. Each cell of the table is a mini-Internet of its own on sim, with
the lab's own queue, agent and name servers; what is different from one to the next is the policy of one host.
"""

from lab.compare.cases import CASES, GROUPS, Case, case_named
from lab.compare.play import Outcome, compare, play

__all__ = ["CASES", "GROUPS", "Case", "Outcome", "case_named", "compare", "play"]
