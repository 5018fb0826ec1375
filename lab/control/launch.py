"""Starting and stopping the daemon, from the side of whoever typed `lab up` and `lab down`.

The rule: the daemon says when it is ready, through a pipe; nobody polls. A line on the pipe is a remark, progress,
an error or {"ready": …}; a pipe that ends without the last means that the daemon died, and its diary says why.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from lab.control.client import not_up
from lab.control.home import Home
from lab.errors import MachineSaidNo, error_of
from lab.values import dataclass

_PATIENCE_MS = 10_000
"""How long a daemon may take to go down when it is asked to; then it is killed."""
_PATIENCE_WITH_AN_ENGINE_MS = 90_000
"""Containers are the engine's to remove, and a busy one takes its time."""


@dataclass(frozen=True, slots=True)
class Order:
    """What `lab up` asks for. `fabric` "" lets the machine decide: local where it can be, else sim."""

    topology: str
    fabric: str = ""
    pace: float = 1.0
    seed: str = ""
    doors: bool = True
    """Whether the doors that every lab has are opened."""
    door: tuple[str, ...] = ()
    """Further ones, at ports of the user's own."""
    share: str = ""
    """On docker: how many hosts a container has, or "organisation"; "" is one."""
    engines: tuple[str, ...] = ()
    """On docker: which engines; without any, the one of the user's environment."""


Progress = Callable[[int, int], None]


def start(
    where: Home, order: Order, remark: Callable[[str], None], progress: Progress = lambda done, of: None
) -> dict[str, Any]:
    """Start the daemon, detached from this terminal, and return what it says once every host serves.
    Whatever kept it from that is raised; nothing is left half-started then."""
    where.make()
    pid = where.daemon()
    if pid:
        raise already_up(where)
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as words:
        daemon = _spawn(where, order, writing)
        os.close(writing)
        try:
            with _sigterm_as_exit():
                return _listen(where, words, remark, progress)
        except BaseException:
            _give_up(daemon, _patience(order.fabric))
            raise


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """A polite kill is like Ctrl-C: whoever began takes away what was begun."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def already_up(where: Home) -> MachineSaidNo:
    name = where.read().get("lab", "")
    return MachineSaidNo(
        f"a lab is up already{f': {name}' if name else ''} (in {where.path})",
        remedy="Stop it first:  lab down        Or start another one beside it:  LAB_HOME=/tmp/lab2 lab up",
        code="H021",
    )


def _patience(fabric: str) -> int:
    """Milliseconds that a daemon has to end by itself."""
    return _PATIENCE_WITH_AN_ENGINE_MS if fabric == "docker" else _PATIENCE_MS


def _give_up(daemon: subprocess.Popen[bytes], patience_ms: int) -> None:
    """See to it that a daemon that did not come up (or is not wanted any more: Ctrl-C) is gone."""
    daemon.terminate()
    try:
        daemon.wait(patience_ms / 1000)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _spawn(where: Home, order: Order, writing: int) -> subprocess.Popen[bytes]:
    form = json.dumps({"home": str(where.path), "ready": writing, "order": asdict(order)})
    with where.diary.open("wb") as diary:
        # A session of its own: closing the terminal, or Ctrl-C in it, does not end the lab.
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "lab.control.daemon", form],
            stdin=subprocess.DEVNULL,
            stdout=diary,
            stderr=diary,
            pass_fds=[writing],
            start_new_session=True,
            cwd=where.path,
        )


def _listen(
    where: Home, words: Iterator[str], remark: Callable[[str], None], progress: Progress
) -> dict[str, Any]:
    for line in words:
        form = json.loads(line)
        if "error" in form:
            raise error_of(form["error"])
        if "ready" in form:
            ready: dict[str, Any] = form["ready"]
            return ready
        if "progress" in form:
            progress(*form["progress"])
        else:
            remark(form["remark"])
    raise MachineSaidNo(
        "the lab ended while it was starting",
        remedy=f"Its last words:\n{last_words(where)}\nAll of them are in {where.diary}",
        code="H023",
    )


def last_words(where: Home, lines: int = 3) -> str:
    """The end of the daemon's diary, indented."""
    try:
        written = where.diary.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    except OSError:
        written = []
    return "\n".join(f"   {line}" for line in written[-lines:]) or "   (none)"


def stop(where: Home) -> dict[str, Any]:
    """End the lab that runs in this home, and return what it was once it has ended. NotUp when none runs; what
    could not be taken away is raised when all else is gone."""
    pid, form = where.daemon(), where.read()
    if not pid:
        stale = not_up(where)
        where.clear()
        raise stale
    _end(pid, where)
    left = _farewell(where)
    where.clear()
    if left:
        raise error_of(left)
    return form


def _farewell(where: Home) -> dict[str, Any]:
    """What went wrong as the lab went down; nothing, as a rule."""
    try:
        form: dict[str, Any] = json.loads(where.farewell.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return form


def _end(pid: int, where: Home) -> None:
    """Signal the daemon and wait for its end. It is asked for by a handle that cannot come to mean another
    process (pidfd_open(2)), and only while it is the one that holds the lock."""
    handle = _handle(pid)
    patience = _patience(str(where.read().get("fabric", "")))
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if where.daemon() != pid:
                return
            os.kill(pid, number)
            if _has_ended(handle, where, patience):
                return
    finally:
        if handle is not None:
            os.close(handle)


def _handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid) if sys.platform == "linux" else None
    except OSError:
        return None


def _has_ended(handle: int | None, where: Home, patience_ms: int) -> bool:
    if handle is not None:
        return bool(select.select([handle], [], [], patience_ms / 1000)[0])
    for _ in range(patience_ms // 20):  # no handle on this system: look at the lock every 20 ms
        select.select([], [], [], 0.02)
        if not where.is_up():
            return True
    return False
