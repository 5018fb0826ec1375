"""A Docker engine for the tests, and the image `host` in it.

The engine is that of DOCKER_HOST, or else the machine's, or else one that is started here and that all processes
of a test run share (guard.py). Where none can run, the tests skip and say so; where one can, that none does is a
failure. Layers are kept in build/, so that only the first run builds a base.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException

from lab.fabric.docker.image.ensure import ensure
from lab.fabric.docker.image.shelf import Shelf
from lab.fabric.docker.image.variants import HOST
from tests.fabric.docker.guard import swept
from tests.fabric.docker.labs import Bench, alone

_ROOT = Path(__file__).parents[3]
CACHE = _ROOT / "build" / "cache"
"""As XDG_CACHE_HOME: the tests' own layers."""
ENGINE = Path(tempfile.gettempdir(), f"lab-engine-{hashlib.sha256(str(_ROOT).encode()).hexdigest()[:8]}")
"""Of this checkout: not among pytest's own folders, which it could not remove while an engine has mounts there."""
_USUAL = "/var/run/docker.sock"
_CAP_NET_ADMIN, _CAP_SYS_ADMIN = 12, 21
_PATIENCE_S = 60


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The URL of an engine, as DOCKER_HOST has it."""
    named = os.environ.get("DOCKER_HOST", "")
    if named or answers(f"unix://{_USUAL}"):
        yield named or f"unix://{_USUAL}"
        return
    if not _may_start():
        pytest.skip("NO DOCKER ENGINE: none answers, and only root (with CAP_SYS_ADMIN) may start one")
    with shared(ENGINE) as url:
        yield url


@pytest.fixture(scope="session")
def api(engine: str) -> Iterator[Any]:
    """A docker.APIClient."""
    client = docker.APIClient(base_url=engine, version="auto")
    yield client
    client.close()


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    """Layers that outlive a test run."""
    return Shelf(CACHE / "mini-internet-lab" / "layers")


@pytest.fixture(scope="session")
def host_image(api: Any, shelf: Shelf) -> str:
    """The id of an image of this very lab, for any host without foreign software."""
    return ensure(api, HOST, print, shelf=shelf)


@pytest.fixture
def bench(engine: str, host_image: str) -> Iterator[Bench]:
    """Everybody's addresses, for one test."""
    with alone(ENGINE), tempfile.TemporaryDirectory() as home:
        yield (made := Bench(Path(home), engine))
        made.run("down")


def answers(url: str) -> bool:
    if url.startswith("unix:///") and not Path(url.removeprefix("unix://")).exists():
        return False
    try:
        docker.APIClient(base_url=url, version="auto").close()
    except DockerException:
        return False
    return True


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


def _may_start() -> bool:
    if sys.platform != "linux" or os.geteuid():
        return False
    status = Path("/proc/self/status").read_text("ascii")
    held = int(next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1], 16)
    return all(held >> capability & 1 for capability in (_CAP_NET_ADMIN, _CAP_SYS_ADMIN))
