"""An engine behind ssh: a real client, a real server, and what is told when either does not get through."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fabric.docker.labs import Bench
from tests.fabric.docker.pair import Machine
from tests.fabric.docker.sshd import server, sshd

Pair = tuple[Machine, Machine]


@dataclass(frozen=True, slots=True)
class There:
    """A server, and the folder in which its client's things are."""

    port: int
    folder: Path

    def place(self, machine: Machine) -> str:
        return f"ssh://root@127.0.0.1:{self.port}{machine.url.removeprefix('unix://')}={machine.address}"

    @property
    def rooms(self) -> Path:
        """Where the lab puts the sockets."""
        return self.folder / "tmp"

    def clients(self) -> list[int]:
        """The ssh processes that go there."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{self.folder}/client".encode() in (process / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found


@pytest.fixture
def there(tmp_path: Path, machines: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[There]:
    if not server():
        pytest.skip("NO SSH SERVER: make tools fetches Debian's")
    with sshd(tmp_path) as port:
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        (tmp_path / "tmp").mkdir()
        monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
        yield There(port, tmp_path)


def up(duo: Bench, machines: Pair, there: There) -> None:
    places = f"{machines[0].place},{there.place(machines[1])}"
    duo.says("up", "tiny", "--fabric", "docker", "--engines", places)


def test_a_lab_reaches_over_ssh(duo: Bench, machines: Pair, there: There) -> None:
    """Its shells go there too; if ssh ends, so do the hosts there, and `lab up` goes again."""
    up(duo, machines, there)
    far = [row["name"] for row in duo.tells("status")["hosts"] if row["engine"] == "127.0.0.1"]
    assert "mail.example.be" in far
    assert duo.tells("send", "--from", "ann@example.be", "--to", "ed@example.ch")["state"] == "delivered"
    assert (
        duo.says("shell", "mail.example.be", "--", "dig", "+short", "example.ch", "MX") == "10 mail.example.ch.\n"
    )
    (client,) = there.clients()
    ended(client, signal.SIGKILL)
    gone = [row["name"] for row in duo.tells("status")["hosts"] if row["state"] == "gone"]
    assert gone == far
    assert "mail.example.be" in duo.run("up").stderr
    assert duo.tells("send", "--from", "ed@example.ch", "--to", "ann@example.be")["state"] == "delivered"
    duo.says("down")
    assert there.clients() == []
    assert list(there.rooms.iterdir()) == []


def test_ssh_ends_with_a_lab_that_is_killed(duo: Bench, machines: Pair, there: There) -> None:
    up(duo, machines, there)
    (client,) = there.clients()
    handle = os.pidfd_open(client)
    os.kill(json.loads((duo.home / "lab.json").read_text("utf-8"))["pid"], signal.SIGKILL)
    assert select.select([handle], [], [], 60)[0]
    os.close(handle)
    pause = threading.Event()
    assert any(not there.clients() or pause.wait(0.1) for _ in range(600)), "the sweeper's own"
    assert any(not list(there.rooms.iterdir()) or pause.wait(0.1) for _ in range(600))


def ended(process: int, number: int) -> None:
    handle = os.pidfd_open(process)
    os.kill(process, number)
    assert select.select([handle], [], [], 60)[0]
    os.close(handle)


def test_a_machine_without_an_engine_is_told(duo: Bench, machines: Pair, there: There) -> None:
    nowhere = f"ssh://root@127.0.0.1:{there.port}/nowhere.sock"
    told = duo.run("up", "tiny", "--fabric", "docker", "--engines", f"{machines[0].place},{nowhere}")
    assert (told.returncode, "H051" in told.stderr, "Traceback" in told.stderr) == (4, True, False)
    assert there.clients() == []


def test_a_machine_that_lets_nobody_in_is_told(duo: Bench, machines: Pair, there: There) -> None:
    told = duo.run("up", "tiny", "--fabric", "docker", "--engines", f"ssh://nobody@127.0.0.1:{there.port}")
    assert (told.returncode, "lets this user in by no key   H050" in told.stderr.replace(".", "")) == (4, True)


def test_a_machine_that_is_unknown_is_told(duo: Bench, machines: Pair, there: There) -> None:
    told = duo.run("up", "tiny", "--fabric", "docker", "--engines", "ssh://no-such-machine.invalid")
    assert (told.returncode, "nobody knows a machine of that name" in told.stderr) == (4, True)
