"""The shipped scenarios come out in containers as they do in memory."""

from __future__ import annotations

import json

from tests.fabric.docker.labs import Bench


def play(bench: Bench, *words: str) -> None:
    done = bench.run("run", *words, "--fabric", "docker", "--json")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert results, done.stderr
    told = [f"{one['scenario']}: {one['verdict']} {one.get('message', '')}" for one in results]
    assert all(one["verdict"] == "pass" for one in results), "\n".join(told)


def test_all_of_them_where_a_lab_s_hosts_share_a_container(bench: Bench) -> None:
    play(bench, "scenarios", "--pack")


def test_some_of_them_where_each_host_has_its_own(bench: Bench) -> None:
    names = ("backup_holds_and_drains", "five_days_and_give_up", "partition", "imap_second_client_sees_it")
    play(bench, *(f"scenarios/{name}.py" for name in names))
