"""How many sockets this machine lets one program open.

The rule: as many as it may have without asking anybody; when that is not enough, the user is told whom to ask.
"""

from __future__ import annotations

import resource

from lab.errors import MachineSaidNo


def allow_open_files() -> int:
    """As many open files as this machine lets a process have; how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def too_many_files(hosts: int, allowed: int) -> MachineSaidNo:
    return MachineSaidNo(
        f"{hosts} hosts need more sockets than this machine lets one program open ({allowed}).",
        remedy="Raise the limit (ulimit -Hn, or LimitNOFILE= in systemd), or:  lab up --fabric sim",
        code="H011",
    )
