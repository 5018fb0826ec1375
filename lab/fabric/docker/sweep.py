"""Nothing stays: what a lab has on an engine is found by its label and taken away.

The rule: whoever ends last sweeps. A lab does when it goes down, and when it comes up it sweeps what an earlier
one of the same home left. Should the lab be killed, its sweeper is left: a process of its own that waits on a pipe
until the lab is gone. (Containers end by themselves then, as their line breaks; networks and volumes do not.)

    python -m lab.fabric.docker.sweep OWNER URL [URL …]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lab.errors import LabError, MachineSaidNo
from lab.fabric.distant.moment import machine
from lab.fabric.docker.engine import Engine

_PASSING = "passing-"
_TRIES = 20
_PAUSE_S = 0.1
"""Longer before each further try, 19 s in all: a busy engine takes its time to let a container's endpoint go."""


def sweep(engine: Engine, owner: str) -> int:
    """Take away all that bears the lab's label; how much that was. MachineSaidNo (H047) names what stays."""
    gone = 0
    for attempt in range(_TRIES):
        found = engine.found(owner)
        if not any(found.values()):
            return gone
        if attempt:
            time.sleep(_PAUSE_S * attempt)
        for kind in ("container", "network", "volume"):
            for which, _ in found[kind]:
                with suppress(LabError):
                    engine.take_away(kind, which)
                    gone += 1
    left = [f"{kind} {name}" for kind, things in engine.found(owner).items() for _, name in things]
    if left:
        raise MachineSaidNo(
            f"The engine at {engine} keeps {len(left)} things of this lab: {', '.join(left[:5])}",
            remedy=f"By hand:  docker rm -f …, docker network rm …   (label mini-internet-lab={owner})",
            code="H047",
        )
    return gone


def passing_owner() -> str:
    """The mark of a lab without a home: it lasts as long as this process."""
    return f"{_PASSING}{machine()[:8]}-{os.getpid()}"


def sweep_the_dead(engine: Engine) -> None:
    """Take away what was left by processes of this machine that are no more."""
    ours = f"{_PASSING}{machine()[:8]}-"
    for owner in engine.owners():
        if owner.startswith(ours) and not Path("/proc", owner.removeprefix(ours)).exists():
            sweep(engine, owner)


def sweeper(owner: str, urls: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the process that sweeps when this one is gone. Killing it calls it off."""
    words = [sys.executable, "-P", "-m", "lab.fabric.docker.sweep", owner, *urls]
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def main(owner: str, urls: Sequence[str]) -> None:
    sys.stdin.buffer.read()
    for url in urls:
        with suppress(LabError):
            sweep(Engine(url), owner)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
