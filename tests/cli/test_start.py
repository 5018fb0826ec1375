"""How a lab begins and ends, and what is left when it cannot begin."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.control.home import Home

Command = Any
"""`lab` where none is up; see conftest.py."""


def left_in(command: Command) -> set[str]:
    return {path.name for path in command.home.iterdir()}


def test_up_says_what_scripts_lean_on_and_down_leaves_only_the_diary_and_the_log(command: Command) -> None:
    up = command.apart("up", "tiny", "--fabric", "sim", "--json")
    form = json.loads(up.stdout)
    assert set(form) >= {"lab", "fabric", "topology", "hosts", "ready_s", "dashboard"}
    assert form["fabric"] == "sim"
    assert command("down").status == 0
    assert left_in(command) == {"lock", "daemon.log", "last.jsonl"}
    assert command("replay", str(command.home / "last.jsonl")).status == 0
    assert command("down").status == 3


def test_the_first_screen_lists_hosts_doors_and_what_to_try(command: Command) -> None:
    said = " ".join(command.apart("up", "belgium", "--fabric", "sim").stdout.split())  # however wide it is
    try:
        assert 'mini-Internet "belgium" · sim' in said
        assert "delegates be. ch. com." in said
        assert "holds mail for belgiannews.com" in said
        assert "13 hosts ready in" in said
        assert "SOCKS5" in said
        assert "Try: lab dig belgiannews.com MX" in said
    finally:
        command("down")


def test_a_malformed_topology_is_shown_whole_and_nothing_is_started(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: bad\ndomians: {}\nresolvers: 7\n")
    up = command.apart("up", str(file))
    assert up.returncode == 2
    assert f"{file}:2:1: " in up.stderr
    assert "did you mean 'domains'?" in up.stderr
    assert "nothing was started." in up.stderr
    assert left_in(command) == {"lock", "daemon.log"}
    assert command("status").status == 3


def test_a_state_that_a_crash_left_is_noticed_and_cleared(command: Command) -> None:
    command.apart("up", "tiny", "--fabric", "sim")
    pid = Home(command.home).daemon()
    handle = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([handle], [], [])
    os.close(handle)
    said = command("status")
    assert said.status == 3
    assert "ended unexpectedly" in said.err
    again = command.apart("up", "tiny", "--fabric", "sim")
    try:
        assert again.returncode == 0
        assert "ended without 'lab down'" in again.stderr
    finally:
        assert command("down").status == 0


def test_a_daemon_that_dies_while_it_starts_shows_its_last_words(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif '-m' in sys.orig_argv and 'lab.control.daemon' in "
        "sys.orig_argv:\n    sys.exit('no such luck')\n"
    )
    words = [sys.executable, "-m", "lab.cli.app", "up", "tiny"]
    environment = {**os.environ, "LAB_HOME": str(command.home), "PYTHONPATH": str(tmp_path)}
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 4
    assert said.stderr.startswith(" The lab ended while it was starting   H023\n Its last words:\n")
    assert "no such luck\n" in said.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["up", "belgum"], "There is no topology file 'belgum'"),
        (["up", "--pace", "0"], "The pace is"),
        (["up", "--fabric", "dokcer"], "--fabric"),
    ],
)
def test_a_lab_that_cannot_be_is_refused_before_anything_starts(
    command: Command, words: list[str], sentence: str
) -> None:
    said = command(*words)
    assert said.status == 2
    assert sentence in said.err
    assert not command.home.exists()


def test_a_port_that_is_taken_is_named_and_nothing_is_started(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        up = command.apart("up", "tiny", "--fabric", "sim", "--door", f"{port}:mail.example.be:25")
    assert up.returncode == 4
    assert f"TCP port {port} of 127.0.0.1, the front door of mail.example.be 25, is taken" in up.stderr
    assert "H012" in up.stderr
    assert command("status").status == 3


def test_labs_stand_side_by_side(command: Command, tmp_path: Path) -> None:
    other = type(command)(tmp_path / "other")
    try:
        assert command.apart("up", "tiny", "--fabric", "sim").returncode == 0
        assert other.apart("up", "belgium", "--fabric", "sim").returncode == 0
        assert command.json("status")["lab"] == "tiny"
        assert other.json("status")["lab"] == "belgium"
    finally:
        command("down")
        other("down")


def test_lab_time_can_be_paced(command: Command) -> None:
    command.apart("up", "tiny", "--fabric", "sim", "--pace", "100000")
    try:
        assert command.json("clock")["elapsed_s"] > 100
    finally:
        command("down")


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_the_overview_needs_no_heavy_import(command: Command, word: str) -> None:
    heavy = ["cyclopts", "rich", "asyncio", "pydantic", "yaml", "dnslib", "aiosmtpd", "socket"]
    program = f"import sys; sys.argv = ['lab', {word!r}]; from lab.cli.app import main; main(); " \
              f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"  # fmt: skip
    said = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path = {sys.path!r}; {program}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert said.stderr == "[]\n"
