"""A lab in containers, from `lab up` to `lab down`, as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.fabric.docker.labs import OWN, Bench, left


def test_the_story_of_the_readme_in_containers(bench: Bench, api: Any) -> None:
    up = bench.tells("up", "--fabric", "docker")
    assert (up["fabric"], up["hosts"]) == ("docker", 13)

    shell = lambda *words: bench.run("shell", *words)  # noqa: E731
    assert "5 mail.belgiannews.com." in shell("--", "nslookup", "-q=MX", "belgiannews.com").stdout
    assert shell("relay.eunet.be", "--", "getent", "hosts", "lab.belgium.mail.belgiannews.com").returncode == 2
    if api.version()["Version"] < "24":  # later ones overlook the option that keeps their resolver away
        dockers = ("dig", "+tries=1", "+time=1", "@127.0.0.11", "lab.belgium.mail.belgiannews.com")
        assert "connection refused" in shell("relay.eunet.be", "--", *dockers).stdout
    assert "inet 198.18.4.25/15" in shell("relay.eunet.be", "--", "ip", "address").stdout
    assert shell("--", "sh", "-c", "exit 7").returncode == 7
    assert shell("--", "touch", "/etc/mine").returncode != 0

    bench.says("fail", "mail.belgiannews.com")
    held = bench.tells("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com")
    assert held["state"] == "held"
    bench.says("heal", "mail.belgiannews.com")
    bench.says("clock", "+1h")
    assert bench.tells("journey", held["journey"])["state"] == "delivered"

    bench.says("fail", "mail.belgiannews.com", "--as", "unreachable")
    dialled = shell("--", "sh", "-c", "echo | telnet mail.belgiannews.com 25")
    assert "No route to host" in dialled.stdout + dialled.stderr
    bench.says("heal")
    words = ("--from", "me@unige.ch", "--to", "ed@belgiannews.com", "--server", "mail.belgiannews.com")
    assert shell("--", "swaks", *words, "--quit-after", "RCPT").returncode == 0

    bench.says("down")
    assert left(api, bench.home) == []


def test_a_container_that_is_killed_comes_back_with_its_mail(bench: Bench, api: Any) -> None:
    bench.says("up", "tiny", "--fabric", "docker")
    bench.says("send", "--from", "ann@example.be", "--to", "ed@example.ch", "--subject", "kept")
    api.kill("lab.tiny.mail.example.ch")
    states = {row["name"]: row["state"] for row in bench.tells("status")["hosts"]}
    assert states["mail.example.ch"] == "gone"
    told = bench.run("mailbox", "ed@example.ch")
    assert (told.returncode, "H046" in told.stderr) == (1, True)
    assert bench.tells("send", "--from", "ann@example.be", "--to", "ed@example.ch")["state"] == "queued"
    assert "Back again: mail.example.ch" in bench.run("up").stderr
    bench.says("clock", "+2h")
    assert len(bench.tells("mailbox", "ed@example.ch")["messages"]) == 2


def test_a_lab_that_is_killed_leaves_nothing(bench: Bench, api: Any) -> None:
    bench.says("up", "tiny", "--fabric", "docker")
    assert left(api, bench.home)
    os.kill(json.loads((bench.home / "lab.json").read_text())["pid"], signal.SIGKILL)
    for _ in range(400):
        if not left(api, bench.home):
            break
        subprocess.run(["sleep", "0.05"], check=True)
    assert left(api, bench.home) == []


def test_many_hosts_live_in_one_container(bench: Bench, api: Any) -> None:
    bench.says("up", "tiny", "--fabric", "docker", "--pack")
    boxes = [name for name in left(api, bench.home) if name.startswith("/")]
    assert boxes == ["/lab.tiny.pack-1"]
    assert bench.tells("send", "--from", "ann@example.be", "--to", "ed@example.ch")["state"] == "delivered"
    looked_up = bench.run("shell", "--", "dig", "+short", "example.ch", "MX")
    assert looked_up.stdout == "10 mail.example.ch.\n"


def test_no_engine_is_a_sentence(tmp_path: Path) -> None:
    told = Bench(tmp_path, f"unix://{tmp_path}/none").run("up", "tiny", "--fabric", "docker")
    assert told.returncode == 4
    assert "Docker does not answer" in told.stderr
    assert "H040" in told.stderr
    assert "Traceback" not in told.stderr


def test_software_of_one_s_own_takes_a_host_s_place(bench: Bench, api: Any) -> None:
    (bench.home / "own.yaml").write_text(OWN)
    bench.says("up", str(bench.home / "own.yaml"), "--fabric", "docker")
    send = ("send", "--from", "ed@there.test", "--to", "ann@here.test")
    told = bench.says(*send)
    assert "421 not today" in told
    assert "In ann's mailbox at mail.here.test" in told
    bench.says("fail", "mine.here.test")
    assert "mine.here.test:25  refused" in bench.says(*send)
    bench.says("heal")
    assert "421 not today" in bench.says(*send)
    bench.says("down")
    assert left(api, bench.home) == []


def test_software_of_one_s_own_that_ends_at_once_is_told_with_its_last_words(bench: Bench, api: Any) -> None:
    file = bench.home / "own.yaml"
    file.write_text(OWN.replace("import socket", "raise SystemExit('no such option: --listen')"))
    told = bench.run("up", str(file), "--fabric", "docker")
    assert told.returncode == 4
    assert "no such option: --listen" in told.stderr
    assert left(api, bench.home) == []
