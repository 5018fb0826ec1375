"""A private network of one's own: user, network and mount namespace, entered in process, without root.

The rule: what is inside has no way out. A fresh network namespace has only `lo`, and `lo` gets a route for each
address of the lab and none besides (`netlink`); from outside, the lab's addresses do not exist.

`enter` is for a process that has one thread still (unshare(2) demands it) and is not undone: the process stays.
Root enters without a user namespace and so keeps its rights to its own files; anyone else becomes root of
a user namespace that holds nobody but themselves. What the machine refuses is a sentence with its remedy.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from lab.errors import MachineSaidNo

NEW_MOUNT, NEW_NAME, NEW_USER = 0x0002_0000, 0x0400_0000, 0x1000_0000
NEW_PROCESSES, NEW_NET = 0x2000_0000, 0x4000_0000
"""What can be one's own (clone(2)): mounts, the host name (UTS), users, process numbers, the network."""
_PRIVATE = 0x40000 | 0x4000
"""MS_PRIVATE | MS_REC: what is mounted here stays here."""

_SWITCHES = {
    "kernel.apparmor_restrict_unprivileged_userns": "1",
    "kernel.unprivileged_userns_clone": "0",
    "user.max_user_namespaces": "0",
    "user.max_net_namespaces": "0",
}
"""Kernel settings that forbid user or network namespaces, with the value that does."""


def enter() -> None:
    """Move this process into a private network with a loopback of its own. MachineSaidNo (H010) if refused, and
    then the process is where it was: what AppArmor lets begin but not end is tried by a child before."""
    number = _tried_by_child() or trial()
    if number:
        raise refusal(number, _settings(), sys.platform)


def _tried_by_child() -> int:
    if not sys.platform.startswith("linux"):
        return errno.ENOSYS
    if threading.active_count() > 1:
        return errno.EINVAL
    child = os.fork()
    if child == 0:
        os._exit(trial())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _leave_the_network(uid: int, gid: int) -> None:
    if uid == 0:
        with suppress(PermissionError):
            unshare(NEW_NET | NEW_MOUNT)
            keep_mounts_private()
            return
    unshare(NEW_USER | NEW_NET | NEW_MOUNT)
    be_root_inside(uid, gid)
    keep_mounts_private()


def be_root_inside(uid: int, gid: int) -> None:
    """Map this user, alone, to root of the user namespace (user_namespaces(7): setgroups has to go first)."""
    for name, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path("/proc/self", name).write_text(line)


def raise_loopback() -> None:
    """Bring `lo` up; the kernel gives it 127.0.0.1 and ::1 then."""
    raise_interface("lo")


def raise_interface(name: str) -> None:
    get_flags, set_flags, up, running = 0x8913, 0x8914, 0x1, 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        has = fcntl.ioctl(control, get_flags, struct.pack("16s16x", name.encode()))
        (flags,) = struct.unpack_from("H", has, 16)
        fcntl.ioctl(control, set_flags, struct.pack("16sH14x", name.encode(), flags | up | running))


def unshare(kinds: int) -> None:
    _call("unshare", ctypes.c_int(kinds))


def keep_mounts_private() -> None:
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_PRIVATE), None)


def bind_mount(source: Path, target: Path) -> None:
    bind = 0x1000
    _call("mount", bytes(source), bytes(target), None, ctypes.c_ulong(bind), None)


def mount_processes() -> None:
    """Show in /proc the processes that can be seen from here, and no others."""
    _call("mount", b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None)


def overlay_mount(upper: Path, lower: Path) -> None:
    """Show the files of `upper` in `lower`, over those of the same name; both become read-only there."""
    read_only = 0x1
    options = f"lowerdir={upper}:{lower}".encode()
    _call("mount", b"overlay", bytes(lower), b"overlay", ctypes.c_ulong(read_only), options)


def join(pid: int) -> None:
    """Move this process into the private network in which process `pid` lives, with mounts of its own.
    ProcessLookupError when there is no such process, PermissionError when it is somebody else's."""
    kinds = [(NEW_USER, "user"), (NEW_NET, "net")]
    with suppress(FileNotFoundError):
        doors = [(kind, name, os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)) for kind, name in kinds]
        try:
            for kind, name, door in doors:
                if os.fstat(door).st_ino != os.stat(f"/proc/self/ns/{name}").st_ino:
                    _call("setns", ctypes.c_int(door), ctypes.c_int(kind))
        finally:
            for _, _, door in doors:
                os.close(door)
        unshare(NEW_MOUNT)
        keep_mounts_private()
        return
    raise ProcessLookupError(errno.ESRCH, f"no process {pid}")


def _call(name: str, *arguments: object) -> None:
    function: Callable[..., int] = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def probe() -> MachineSaidNo | None:
    """Whether `enter` would work here, tried in a process that ends at once; None when it would."""
    if not sys.platform.startswith("linux"):
        return refusal(errno.ENOSYS, {}, sys.platform)
    trial = "import sys; from lab.fabric.namespace import trial; sys.exit(trial())"
    status = subprocess.run([sys.executable, "-c", trial], capture_output=True, check=False).returncode
    return refusal(status, _settings(), sys.platform) if status else None


def trial() -> int:
    """Enter, and tell the kernel's number of refusal; 0 for success."""
    try:
        _leave_the_network(os.geteuid(), os.getegid())
        raise_loopback()
    except OSError as error:
        return error.errno or errno.EPERM
    return 0


def refusal(number: int, settings: Mapping[str, str], platform: str) -> MachineSaidNo:
    """What to tell a user whose machine refuses namespaces: why, as far as its settings show, and what to do."""
    instead = "The lab also runs without:  lab up --fabric sim"
    for name, forbidding in _SWITCHES.items():
        if settings.get(name) == forbidding:
            allowed = "0" if forbidding == "1" else "1" if name.startswith("kernel") else "10000"
            why = f"This machine forbids private networks to ordinary users ({name} is {forbidding})."
            return MachineSaidNo(
                why, remedy=f"{instead}        To allow them:  sudo sysctl {name}={allowed}", code="H010"
            )
    if number == errno.EINVAL:
        why = "A private network has to be entered before the program starts threads."
    elif number == errno.ENOSYS or not platform.startswith("linux"):
        why = "Private networks are a feature of Linux, and this machine has none."
    else:
        why = f"This machine refuses a private network ({os.strerror(number).lower()}); containers often do."
    return MachineSaidNo(why, remedy=instead, code="H010")


def _settings() -> dict[str, str]:
    found = {}
    for name in _SWITCHES:
        with suppress(OSError):
            found[name] = Path("/proc/sys", *name.split(".")).read_text().strip()
    return found
