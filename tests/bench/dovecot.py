"""Dovecot from Debian as an anchor: the same mailbox, the same client, on the loopback of a private network."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PORTS = {"imap": 10143, "pop3": 10110}
PROTOCOLS = tuple(name for name in PORTS if Path("/usr/lib/dovecot", name).exists() and shutil.which("dovecot"))
"""Those that are installed: dovecot-imapd, dovecot-pop3d."""
_OWNER = 1000
_SETTINGS = """
protocols = {protocol}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={folder}/mail
}}
service {protocol}-login {{
  inet_listener {protocol} {{
    port = {port}
  }}
}}
"""


@contextmanager
def serving(messages: Sequence[bytes], protocol: str = "imap") -> Iterator[tuple[str, int]]:
    """Where ed's mailbox with these messages is served."""
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        folder, port = Path(root), PORTS[protocol]
        folder.chmod(0o755)
        _fill(folder / "mail", messages)
        settings = folder / "dovecot.conf"
        settings.write_text(_SETTINGS.format(folder=folder, owner=_OWNER, protocol=protocol, port=port))
        for name in ("run", "state"):
            (folder / name).mkdir()
        program = subprocess.Popen(["dovecot", "-F", "-c", str(settings)])
        try:
            _wait_for(port)
            yield "127.0.0.1", port
        finally:
            program.terminate()
            program.wait()


def _fill(mail: Path, messages: Sequence[bytes]) -> None:
    for name in ("cur", "new", "tmp"):
        (mail / name).mkdir(parents=True)
    for number, octets in enumerate(messages):
        (mail / "cur" / f"{1_767_600_000 + number}.M{number}.bench:2,").write_bytes(octets)
    subprocess.run(["chown", "-R", f"{_OWNER}:{_OWNER}", str(mail)], check=True)


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("dovecot does not start")
