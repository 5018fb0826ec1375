"""`lab image`."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest

from lab.cli import app
from lab.cli.image import screen
from lab.fabric.docker.image.collection import Kept
from tests.fabric.docker.conftest import CACHE


@pytest.fixture
def _here(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE))
    monkeypatch.setenv("COLUMNS", "200")


def lab(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = app.guarded(["image", *words], app.dispatch)
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.engine
@pytest.mark.usefixtures("_here")
def test_build_says_what_is_there(capsys: pytest.CaptureFixture[str], host_image: str) -> None:
    status, out, _ = lab(capsys, "build", "--json")
    form = json.loads(out)
    assert status == 0
    assert (form["id"], form["variant"]) == (host_image, "host")
    assert form["octets"] > 50e6
    assert "✓ The image 'host' is up to date" in lab(capsys, "build")[1]


@pytest.mark.engine
@pytest.mark.usefixtures("_here")
def test_list_has_it(capsys: pytest.CaptureFixture[str], host_image: str) -> None:
    status, out, _ = lab(capsys, "--json")
    (found,) = [image for image in json.loads(out)["images"] if image["id"] == host_image]
    assert status == 0
    assert {"id", "name", "variant", "source", "octets", "current"} <= set(found)
    assert host_image.removeprefix("sha256:")[:12] in lab(capsys, "list")[1]


def test_an_image_that_is_stale_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def kept(name: str, is_current: bool) -> Kept:
        return Kept("sha256:0123456789abcdef", name, "host", "packages", 183_000_000, is_current)

    new, old, gone = ("".join(text for text, _ in line) for line in screen(
        [kept("mini-internet-lab:host", True), kept("mini-internet-lab:exim", False), kept("", False)]
    ))  # fmt: skip
    assert "183 MB  ✓ up to date" in new
    assert "○ older than the lab" in old
    assert gone.startswith(" (replaced)")


@pytest.mark.parametrize(
    ("words", "says"),
    [(["paint"], "'paint' is none of list, build, rm"), (["build", "sendmail"], "no image has the software")],
)
def test_wrong_words_are_told(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    status, _, err = lab(capsys, *words)
    assert status == 2
    assert says in err.lower()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_without_an_engine_it_is_the_machine_that_said_no(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    status, _, err = lab(capsys)
    gc.collect()  # the SDK leaves a socket that was not connected open
    assert status == 4
    assert "H040" in err
