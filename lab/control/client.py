"""Ask the running lab: one request, its replies, over the Unix socket of the lab's home.

The rule: fast to import. A verb that only asks and prints pays for a socket and JSON, and for nothing that
the daemon has in memory already.

    → {"verb": "dig", "args": {"name": "belgiannews.com", "type": "MX"}}
    ← {"rcode": "NOERROR", "answers": [...], ...}              one line, or several where a verb goes on telling
    ← {"error": {"sentence": ..., "remedy": ..., "code": ..., "exit_status": 2}}
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lab.control.home import Home, home, short_path
from lab.errors import NotUp, WrongUse, error_of

LONGEST_REQUEST = 64 * 1024 * 1024
"""Octets. A message to send stands in its request; no host of the lab takes one that is larger."""


def not_up(where: Home) -> NotUp:
    """The sentence for a verb that needs a lab where none is."""
    if where.is_stale():
        return NotUp(
            f"no lab is up: the one that ran here ended unexpectedly; its last words are in {where.diary}",
            remedy="Start it anew:  lab up",
            code="H020",
        )
    return NotUp("no lab is up", remedy="Start one:  lab up", code="H020")


def dial(where: Home | None = None) -> socket.socket:
    """A connection to the lab's daemon. NotUp when there is none."""
    where = where or home()
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(where.socket) as name:
            door.connect(name)
    except OSError:
        door.close()
        raise not_up(where) from None
    return door


def request(verb: str, args: dict[str, Any]) -> bytes:
    """WrongUse when it is longer than a lab would read."""
    octets = json.dumps({"verb": verb, "args": args}).encode() + b"\n"
    if len(octets) > LONGEST_REQUEST:
        raise too_long()
    return octets


def too_long() -> WrongUse:
    most = LONGEST_REQUEST >> 20
    return WrongUse(f"that is more than a lab can be asked in one go ({most} MiB as JSON)", code="W011")


def read_reply(line: str | bytes) -> dict[str, Any]:
    """One reply; the error that it stands for is raised."""
    form: dict[str, Any] = json.loads(line)
    if "error" in form and "event" not in form:  # a crash that the log tells of is a reply like any other
        raise error_of(form["error"])
    return form


def stream(verb: str, **args: Any) -> Iterator[dict[str, Any]]:
    """Every reply of a verb that goes on telling."""
    with dial() as door:
        door.sendall(request(verb, args))
        with suppress(ConnectionResetError), door.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                yield read_reply(line)


def ask(verb: str, **args: Any) -> dict[str, Any]:
    """The reply of a verb. NotUp when the lab ended before it answered."""
    for reply in stream(verb, **args):
        return reply
    raise not_up(home())
