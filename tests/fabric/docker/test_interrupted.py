"""A lab that is broken off while it comes up, and one whose engine goes: nothing is left, and somebody says so."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from lab.control.home import Home
from tests.fabric.docker.labs import LAB, ROOT, Bench, left
from tests.fabric.docker.pair import Machine


def until(come: Callable[[], bool]) -> bool:
    pause = Event()
    return any(come() or pause.wait(0.05) for _ in range(2400))


@pytest.mark.parametrize(
    ("number", "daemon"),
    [(signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGKILL, True)],
)
def test_who_breaks_off_a_lab_that_comes_up_leaves_nothing(
    bench: Bench, api: Any, number: int, daemon: bool
) -> None:
    """The signal reaches `lab up`, as Ctrl-C does; or the lab itself, which is another process."""
    with subprocess.Popen(
        [LAB, "up", "belgium", "--fabric", "docker"],
        env=bench.environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert until(lambda: any(name.startswith("/") for name in left(api, bench.home)))
        os.kill(Home(bench.home).daemon() if daemon else process.pid, number)
        _, said = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in said
    assert until(lambda: not Home(bench.home).is_up() and not left(api, bench.home)), left(api, bench.home)
    assert "H020" in bench.run("status").stderr


def test_an_engine_that_starts_anew_has_the_lab_back_with_its_mail(lone: tuple[Bench, Machine]) -> None:
    bench, engine = lone
    bench.says("up", "tiny", "--fabric", "docker", "--pack")
    send = ("send", "--from", "ann@example.be", "--to", "ed@example.ch")
    assert bench.tells(*send)["state"] == "delivered"
    engine.kill()
    assert {row["state"] for row in bench.tells("status")["hosts"]} == {"gone"}
    told = bench.run("up")
    assert (told.returncode, "H040" in told.stderr) == (4, True)
    engine.bury()
    engine.start()
    assert "Back again: " in bench.run("up").stderr
    assert bench.tells(*send)["state"] == "delivered"
    assert len(bench.tells("mailbox", "ed@example.ch")["messages"]) == 2


def test_a_lab_whose_engine_is_gone_goes_down_and_says_what_stays(lone: tuple[Bench, Machine]) -> None:
    bench, engine = lone
    bench.says("up", "tiny", "--fabric", "docker", "--pack")
    engine.kill()
    told = bench.run("down")
    assert (told.returncode, "H040" in told.stderr) == (4, True)
    assert "The lab is down. What it has there goes when one comes up" in " ".join(told.stderr.split())
    assert "H020" in bench.run("down").stderr
    engine.bury()
    engine.start()
    bench.says("up", "tiny", "--fabric", "docker", "--pack")
    bench.says("down")
