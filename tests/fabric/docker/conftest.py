"""A Docker engine for the tests, and the image `host` in it.

The engine is that of DOCKER_HOST, or else the machine's, or else one that is started here and that all processes
of a test run share (guard.py). Where none can run, the tests skip and say so; where one can, that none does is a
failure. Layers are kept in build/, so that only the first run builds a base.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest

from lab.fabric.docker.image.ensure import ensure
from lab.fabric.docker.image.shelf import Shelf
from lab.fabric.docker.image.variants import HOST
from tests.fabric.docker.dockerd import answers, may_start, shared
from tests.fabric.docker.labs import Bench, alone
from tests.fabric.docker.pair import Machine, mortal, pair

_ROOT = Path(__file__).parents[3]
CACHE = _ROOT / "build" / "cache"
"""As XDG_CACHE_HOME: the tests' own layers."""
ENGINE = Path(tempfile.gettempdir(), f"lab-engine-{hashlib.sha256(str(_ROOT).encode()).hexdigest()[:8]}")
"""Of this checkout: not among pytest's own folders, which it could not remove while an engine has mounts there."""
PAIR = ENGINE.with_name(f"{ENGINE.name}-pair")
_USUAL = "/var/run/docker.sock"


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The URL of an engine, as DOCKER_HOST has it."""
    named = os.environ.get("DOCKER_HOST", "")
    if named or answers(f"unix://{_USUAL}"):
        yield named or f"unix://{_USUAL}"
        return
    if not may_start():
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


@pytest.fixture(scope="session")
def can_start_engines() -> None:
    if not may_start():
        pytest.skip("NO TWO ENGINES: only root (with CAP_SYS_ADMIN) may start them")
    if shutil.which("dockerd") is None and Path("/var/run/docker.sock").exists():
        pytest.skip("NO TWO ENGINES: this machine has an engine, but no dockerd to start others with")


@pytest.fixture
def lone(can_start_engines: None) -> Iterator[tuple[Bench, Machine]]:
    """An engine of one test's own, which it may kill."""
    with mortal() as (engine, _), tempfile.TemporaryDirectory() as home:
        yield (made := Bench(Path(home), engine.url)), engine
        made.run("down")


@pytest.fixture(scope="session")
def both(can_start_engines: None) -> Iterator[tuple[Machine, Machine]]:
    PAIR.mkdir(exist_ok=True)
    with ExitStack() as stack:
        with alone(PAIR):
            machines = stack.enter_context(pair(PAIR))
        yield machines


@pytest.fixture
def machines(both: tuple[Machine, Machine]) -> Iterator[tuple[Machine, Machine]]:
    """Two engines, for one test; processes of a test run share them."""
    with alone(PAIR):
        yield both


@pytest.fixture
def duo(machines: tuple[Machine, Machine]) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as home:
        yield (made := Bench(Path(home), machines[0].url))
        made.run("down")
