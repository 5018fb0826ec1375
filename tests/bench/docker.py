"""Labs in containers, where an engine answers (DOCKER_HOST, or the machine's own).

Seconds are those of a user: from typing `lab up` to the screen, and `lab down`. The image is built before. Memory
is what the engine says of each container (`docker stats`: cgroup usage less inactive file pages), so that what
containers share, files in the page cache, counts for whichever read it first. A host's programs are read when
somebody calls: it is measured before, and once every mail host has sent and received a message.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def answers() -> bool:
    from docker import APIClient
    from docker.errors import DockerException

    try:
        APIClient(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"), version="auto").close()
    except DockerException:
        return False
    return True


@contextmanager
def up(topology: str, *words: str) -> Iterator[tuple[float, str]]:
    """(seconds until it serves, its home)."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        file = Path(home, "bench.yaml")
        file.write_text(topology)
        lab(home, "image", "build")
        begun = time.perf_counter()
        lab(home, "up", str(file), "--fabric", "docker", *words)
        try:
            yield time.perf_counter() - begun, home
        finally:
            lab(home, "down")


def lab(home: str, *words: str) -> str:
    environment = {**os.environ, "LAB_HOME": home, "NO_COLOR": "1"}
    program = str(Path(sys.executable).with_name("lab"))
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr or done.stdout)
    return done.stdout


def belgium() -> float:
    with up((ROOT / "topologies" / "belgium.yaml").read_text()) as (took, _):
        return took


def containers(count: int) -> float:
    """A team has two hosts; root, TLD, resolver and student are four more."""
    with up(f"name: bench\nteams: {(count - 4) // 2}\n") as (took, _):
        return took


def packed(hosts: int) -> float:
    with up(f"name: bench\nteams: {(hosts - 4) // 2}\n", "--pack") as (took, _):
        return took


def memory(words: tuple[str, ...], hosts: int, called: bool = False) -> float:
    """Megabytes a host; `called`: with mail from each mail host to the next."""
    from docker import APIClient

    text = f"name: bench\nteams: {(hosts - 4) // 2}\n"
    with up(text, *words) as (_, home):
        for sender, recipient in _neighbours(text) if called else ():
            lab(home, "send", "--from", sender, "--to", recipient)
        there = json.loads(lab(home, "status", "--json"))["hosts"]
        api = APIClient(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"), version="auto")
        boxes = [box for box in api.containers() if box["Names"][0].startswith("/lab.bench.")]
        return sum(_used(api.stats(box["Id"], stream=False)) for box in boxes) / len(there) / 1e6


def _neighbours(text: str) -> list[tuple[str, str]]:
    from lab.topology import loads

    plans = [plan.mail for plan in loads(text, "bench.yaml").hosts if plan.mail and plan.mail.mailboxes]
    people = [plan.mailboxes[0].address for plan in plans]
    return list(zip(people, [*people[1:], people[0]], strict=True))


def _used(stats: Any) -> float:
    memory = stats["memory_stats"]
    cached = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    return float(memory["usage"] - cached)


def down(count: int) -> float:
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        file = Path(home, "bench.yaml")
        file.write_text(f"name: bench\nteams: {(count - 4) // 2}\n")
        lab(home, "up", str(file), "--fabric", "docker")
        begun = time.perf_counter()
        lab(home, "down")
        return time.perf_counter() - begun
