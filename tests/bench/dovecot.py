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

PORT = 10143
IS_THERE = shutil.which("dovecot") is not None
_OWNER = 1000
_SETTINGS = """
protocols = imap
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
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
}}
"""


@contextmanager
def serving(messages: Sequence[bytes]) -> Iterator[tuple[str, int]]:
    """Where ed's mailbox with these messages is served."""
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        folder = Path(root)
        folder.chmod(0o755)
        _fill(folder / "mail", messages)
        settings = folder / "dovecot.conf"
        settings.write_text(_SETTINGS.format(folder=folder, owner=_OWNER, port=PORT))
        for name in ("run", "state"):
            (folder / name).mkdir()
        program = subprocess.Popen(["dovecot", "-F", "-c", str(settings)])
        try:
            _wait_for_it()
            yield "127.0.0.1", PORT
        finally:
            program.terminate()
            program.wait()


def _fill(mail: Path, messages: Sequence[bytes]) -> None:
    for name in ("cur", "new", "tmp"):
        (mail / name).mkdir(parents=True)
    for number, octets in enumerate(messages):
        (mail / "cur" / f"{1_767_600_000 + number}.M{number}.bench:2,").write_bytes(octets)
    subprocess.run(["chown", "-R", f"{_OWNER}:{_OWNER}", str(mail)], check=True)


def _wait_for_it() -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", PORT)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("dovecot does not start")
