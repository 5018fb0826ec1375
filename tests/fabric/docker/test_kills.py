"""What a host has accepted outlives the container it was in."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.fabric.docker.labs import ROOT, Bench

KILLS = 10


def test_nothing_accepted_is_lost_when_containers_are_killed_under_load(bench: Bench, host_image: str) -> None:
    words = [sys.executable, "-m", "tests.fabric.docker.kills", host_image, str(KILLS), "1"]
    done = subprocess.run(
        words, capture_output=True, text=True, env=bench.environment, cwd=ROOT, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kills"] == KILLS
    assert told["accepted"] > 3 * KILLS
    assert told["lost"] == []
