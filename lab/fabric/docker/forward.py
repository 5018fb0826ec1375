"""The socket of an engine on another machine, here: OpenSSH carries it.

The rule: one ssh(1) for an engine, with all that the user's ~/.ssh/config says, and it asks nobody anything: keys
and host keys are there, or it is a sentence. It lasts as long as somebody holds its standard input: when the lab
ends, however it ends, the command at the far end (`cat`) reads the end of file, and ssh goes. Before that the
command says which addresses ssh used; by the server's, other engines can reach that machine.

A forwarded socket, rather than `docker system dial-stdio`: it needs no docker client there, and one login instead
of one for each connection; and everything above sees a Unix socket.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from lab.errors import MachineSaidNo
from lab.fabric.docker.whereabouts import Login

_PATIENCE_S = 30
_MARK = "lab-is-there"
_OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=15",
    "ExitOnForwardFailure=yes",
    "StreamLocalBindUnlink=yes",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "ControlMaster=no",
    "ControlPath=none",
)  # a shared connection would outlive the lab, and forward for it
_THERE = f'echo {_MARK} "$SSH_CONNECTION"; exec cat'


def command(login: Login, socket: Path) -> list[str]:
    """What is run to have a machine's socket here."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    port = ["-p", str(login.port)] if login.port else []
    return ["ssh", "-T", *options, "-L", f"{socket}:{login.socket}", *port, "--", login.host, _THERE]


class Forward:
    """A socket here that leads to one there. MachineSaidNo (H050) where ssh does not get through."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.folder = Path(tempfile.mkdtemp(prefix="lab-ssh-"))
        self.socket = self.folder / "docker.sock"
        self._words = self.folder / "words"
        try:
            self._process = self._start()
            self.near, self.far = self._await_far_end()
            """The addresses of ssh's connection, here and there; "" if nobody knows."""
        except BaseException:
            self.close()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        with self._words.open("wb") as words:
            pipe = subprocess.PIPE
            try:
                return subprocess.Popen(
                    command(self.login, self.socket), stdin=pipe, stdout=pipe, stderr=words, start_new_session=True
                )
            except FileNotFoundError:
                raise MachineSaidNo(
                    f"{self.login} cannot be reached: this machine has no ssh.",
                    remedy="Debian: apt install openssh-client",
                    code="H050",
                ) from None

    def _await_far_end(self) -> tuple[str, str]:
        assert self._process.stdout is not None
        said = _line_with_mark(self._process.stdout)
        if said is None:
            self._end()
            raise refusal(self.words, self.login)
        near, _, far, *_ = [*said.split()[1:], "", "", ""]
        return near, far

    @property
    def words(self) -> str:
        """What ssh said on its standard error."""
        return self._words.read_text("utf-8", "replace") if self._words.exists() else ""

    @property
    def is_open(self) -> bool:
        return self._process.poll() is None

    def _end(self) -> None:
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def close(self) -> None:
        """End it; nothing of it is left."""
        if hasattr(self, "_process"):
            self._end()
        shutil.rmtree(self.folder, ignore_errors=True)


def _line_with_mark(far: IO[bytes]) -> str | None:
    """The far end's word, past whatever its shell greets with; None where it ended, or says nothing for long."""
    heard = b""
    while select.select([far], [], [], _PATIENCE_S)[0]:
        octets = os.read(far.fileno(), 4096)
        if not octets:
            return None
        heard += octets
        for line in heard.split(b"\n")[:-1]:
            if line.startswith(_MARK.encode()):
                return line.decode("ascii", "replace")
    return None


_REFUSALS = (
    ("could not resolve hostname", "nobody knows a machine of that name",
     "Is it right?  ~/.ssh/config may have another."),
    ("host key verification failed", "its host key is not known here, or is another than it was",
     "Go there once by hand, and see whether it is the right one:  ssh {host}"),
    ("permission denied", "ssh lets this user in by no key",
     "This has to work without a question:  ssh {host} true   (ssh-copy-id, ssh-agent)"),
    ("connection refused", "no ssh server answers there", "Is one running, at that port?"),
    ("timed out", "nobody answers there", "Is the machine up, and the way to it open?"),
    ("no route to host", "there is no way to it", "Is the machine up, and the way to it open?"),
)  # fmt: skip


def refusal(words: str, login: Login) -> MachineSaidNo:
    """Why ssh did not get through, in a sentence."""
    for theirs, ours, remedy in _REFUSALS:
        if theirs in words.lower():
            return MachineSaidNo(
                f"{login} cannot be reached: {ours}.", remedy=remedy.format(host=login.words), code="H050"
            )
    last = (words.strip().splitlines() or ["it said nothing"])[-1].strip()
    return MachineSaidNo(
        f"{login} cannot be reached: {last}",
        remedy=f"This has to work without a question:  ssh {login.words} true",
        code="H050",
    )


def nothing_behind(words: str, login: Login) -> MachineSaidNo:
    """ssh got through, and no engine answers at the socket there."""
    if "administratively prohibited" in words.lower():
        why, remedy = "its ssh server forwards no sockets", "In its sshd_config:  AllowStreamLocalForwarding yes"
    elif "permission denied" in words.lower():
        why, remedy = "this user may not speak to it", "There: join the group 'docker'."
    else:
        why, remedy = "nothing answers", f"Is an engine running there?  ssh {login.words} docker info"
    return MachineSaidNo(
        f"{login} is there, but no Docker engine at its {login.socket}: {why}.", remedy=remedy, code="H051"
    )
