"""The processes of a guest: software of the user's own in a host's place on the local fabric.

    keeper   python -m lab.fabric.guest_process: makes a network, mounts and processes of its own, and waits
    first    process 1 in there: it passes a SIGTERM on, and ends when all the others have
    program  what the user named, and whatever it starts

The rule: a guest does not outlive the lab. The keeper holds a pipe from the lab, and when that ends, however it
ends, process 1 is killed, and with it the kernel kills all that is in there (pid_namespaces(7)).

The keeper says in lines: `here`, when the network is made; then the lab lays a cable there, and tells it in a
line of JSON (`main`) what to do; then the number of process 1, when the program is about to run. `refused NUMBER`
is the kernel's word.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.fabric.namespace import (
    NEW_MOUNT,
    NEW_NAME,
    NEW_NET,
    NEW_PROCESSES,
    keep_mounts_private,
    mount_processes,
    raise_interface,
    raise_loopback,
    unshare,
)
from lab.fabric.netlink import Routes
from lab.fabric.visit import dress
from lab.names import Address, DomainName

WIRE, CABLE = "eth0", "guest"
"""What a guest calls its end of the cable; with a number, what the lab calls the other."""
NOT_FOUND, NOT_STARTED = 127, 126
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG."""


def main() -> int:
    """What it is told: name, addresses, resolvers, ranges, folder (of its papers), root (PEM), command, at (the
    folder it begins in), said (the file of what it prints)."""
    try:
        unshare(NEW_NET | NEW_MOUNT | NEW_NAME | NEW_PROCESSES)
        keep_mounts_private()
        _say("here")
        told = sys.stdin.readline()
        if not told:
            return 0
        order = json.loads(told)
        _settle_in(order)
        first = os.fork()
    except OSError as error:
        _say(f"refused {error.errno}")
        return 1
    if first == 0:
        os._exit(_be_first(order))
    _say(str(first))
    return _keep(first)


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def _settle_in(order: dict[str, Any]) -> None:
    raise_loopback()
    raise_interface(WIRE)
    with Routes() as routes:
        wire = socket.if_nametoindex(WIRE)
        for address in order["addresses"]:
            routes.assign(Address(address), wire)
        routes.reach(order["ranges"], wire)
    resolvers = [Address(address) for address in order["resolvers"]]
    trusted = dress(DomainName(order["name"]), resolvers, Path(order["folder"]), order["root"].encode())
    os.environ.update(LAB_HOST=order["name"], SSL_CERT_FILE=str(trusted))


def _keep(first: int) -> int:
    """Until process 1 has ended, or the lab has let go; what the program's end was."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(os.pidfd_open(first), select.POLLIN)
    if any(descriptor == 0 for descriptor, _ in poll.poll()):
        os.kill(first, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF


# -- inside -------------------------------------------------------------------------------------------------


def _be_first(order: dict[str, Any]) -> int:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    with suppress(OSError):  # where the machine's own /proc is covered in places no other may be mounted
        mount_processes()
    program = os.fork()
    if program == 0:
        os._exit(_become(order))
    signal.signal(signal.SIGTERM, lambda *_: _pass_on(program))
    return _reap(program)


def _pass_on(program: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(program, signal.SIGTERM)


def _reap(program: int) -> int:
    """Bury whoever ends, until nobody is left: a daemon's parent ends first. What became of the program itself."""
    status = 0
    with suppress(ChildProcessError):
        while True:
            pid, how = os.wait()
            if pid == program:
                status = os.waitstatus_to_exitcode(how)
    return status & 0xFF


def _become(order: dict[str, Any]) -> int:
    command, said = order["command"], os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(here, there)
    os.setsid()
    try:
        os.chdir(order["at"])
        os.execvp(command[0], command)
    except FileNotFoundError:
        _say(f"there is no program '{command[0]}', seen from {order['at']}")
        return NOT_FOUND
    except OSError as error:
        _say(f"'{command[0]}' cannot be started: {(error.strerror or '').lower()}")
        return NOT_STARTED


if __name__ == "__main__":
    sys.exit(main())
