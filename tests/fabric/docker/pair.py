"""Two engines on two machines: each a dockerd in a network namespace of its own, and a wire between the two.

The wire is a pair of virtual interfaces that are born in those namespaces; the machine's own network has no part
in it, and no way leads from either to anywhere else. Addresses are of 198.51.100.0/24 (RFC 5737: for examples).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fabric.docker.dockerd import answers, shared
from tests.fabric.docker.guard import buried, command, lives

WIRE = "wire"
_CLONE_NEWNET = 0x40000000
_ALL_FRAMES = 3
_PATIENCE_S = 60


@dataclass(slots=True)
class Machine:
    """`place` is what `lab up --engines` is told."""

    folder: Path
    address: str
    network: int = -1
    mounts: int = -1
    """Open files of its namespaces, which keep them while no engine runs."""

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'socket'}"

    @property
    def place(self) -> str:
        return f"{self.url}={self.address}"

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text("ascii"))

    def run(self, *words: str) -> str:
        """A command in its network."""
        inside = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.network}", *words]
        return subprocess.run(inside, check=True, capture_output=True, text=True).stdout

    def kill(self) -> None:
        """Its engine and the containerd below it end, with no time to say goodbye."""
        for file in self._pids():
            with suppress(ProcessLookupError):  # the second ends with the first
                handle = os.pidfd_open(int(file.read_text("ascii")))
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                select.select([handle], [], [], _PATIENCE_S)
                os.close(handle)
            file.unlink()  # where nobody buries it, an engine would take it for alive

    def _pids(self) -> list[Path]:
        folder = self.folder
        return [folder / "pid", folder / "exec" / "containerd" / "containerd.pid"]

    def bury(self) -> None:
        """End what an engine that was killed has left."""
        buried(self.folder)

    def start(self) -> None:
        """Its engine starts again, for all who share it: the guard ends it, after the last of them."""
        folder = self.folder
        engine = command(folder)[-1].partition("exec ")[2]
        spaces = f"--net=/proc/{os.getpid()}/fd/{self.network}", f"--mount=/proc/{os.getpid()}/fd/{self.mounts}"
        inside = ["nsenter", *spaces, "sh", "-c", f"exec {engine}"]
        with (folder / "log").open("ab") as log:
            subprocess.Popen(
                inside, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            ).returncode = 0  # it outlives this process on purpose
        pause = threading.Event()
        for _ in range(_PATIENCE_S * 10):
            if answers(self.url):
                return
            pause.wait(0.1)
        raise AssertionError((folder / "log").read_text("utf-8", "replace")[-2000:])

    def listen(self) -> socket.socket:
        """A socket that hears every frame of its network."""
        return listening(self.network)


def listening(network: int | None = None) -> socket.socket:
    """One that hears every frame of a network namespace, or of the machine's own."""
    found: list[socket.socket] = []

    def listen() -> None:
        if network is not None and ctypes.CDLL(None, use_errno=True).setns(network, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        found.append(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_FRAMES)))

    thread = threading.Thread(target=listen)  # it alone goes there
    thread.start()
    thread.join()
    found[0].setblocking(False)
    with suppress(OSError):
        found[0].setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    return found[0]


def frames(ear: socket.socket) -> Iterator[bytes]:
    """The IPv4 packets that it heard so far."""
    with suppress(BlockingIOError):
        while True:
            octets, where = ear.recvfrom(1 << 16)
            if where[1] == 0x0800:
                yield octets


@contextmanager
def pair(folder: Path) -> Iterator[tuple[Machine, Machine]]:
    """Two machines, wired, for all who ask for this folder."""
    folder.mkdir(exist_ok=True)
    machines = Machine(folder / "a", "198.51.100.17"), Machine(folder / "b", "198.51.100.18")
    with ExitStack() as stack:
        for machine in machines:
            stack.enter_context(shared(machine.folder))
            machine.network, machine.mounts = (
                os.open(f"/proc/{machine.pid}/ns/{each}", os.O_RDONLY) for each in ("net", "mnt")
            )
            stack.callback(os.close, machine.network)
            stack.callback(os.close, machine.mounts)
        _wire(*machines)
        yield machines


@contextmanager
def mortal() -> Iterator[tuple[Machine, Machine]]:
    """Two machines of one test's own, whose engines it may kill: one that starts anew after that is not what other
    tests expect (its swarm had no bridge, once). Nothing of them is left behind."""
    with tempfile.TemporaryDirectory(prefix="lab-mortal-") as folder:
        with pair(Path(folder)) as machines:
            yield machines
        pause = threading.Event()
        for _ in range(_PATIENCE_S * 10):
            if not any(lives(folder)):
                return
            pause.wait(0.1)


def _wire(one: Machine, other: Machine) -> None:
    if WIRE in one.run("ip", "-brief", "link"):
        return
    one.run("ip", "link", "add", WIRE, "type", "veth", "peer", "name", WIRE, "netns", str(other.pid))
    for machine in (one, other):
        machine.run("ip", "address", "add", f"{machine.address}/28", "dev", WIRE)
        machine.run("ip", "link", "set", WIRE, "up")


@contextmanager
def on_loopback(url: str) -> Iterator[str]:
    """An engine's socket, at a TCP port of loopback; its URL there."""

    class Carry(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(url.removeprefix("unix://"))
                back = threading.Thread(target=_carry, args=(there, self.request))
                back.start()
                _carry(self.request, there)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Carry) as server:
        server.daemon_threads = True
        server.block_on_close = False
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Everything, and the end of it."""
    with suppress(OSError):
        while octets := source.recv(1 << 16):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
