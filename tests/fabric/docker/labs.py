"""A lab in containers, driven as a user drives it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
LAB = str(Path(sys.executable).with_name("lab"))
CACHE = ROOT / "build" / "cache"
OWN = """\
name: own
ranges: [10.77.0.0/16]
domains:
  here.test:
    mx: [5 mine.here.test, 10 mail.here.test]
    people: [ann]
    home: mail.here.test
    hosts:
      mine.here.test:
        mail: true
        command:
          - python3
          - -c
          - |
            import socket
            door = socket.create_server(("0.0.0.0", 25))
            while True:
                caller = door.accept()[0]
                caller.sendall(b"421 not today\\r\\n")
                caller.close()
  there.test:
    mx: [10 mail.there.test]
    people: [ed]
"""
"""A user's own program is the first exchanger, and says not today; the second one is the lab's."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A home and an engine. `run` is `lab …`, `says` its output where it succeeds, `tells` its JSON twin."""

    home: Path
    engine: str

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "LAB_HOME": str(self.home),
            "DOCKER_HOST": self.engine,
            "NO_COLOR": "1",
            "XDG_CACHE_HOME": str(CACHE),
        }
        return {**os.environ, **own}

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LAB, *words], capture_output=True, text=True, env=self.environment, cwd=ROOT, check=False, input=stdin
        )

    def says(self, *words: str, stdin: str = "") -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"lab {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def capturing(self, file: Path, *words: str) -> Iterator[None]:
        """`lab capture`, from when it looks; on leaving, it is told that it is enough."""
        with subprocess.Popen(
            [LAB, "capture", str(file), *words, "--json"],
            env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert "capturing" in process.stdout.readline()
            try:
                yield
            finally:
                process.send_signal(signal.SIGINT)
                said, wrong = process.communicate()
        assert process.returncode == 0, wrong
        assert json.loads(said)["dropped"] == 0

    def tells(self, *words: str) -> Any:
        return json.loads(self.says(*words, "--json").splitlines()[-1])


def left(api: Any, home: Path) -> list[str]:
    """What a lab of this home has on the engine."""
    label = {"label": f"mini-internet-lab={hashlib.sha256(str(home).encode()).hexdigest()[:12]}"}
    boxes = [name for box in api.containers(all=True, filters=label) for name in box["Names"]]
    networks = [network["Name"] for network in api.networks(filters=label)]
    return [*boxes, *networks, *(volume["Name"] for volume in api.volumes(filters=label)["Volumes"] or [])]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Labs of shipped topologies have the same addresses: on one engine they come up one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "alone").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
