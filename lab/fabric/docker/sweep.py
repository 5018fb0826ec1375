"""Nothing stays: what a lab has on an engine is found by its label and taken away.

The rule: whoever ends last sweeps. A lab does when it goes down, and when it comes up it sweeps what an earlier
one of the same home left. Should the lab be killed, its sweeper is left: a process of its own that waits on a pipe
until the lab is gone. (Containers end by themselves then, as their line breaks; networks and volumes do not.)

    python -m lab.fabric.docker.sweep '{"owner": …, "engines": […], "folders": […]}'
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from lab.errors import LabError, MachineSaidNo
from lab.fabric.distant.moment import machine
from lab.fabric.docker.engine import Engine
from lab.fabric.docker.swarm import leave, memberships, strike_off

KINDS = ("container", "swarm", "network", "volume")
"""In the order in which they can go: a network over engines of which one is lost is kept by its swarm."""
Things = dict[str, list[tuple[str, str]]]
_PASSING = "passing-"
_AT_ONCE = 6
"""Things that are taken away at once, as many as `DockerFabric` starts."""
_TRIES = 20
_PAUSE_S = 0.1
"""Longer before each further try, 19 s in all: a busy engine takes its time to let a container's endpoint go."""


def sweep(engines: Sequence[Engine], owner: str) -> int:
    """Take away all that bears the lab's label, on every engine, and leave the swarm that it made; how much that
    was. MachineSaidNo (H047) names what stays; of an engine that does not answer, the error says so, when the
    others are clean."""
    there, lost = _present(engines)
    gone, nodes = 0, []
    for attempt in range(_TRIES):
        found = [(engine, _found(engine, owner)) for engine in there]
        nodes += [node for _, kinds in found for node, _ in kinds["swarm"] if node]
        if not any(things for _, kinds in found for things in kinds.values()):
            break
        if attempt:
            time.sleep(_PAUSE_S * attempt)
        gone += sum(_take_away(engine, kind, kinds[kind], owner) for kind in KINDS for engine, kinds in found)
    else:
        _name_what_stays(there, owner)
    strike_off(there, sorted(set(nodes)))
    if lost:
        raise lost[0]
    return gone


def _present(engines: Sequence[Engine]) -> tuple[list[Engine], list[LabError]]:
    there, lost = [], []
    for engine in engines:
        try:
            _ = engine.api
            with engine.plainly():
                engine.api.ping()
            there.append(engine)
        except LabError as error:
            lost.append(error)
    return there, lost


def _found(engine: Engine, owner: str) -> Things:
    return {**engine.found(owner), "swarm": memberships(engine, owner)}


def _take_away(engine: Engine, kind: str, things: Sequence[tuple[str, str]], owner: str) -> int:
    """How many are gone. An engine takes them several at a time."""

    def is_gone(thing: tuple[str, str]) -> bool:
        with suppress(LabError):
            leave(engine, owner) if kind == "swarm" else engine.take_away(kind, thing[0])
            return True
        return False

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(is_gone, things))


def _name_what_stays(engines: Sequence[Engine], owner: str) -> None:
    for engine in engines:
        left = [f"{kind} {name}" for kind, things in _found(engine, owner).items() for _, name in things]
        if left:
            raise MachineSaidNo(
                f"The engine at {engine} keeps {len(left)} things of this lab: {', '.join(left[:5])}",
                remedy=f"By hand:  docker rm -f …, docker network rm …   (label mini-internet-lab={owner})",
                code="H047",
            )


def passing_owner() -> str:
    """The mark of a lab without a home: it lasts as long as this process."""
    return f"{_PASSING}{machine()[:8]}-{os.getpid()}"


def sweep_the_dead(engines: Sequence[Engine]) -> None:
    """Take away what was left by processes of this machine that are no more."""
    ours = f"{_PASSING}{machine()[:8]}-"
    for owner in sorted({owner for engine in engines for owner in engine.owners()}):
        if owner.startswith(ours) and not Path("/proc", owner.removeprefix(ours)).exists():
            sweep(engines, owner)


def sweeper(owner: str, engines: Sequence[Engine]) -> subprocess.Popen[bytes]:
    """Start the process that sweeps when this one is gone. Killing it calls it off."""
    form = {"owner": owner, "engines": [engine.word for engine in engines]}
    form |= {"folders": [folder for engine in engines for folder in engine.folders]}
    words = [sys.executable, "-P", "-m", "lab.fabric.docker.sweep", json.dumps(form)]
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def main(owner: str, engines: Sequence[str], folders: Sequence[str]) -> None:
    sys.stdin.buffer.read()
    reached = [Engine(word) for word in engines]
    with suppress(LabError):
        sweep(reached, owner)
    for engine in reached:
        engine.close()
    for folder in folders:  # in which the lab's own ssh had its socket
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
