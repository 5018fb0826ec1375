"""The home of a lab: who holds it, what is stale, and paths that are too long for a socket address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.control.home import Home, home, listen, short_path
from lab.errors import MachineSaidNo

_HOLD = """
import sys
from pathlib import Path
from lab.control.home import Home
print(Home(Path(sys.argv[1])).hold(), flush=True)
sys.stdin.read()
"""


@contextmanager
def held(where: Home) -> Iterator[int]:
    """Another process holds the home's lock."""
    words = [sys.executable, "-c", _HOLD, str(where.path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "True\n"
        yield process.pid
        process.stdin.close()


@pytest.fixture
def where(tmp_path: Path) -> Home:
    made = Home(tmp_path / "lab")
    made.make()
    return made


def test_a_lab_is_up_while_its_process_holds_the_lock(where: Home) -> None:
    with held(where) as pid:
        assert where.daemon() == pid
    assert where.daemon() == 0


def test_only_one_process_holds_the_lock(where: Home) -> None:
    with held(where):
        assert not where.hold()


def test_what_a_crash_left_is_stale_and_can_be_cleared(where: Home) -> None:
    where.write({"pid": 1, "lab": "belgium"})
    (where.disks / "mail").mkdir(parents=True)
    assert where.is_stale()
    where.clear()
    assert not where.is_stale()
    assert not where.disks.exists()


def test_a_lab_that_runs_is_not_stale(where: Home) -> None:
    where.write({"lab": "belgium"})
    with held(where):
        assert not where.is_stale()


def test_a_torn_state_file_says_nothing(where: Home) -> None:
    where.state.write_text('{"lab": ')
    assert where.read() == {}


def test_the_folder_is_its_owners_alone(where: Home) -> None:
    assert where.path.stat().st_mode & 0o077 == 0


def test_what_is_not_the_labs_is_never_cleared_away(tmp_path: Path) -> None:
    project = Home(tmp_path)
    (project.disks / "production").mkdir(parents=True)
    with pytest.raises(MachineSaidNo, match="it has a 'hosts' that is not the lab's"):
        project.make()
    project.clear()
    assert (project.disks / "production").is_dir()


def test_a_folder_where_everybody_may_write_is_no_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(MachineSaidNo, match="everybody may write there"):
        Home(tmp_path).make()


def test_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        listen(tmp_path / "control.sock").close()
    finally:
        os.umask(before)
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_is_a_sentence_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineSaidNo, match="cannot keep its state") as caught:
        Home(tmp_path / "file" / "lab").make()
    assert "LAB_HOME" in caught.value.remedy


def test_lab_home_is_preferred_to_the_xdg_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("LAB_HOME", raising=False)
    assert home().path == tmp_path / "mini-internet-lab"
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "other"))
    assert home().path == tmp_path / "other"


@pytest.mark.skipif(sys.platform != "linux", reason="the way round is in /proc")
def test_a_socket_deep_in_the_folders_can_be_reached(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with listen(deep / "control.sock") as door, socket.socket(socket.AF_UNIX) as caller:
        with short_path(deep / "control.sock") as name:
            assert len(os.fsencode(name)) < 100
            caller.connect(name)
        door.accept()[0].close()


def test_a_socket_that_nobody_serves_any_more_is_replaced(tmp_path: Path) -> None:
    listen(tmp_path / "control.sock").close()
    listen(tmp_path / "control.sock").close()
