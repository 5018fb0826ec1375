"""`lab run`: play scenarios, and tell which came out as they say."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from os.path import exists
from pathlib import Path
from typing import Literal

from lab.cli.files import unwritable
from lab.cli.reading import Json
from lab.cli.screen import emit, harmless
from lab.errors import WrongUse


def run(
    *paths: str,
    fabric: Literal["sim", "local", "docker"] = "sim",
    seed: str = "",
    topology: str = "",
    jobs: int = 0,
    pack: bool = False,
    junit: str = "",
    capture: str = "",
    twice: bool = False,
    python: str = "",
    json: Json = False,
) -> int:
    """Play scenarios: files, or folders of them (scenarios/, if none is named). Exit status 1 when one fails.

    Parameters
    ----------
    paths
        Files and folders; those of the lab's own that begin with scenarios/ are found from anywhere.
    fabric
        Where to play them: in memory, on real sockets in a private network, or in containers.
    seed
        Another seed than their own.
    topology
        Play them all on this topology instead of their own.
    jobs
        How many at once; as many as there are cores, if not told otherwise.
    pack
        On docker, many hosts in one container instead of one in each.
    junit
        Write a report for a CI system into this file, in JUnit's XML.
    capture
        Write every packet into this file, for Wireshark; into a folder, a file for each scenario.
    twice
        Play each in two processes with other hash seeds and time zones, and compare their stories entry by entry.
    python
        With --twice, in a further process for each of these Pythons, parted by commas: python3.12,python3.13.
    """
    from lab.scenario.report import summary, told, write_junit
    from lab.scenario.result import Verdict
    from lab.scenario.runner import run as play

    begun, results = time.perf_counter(), []
    files = [found(path) for path in paths or ["scenarios"]]
    if twice or python:
        _require_plain(fabric=fabric != "sim" and fabric, junit=junit, capture=capture, pack=pack, jobs=jobs)
        pythons = [one for one in python.split(",") if one]
        return _twice(files, seed, str(_topology(topology) or ""), pythons, json)
    for result in play(files, fabric, seed or None, _topology(topology), jobs or None, capture or None, pack):
        results.append(result)
        if json:
            emit(result.to_json())
        else:
            print(harmless(told(result)), flush=True)
    if junit:
        try:
            write_junit(results, Path(junit))
        except OSError as error:
            raise unwritable(junit, error) from None
    print(summary(results, time.perf_counter() - begun), file=sys.stderr if json else sys.stdout)
    return 0 if all(result.verdict is Verdict.PASS for result in results) else 1


def _twice(files: Sequence[Path], seed: str, topology: str, pythons: Sequence[str], json: bool) -> int:
    from lab.cli.twice import run_twice
    from lab.scenario.play import Asked
    from lab.scenario.script import find

    return run_twice(find(files), Asked(seed=seed, topology=topology), pythons, json)


def _require_plain(**options: object) -> None:
    """What --twice cannot do is said, and not left out in silence."""
    given = [name for name, value in options.items() if value]
    if given:
        remedy = "It plays in memory and compares event by event; play once for the rest."
        raise WrongUse(f"--twice does not go with --{given[0]}", remedy=remedy, code="W012")


def found(path: str) -> Path:
    """The file or folder here, else the lab's own of that name."""
    from lab.topology.shipped import shipped

    places = [Path(path).expanduser(), *(folder / path for folder in shipped())] if path else []
    return next((place for place in places if exists(place)), Path(path or "(empty)"))


def _topology(name: str) -> Path | None:
    from lab.cli.topologies import find

    return find(name) if name else None
