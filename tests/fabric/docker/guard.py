"""A dockerd of the tests' own, for as long as anybody holds its folder's lock: python guard.py FOLDER.

Test processes hold FOLDER/users shared. The kernel lets go of a lock when a process ends, however it ends; so once
this one has it for itself, nobody is left. It may stand beside another engine: it has a socket, folders, a
containerd and a network namespace of its own: its bridges and its packet filter are none of the machine's, and
nothing that its containers send can reach the machine's network. (Beside an engine that drops what is forwarded,
bridged frames would be dropped too.) What it mounts is mounted for it alone, and gone with it.
"""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PATIENCE_S = 20


def main(folder: Path) -> None:
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(command(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    with (folder / "users").open("rb") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        engine.terminate()
        with suppress(subprocess.TimeoutExpired):
            engine.wait(_PATIENCE_S)
        engine.kill()
        engine.wait()
        buried(folder)
        swept(folder)


def buried(folder: Path) -> None:
    """End what an engine that was killed has left, each container's shim, and an engine that a test has put in its
    place: all of them name the folder."""
    for pid in lives(f"{folder}/exec"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def lives(name: str) -> Iterator[int]:
    """Processes whose command line has this in it."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if name.encode() in (process / "cmdline").read_bytes():
                yield int(process.name)


def swept(folder: Path) -> None:
    """Take away what an engine leaves that did not end well: its mounts first."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], stderr=subprocess.DEVNULL, check=False)
    for name in ("data", "exec"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "socket").unlink(missing_ok=True)


def command(folder: Path) -> list[str]:
    own = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    options = [*(f"--{option}={folder / name}" for option, name in own.items()), "--bridge=none"]
    engine = shlex.join(["dockerd", f"--host=unix://{folder / 'socket'}", *options])
    return ["unshare", "--net", "--mount", "sh", "-c", f"ip link set lo up; exec {engine}"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
