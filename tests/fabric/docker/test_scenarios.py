"""Every shipped scenario comes out in containers as it does in memory."""

from __future__ import annotations

import json

from tests.fabric.docker.labs import Bench


def test_all_scenarios_have_the_same_verdict_in_containers(bench: Bench) -> None:
    done = bench.run("run", "scenarios", "--fabric", "docker", "--json")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) > 40, done.stderr
    failed = [
        f"{one['scenario']}: {one['verdict']} {one.get('message', '')}"
        for one in results
        if one["verdict"] != "pass"
    ]
    assert not failed, "\n".join(failed)
