"""An ssh server of the tests' own, on loopback, for as long as it is asked for.

It is Debian's, unpacked beside the tests (tests/install-tools), not installed: nothing starts it but a test. What
it wants of a machine (a user of its own, an account that is not locked, /run/sshd) is mounted over the machine's
in a mount namespace that it alone has. `folder` gets a host key, a user's key, and `ssh`: the real one with a
configuration that knows both, so that nothing of the user's own ~/.ssh is read.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNPACKED = Path(__file__).parents[3] / "build" / "sshd"
_SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
StrictModes no
PidFile none
PermitRootLogin prohibit-password
KbdInteractiveAuthentication no
PasswordAuthentication no
"""
_CLIENT = """
IdentityFile {folder}/user
IdentitiesOnly yes
UserKnownHostsFile {folder}/known
GlobalKnownHostsFile /dev/null
"""


def server() -> str:
    """The program; "" where there is none."""
    own = UNPACKED / "usr" / "sbin" / "sshd"
    return shutil.which("sshd") or (str(own) if own.exists() else "")


@contextmanager
def sshd(folder: Path) -> Iterator[int]:
    """Its port."""
    port = _free_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text('ascii')}", "ascii")
    (folder / "server").write_text(_SERVER.format(port=port, folder=folder), "ascii")
    (folder / "client").write_text(_CLIENT.format(folder=folder), "ascii")
    (folder / "passwd").write_text(
        Path("/etc/passwd").read_text("utf-8") + "sshd:x:65533:65534::/run/sshd:/bin/false\n"
    )
    (folder / "shadow").write_text("root:*:20000:0:99999:7:::\nsshd:*:20000:0:99999:7:::\n", "ascii")
    ssh = folder / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/client "$@"\n', "utf-8")
    ssh.chmod(0o755)
    libraries = UNPACKED / "usr" / "lib" / f"{os.uname().machine}-linux-gnu"
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _inside(folder)],
            stderr=log,
            env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
        )
    try:
        _await(port, folder / "log")
        yield port
    finally:
        running.terminate()
        running.wait()


def _inside(folder: Path) -> str:
    mounts = [f"mount --bind {folder}/{name} /etc/{name}" for name in ("passwd", "shadow")]
    program = shlex.join([server(), "-D", "-e", "-f", f"{folder}/server"])
    return " && ".join([*mounts, "mount -t tmpfs none /run", "mkdir /run/sshd", f"exec {program}"])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await(port: int, log: Path) -> None:
    pause = threading.Event()
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            pause.wait(0.1)
        else:
            return
    raise AssertionError(log.read_text("utf-8", "replace"))
