"""`lab shell`: a program of this machine, inside the lab: its network, its names, its real ports."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.cli.reading import Json, Unread
from lab.control.client import ask
from lab.control.home import home
from lab.errors import MachineSaidNo, WrongUse

_NOT_FOUND = 127
"""What a shell answers for a command that there is not."""


def shell(host: str = "student", /, *, command: Unread = (), json: Json = False) -> int:
    """A shell inside the lab, or one command there: its exit status is the command's.

    lab shell                                           a shell on the student's host
    lab shell -- nslookup -q=MX belgiannews.com         one command
    lab shell relay.eunet.be -- cat /etc/resolv.conf    at another host
    lab shell mail.belgiannews.com -- cat /var/mail/ed  somebody's mail, as a Unix user reads it

    Parameters
    ----------
    host
        Whose resolvers are asked for names, and at a mail host whose mailboxes are in /var/mail.
    json
        Say where the shell would be, and open none.
    """
    where = home()
    form = where.read()
    place = ask("host", host=host)
    if form.get("fabric") == "sim":
        raise no_shell(form)
    if json:
        from lab.cli.screen import emit

        emit({**place, "pid": int(place.get("pid", where.daemon()))})
        return 0
    if "container" in place:
        return _in_container(place, command)
    root = where.root.read_bytes() if where.root.exists() else b""
    _enter(int(place.get("pid", where.daemon())), place, where.visits / place["name"], root)
    if "mail" in place["runs"] and "pid" not in place:
        _go_home(where.disks / place["name"], stay=bool(command))
    return _become(command or _shell(place["name"]))


def _in_container(place: dict[str, Any], command: tuple[str, ...]) -> int:
    from lab.fabric.docker.engine import Engine
    from lab.fabric.docker.shell import run

    name = str(place["name"])
    if not command and sys.stdin.isatty():
        print(f" Inside the lab, at {name}. Leave with: exit", file=sys.stderr)
    words = command or ("bash", "--norc", "--noprofile", *(("-i",) if sys.stdin.isatty() else ()))
    environment = {"PS1": f"{name}$ ", "TERM": os.environ.get("TERM", "dumb"), "LAB_HOST": name}
    return run(Engine(place["engine"]), place["container"], words, environment, "")


def no_shell(form: dict[str, Any]) -> WrongUse:
    """Why there is none, and what there is instead."""
    ways = {door["to"].rpartition(" ")[2]: door["port"] for door in reversed(form.get("doors", []))}
    instead = ["lab dig", "lab talk"]
    if "dns" in ways:
        instead.append(f"dig -p {ways['dns']} @127.0.0.1 NAME")
    if "smtp" in ways:
        instead.append(f"telnet 127.0.0.1 {ways['smtp']}")
    return WrongUse(
        "this lab is simulated: programs of the machine cannot be inside it",
        remedy=f"Use  {'  ·  '.join(instead)}",
        code="H013",
    )


def _go_home(disk: Path, stay: bool) -> None:
    """The mailboxes are where a Unix user finds them; a shell begins in the host's own folder."""
    from lab.fabric.visit import show_mail

    with suppress(OSError):  # a machine that does not let /var/mail be covered has them in the folder all the same
        show_mail(disk / "var" / "mail")
    if not stay:
        os.chdir(disk)


def _enter(pid: int, place: dict[str, Any], folder: Path, root: bytes) -> None:
    from lab.fabric.visit import visit
    from lab.names import DomainName, parse_address

    name = DomainName(place["name"])
    try:
        trusted = visit(pid, name, [parse_address(text) for text in place["resolvers"]], folder, root)
    except OSError as error:
        raise MachineSaidNo(
            f"this machine does not let a shell into the lab: {(error.strerror or '').lower()}",
            remedy="Without one:  lab dig  ·  lab talk",
            code="H014",
        ) from None
    os.environ["LAB_HOST"] = name
    os.environ["SSL_CERT_FILE"] = str(trusted)  # for programs that do not read the machine's own file


def _shell(name: str) -> tuple[str, ...]:
    """A plain shell whose prompt says where it is; the user's own settings may not know the lab's names."""
    os.environ["PS1"] = f"{name}$ "
    bash = next((path for path in ("/bin/bash", "/usr/bin/bash") if Path(path).exists()), "")
    if sys.stdin.isatty():
        print(f" Inside the lab, at {name}. Leave with: exit", file=sys.stderr)
    return (bash, "--norc", "--noprofile", "-i") if bash and sys.stdin.isatty() else (bash or "/bin/sh",)


def _become(command: tuple[str, ...]) -> int:
    sys.stdout.flush()
    try:
        os.execvp(command[0], command)
    except FileNotFoundError:
        print(f" There is no command '{command[0]}' on this machine.", file=sys.stderr)
        return _NOT_FOUND
    except OSError as error:
        print(f" '{command[0]}' cannot be started: {(error.strerror or '').lower()}.", file=sys.stderr)
        return 126
