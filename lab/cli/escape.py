"""The proof that nothing leaves the lab: read from the kernel, of the process in which every host lives.

The rule: no packet is sent to find out. What a process could reach stands in /proc: its network's interfaces and
routes, and its own sockets. Inside the private network one more question is put to the kernel: which way it would
send a datagram to 192.0.2.1 (TEST-NET-1, RFC 5737). connect(2) on a UDP socket looks the route up, no more.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from lab.control.home import Home
from lab.fabric.guest_process import CABLE

Told = tuple[Literal["good", "wait", "bad"], str]

_ASK = """
import socket, sys
from lab.fabric.namespace import join
join(int(sys.argv[1]))
sys.exit(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect_ex(("192.0.2.1", 25)))
"""


def outward(where: Home) -> Iterator[Told]:
    """What keeps the running lab in."""
    pid, form = where.daemon(), where.read()
    if not pid:
        yield "good", "no lab is up; a lab dials addresses of its own plan only, on every fabric"
    elif not Path(f"/proc/{pid}/net").exists():
        yield "wait", "this system does not show a process's network (no /proc)"
    elif form.get("fabric") == "local":
        yield from _private(pid, form)
    else:
        yield _in_memory(pid)


def _private(pid: int, form: Mapping[str, object]) -> Iterator[Told]:
    interfaces = interfaces_in(Path(f"/proc/{pid}/net/dev").read_text())
    cables = [name for name in interfaces if is_cable(name)]
    kept = [name for name in interfaces if name not in cables] == ["lo"]
    to = " (yours)" if cables else ""
    yield ("good" if kept else "bad"), f"interfaces of the lab's network: {', '.join(interfaces)}{to}"
    routes = routes_in(Path(f"/proc/{pid}/net/route").read_text())
    yield (
        ("bad" if routes else "good"),
        f"routes out of it: {', '.join(routes) or 'none'}; its own addresses are on lo",
    )
    number = subprocess.run(
        [sys.executable, "-P", "-c", _ASK, str(pid)], capture_output=True, check=False
    ).returncode
    answer = errno.errorcode.get(number, str(number)) if number else "a way out!"
    yield ("good" if number == errno.ENETUNREACH else "bad"), f"the kernel's way from there to 192.0.2.1: {answer}"


def _in_memory(pid: int) -> Told:
    try:
        inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return "wait", "the lab's sockets cannot be looked at from here"
    tables = [Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "udp")]
    outside = [
        end
        for table in tables
        for inode, end in ends_in(table).items()
        if f"socket:[{inode}]" in inodes and not end.startswith("127.")
    ]
    if outside:
        return "bad", f"the lab has sockets beyond 127.0.0.1: {', '.join(sorted(outside))}"
    return "good", "all hosts are in memory; the lab's process has no socket but front doors on 127.0.0.1"


def interfaces_in(table: str) -> list[str]:
    """The names in /proc/net/dev."""
    return [line.split(":", 1)[0].strip() for line in table.splitlines()[2:]]


def is_cable(name: str) -> bool:
    """Whether the lab laid it to a program of the user's own, whose network has no other (`fabric.guests`)."""
    return name.startswith(CABLE) and name.removeprefix(CABLE).isdigit()


def routes_in(table: str) -> list[str]:
    """Where the routes of /proc/net/route lead."""
    return [_dotted(line.split()[1]) + " by " + line.split()[0] for line in table.splitlines()[1:] if line.strip()]


def ends_in(table: str) -> dict[str, str]:
    """Of /proc/net/tcp or udp, each socket's own address by its inode."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[9]: _dotted(row[1].split(":")[0]) for row in rows if len(row) > 9}


def _dotted(octets: str) -> str:
    """An address as the kernel writes it there: hexadecimal, in the machine's byte order."""
    number = int(octets, 16).to_bytes(4, sys.byteorder)
    return ".".join(map(str, number))
