"""A dockerd that tests start, and that all processes of a test run share."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests.fabric.docker.guard import swept

_CAP_NET_ADMIN, _CAP_SYS_ADMIN = 12, 21
_PATIENCE_S = 60


def answers(url: str) -> bool:
    if not url.startswith("unix://"):
        try:
            docker.APIClient(base_url=url, version="auto").close()
        except DockerException:
            return False
        return True
    with socket.socket(socket.AF_UNIX) as asking, suppress(OSError):
        asking.settimeout(_PATIENCE_S)
        asking.connect(url.removeprefix("unix://"))
        asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 OK" in asking.recv(1024)
    return False


@contextmanager
def shared(folder: Path) -> Iterator[str]:
    """An engine that all who ask for this folder share. The last one's end is the engine's."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"unix://{folder / 'socket'}"
    with (folder / "users").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with (folder / "starting").open("ab") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not answers(url):
                _start(folder, url)
        yield url


def _start(folder: Path, url: str) -> None:
    if shutil.which("dockerd") is None:
        pytest.fail("an engine could run here, but dockerd is not installed:  make tools", pytrace=False)
    swept(folder)
    bell = folder / "ready"
    bell.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(str(bell))
        ready.settimeout(_PATIENCE_S)
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("guard.py")), str(folder)],
            env={**os.environ, "NOTIFY_SOCKET": str(bell)},  # sd_notify(3)
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        ).returncode = 0  # it outlives this process on purpose
        with suppress(TimeoutError):
            ready.recv(1024)
    if not answers(url):
        pytest.fail(f"dockerd does not start:\n{(folder / 'log').read_text()[-1500:]}", pytrace=False)


def may_start() -> bool:
    if sys.platform != "linux" or os.geteuid():
        return False
    status = Path("/proc/self/status").read_text("ascii")
    held = int(next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1], 16)
    return all(held >> capability & 1 for capability in (_CAP_NET_ADMIN, _CAP_SYS_ADMIN))
