"""A dockerd of the tests' own, for as long as anybody holds its folder's lock: python guard.py FOLDER.

Test processes hold FOLDER/users shared. The kernel lets go of a lock when a process ends, however it ends; so once
this one has it for itself, nobody is left. It may stand beside another engine: it has a socket, folders and a
containerd of its own, makes no bridge that was not asked for, and leaves the machine's packet filter alone.
"""

import fcntl
import shutil
import subprocess
import sys
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
        for name in ("data", "exec"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "socket").unlink(missing_ok=True)


def command(folder: Path) -> list[str]:
    own = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    return [
        "dockerd",
        *(f"--{option}={folder / name}" for option, name in own.items()),
        f"--host=unix://{folder / 'socket'}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
