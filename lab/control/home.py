"""Where a running lab keeps what it needs on the machine: one folder, $LAB_HOME or else the XDG state folder.

The rule: a lab is up exactly as long as its daemon holds the folder's lock, and the kernel tells who that is
(fcntl(2), F_GETLK). It lets go of a lock when its process ends, however it ends, so neither a recycled process
number nor a reboot can look like a lab that runs. What stands in `lab.json` counts only while the lock is held;
without it, it is what a crash left behind.

Several labs stand side by side in several folders. A folder is its owner's alone (mode 0700): whoever may
write to the socket steers the lab.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lab.errors import MachineSaidNo
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one lab."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def state(self) -> Path:
        """What the daemon says of itself, as JSON: its process number, fabric, topology and front doors."""
        return self.path / "lab.json"

    @property
    def socket(self) -> Path:
        return self.path / "control.sock"

    @property
    def diary(self) -> Path:
        """What the daemon writes while it runs; its last words when it dies."""
        return self.path / "daemon.log"

    @property
    def disks(self) -> Path:
        """The hosts' disks, where the fabric keeps them on the machine."""
        return self.path / "hosts"

    @property
    def visits(self) -> Path:
        """What covers the machine's files of names for those who visit the lab."""
        return self.path / "visits"

    @property
    def root(self) -> Path:
        """The certificate of the lab's authority: who trusts it trusts the lab's hosts, by their names."""
        return self.path / "ca.pem"

    @property
    def last_run(self) -> Path:
        """The event log of the lab that ran here last."""
        return self.path / "last.jsonl"

    @property
    def farewell(self) -> Path:
        """What went wrong as the lab went down, for whoever took it down: an error's form, as JSON."""
        return self.path / "farewell.json"

    def make(self) -> None:
        """Have the folder there, for this user alone. MachineSaidNo (H022) where that cannot be."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            flaw = self._flaw()
            if not flaw:
                with self.lock.open("a"):
                    pass
        except OSError as error:
            flaw = (error.strerror or str(error)).lower()
        if flaw:
            raise MachineSaidNo(
                f"the lab cannot keep its state in {self.path}: {flaw}",
                remedy="Name another folder:  LAB_HOME=~/lab lab up",
                code="H022",
            )

    def _flaw(self) -> str:
        """What speaks against a folder that was there before: others could steer the lab or lay links in its way,
        or `clear` would take away what is not the lab's."""
        there = self.path.stat()
        if os.geteuid() and there.st_uid != os.geteuid():
            return "it belongs to another user"
        if there.st_mode & stat.S_IWOTH:
            return "everybody may write there"
        other = [path.name for path in (self.disks, self.visits, self.state, self.socket) if path.exists()]
        return "" if self.lock.exists() or not other else f"it has a '{other[0]}' that is not the lab's"

    def daemon(self) -> int:
        """The number of the process that runs the lab; 0 when none does. Not for the daemon itself: a process
        that closes a file loses its locks on it (fcntl(2))."""
        try:
            with self.lock.open("rb") as file:
                return _holder(file.fileno())
        except OSError:
            return 0

    def is_up(self) -> bool:
        return self.daemon() != 0

    def hold(self) -> bool:
        """Take the lock for as long as this process lives; False when another has it."""
        number = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(number)
            return False
        return True

    def read(self) -> dict[str, Any]:
        """What the daemon wrote of itself; empty when it wrote nothing."""
        try:
            form = json.loads(self.state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return form if isinstance(form, dict) else {}

    def write(self, form: dict[str, Any]) -> None:
        """Written whole or not at all."""
        draft = self.state.with_suffix(".new")
        draft.write_text(json.dumps(form, indent=1) + "\n", encoding="utf-8")
        draft.rename(self.state)

    def is_stale(self) -> bool:
        """Whether a lab ended here without taking its things along (a crash, a reboot)."""
        return (self.state.exists() or self.socket.exists()) and not self.is_up()

    def clear(self) -> None:
        """Take away what belongs to a running lab. Its diary and its last event log stay. Where there is no lock
        there never was a lab, and nothing is its own."""
        if not self.lock.exists():
            return
        for path in (self.socket, self.state, self.root, self.farewell):
            with suppress(OSError):
                path.unlink()
        for folder in (self.disks, self.visits):
            shutil.rmtree(folder, ignore_errors=True)


def home() -> Home:
    """The lab that this user's verbs speak to."""
    named = os.environ.get("LAB_HOME")
    if named:
        return Home(Path(named).expanduser().absolute())
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Home(Path(state).expanduser().absolute() / "mini-internet-lab")


_FLOCK = "hhqqi" if sys.platform != "darwin" else "qqihh"
"""struct flock: type, whence, start, length, process; on macOS the first two come last."""


def _holder(number: int) -> int:
    """The process that keeps others from a write lock on the file; 0 for none."""
    mac = sys.platform == "darwin"
    asked = (0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET) if mac else (fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    told = struct.unpack(_FLOCK, fcntl.fcntl(number, fcntl.F_GETLK, struct.pack(_FLOCK, *asked)))
    kind, process = (told[3], told[2]) if mac else (told[0], told[4])
    return 0 if kind == fcntl.F_UNLCK else int(process)


_LONGEST = 100
"""sockaddr_un holds 108 octets on Linux and 104 on macOS, the final zero among them."""


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A path to the same socket that fits into a socket address, however deep its folder lies."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """A Unix socket that listens at `path`, in the place of one that nobody serves any more."""
    with suppress(FileNotFoundError):
        path.unlink()
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as name:
        door.bind(name)
    path.chmod(0o600)
    door.listen(64)
    return door
