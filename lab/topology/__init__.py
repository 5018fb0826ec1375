"""What the world should look like: a topology file becomes a model, and the model a plan.

    plan = load(Path("topologies/belgium.yaml"))

The shapes of the plan (`lab.topology.plan`) are light; what reads files is imported when a file is read.
"""

from __future__ import annotations

from pathlib import Path

from lab.errors import Problem
from lab.topology.plan import Plan


def load(path: Path) -> Plan:
    """The plan of a topology file. BadFile, with every problem, when it has errors."""
    from lab.topology import loading

    return loading.load(path)


def loads(text: str, source: str = "topology.yaml") -> Plan:
    """The plan of a topology given as text; `source` is what its problems call it."""
    from lab.topology import loading

    return loading.loads(text, source)


def check(path: Path) -> list[Problem]:
    """Everything that is wrong or unwise in a topology file, in the order of its lines."""
    from lab.topology import loading

    return loading.check(path)


__all__ = ["Plan", "check", "load", "loads"]
