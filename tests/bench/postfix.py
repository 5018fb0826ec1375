"""Postfix from Debian as an anchor: the same client, the same disk, every message on stable storage before its
250.

Where the package is installed, or unpacked below build/postfix (`apt-get download postfix && dpkg -x postfix*.deb
build/postfix`). What it takes it discards behind its queue; it listens on the loopback of a private network.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PORT = 2525
_PLACES = (Path("/"), Path(__file__).parents[2] / "build" / "postfix")
FOUND = next((place for place in _PLACES if (place / "usr/lib/postfix/sbin/master").exists()), None)
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
daemon_directory = {root}/usr/lib/postfix/sbin
command_directory = {root}/usr/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {folder}/conf
import_environment = MAIL_CONFIG LD_LIBRARY_PATH={root}/usr/lib/postfix
mail_owner = {owner}
setgid_group = {group}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.belgiannews.com
mydestination =
mynetworks = 127.0.0.0/8
default_transport = discard
smtpd_recipient_restrictions = permit_mynetworks, reject
alias_maps =
local_recipient_maps =
default_process_limit = 200
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
"""
_MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""
_QUEUES = [
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
    "maildrop",
    "public",
    "pid",
]


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Where it takes mail. As root."""
    assert FOUND is not None
    owner = _known(pwd.getpwnam, "postfix", "daemon")
    group = _known(grp.getgrnam, "postdrop", "mail")
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        folder = Path(root)
        folder.chmod(0o755)
        _fill(folder, owner, group)
        environment = {
            **os.environ,
            "LD_LIBRARY_PATH": f"{FOUND}/usr/lib/postfix",
            "MAIL_CONFIG": f"{folder}/conf",
        }
        program = subprocess.Popen(
            [f"{FOUND}/usr/lib/postfix/sbin/master", "-c", f"{folder}/conf", "-d"], env=environment
        )
        try:
            _wait_for(PORT, folder)
            yield "127.0.0.1", PORT
        finally:
            program.terminate()
            program.wait()


def _known(look: object, name: str, instead: str) -> str:
    try:
        look(name)  # type: ignore[operator]
    except KeyError:
        return instead
    return name


def _fill(folder: Path, owner: str, group: str) -> None:
    conf = folder / "conf"
    conf.mkdir()
    values = {"folder": folder, "root": str(FOUND).rstrip("/"), "owner": owner, "group": group, "port": PORT}
    (conf / "main.cf").write_text(_MAIN.format(**values))
    (conf / "master.cf").write_text(_MASTER.format(**values))
    number = pwd.getpwnam(owner).pw_uid
    for name in ("data", *(f"spool/{queue}" for queue in _QUEUES)):
        (folder / name).mkdir(parents=True)
        os.chown(folder / name, number, -1)
        (folder / name).chmod(0o755 if name.endswith(("pid", "public")) else 0o700)


def _wait_for(port: int, folder: Path) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            if line.recv(100).startswith(b"220"):
                return
        time.sleep(0.1)
    log = folder / "log"
    raise SystemExit(f"postfix does not start: {log.read_text()[-2000:] if log.exists() else ''}")
