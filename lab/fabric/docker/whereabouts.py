"""Where an engine is, in the words of `lab up --engines`, DOCKER_HOST or a Docker context.

    unix:///var/run/docker.sock          a socket of this machine
    tcp://192.0.2.7:2375                 an open port: whoever reaches it is root there
    ssh://[user@]host[:port][/socket]    its socket, by OpenSSH, with all that ~/.ssh/config says
    laptop                               a Docker context (docker context ls)
    ….=192.0.2.7                         any of them, and the address at which the other engines reach it

The rule: what is said counts; only what is left open is looked for.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from lab.errors import MachineSaidNo, WrongUse
from lab.values import dataclass

SOCKET = "/var/run/docker.sock"
USUAL = f"unix://{SOCKET}"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`url`: how it is reached, with a scheme; `address`: where other engines reach it, "" if that was not said;
    `name`: what a person calls it, "" where the engine has to say."""

    url: str
    address: str = ""
    name: str = ""

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]


@dataclass(frozen=True, slots=True)
class Login:
    """A machine as ssh(1) takes it, and the engine's socket there."""

    host: str
    port: int | None = None
    socket: str = SOCKET

    @property
    def words(self) -> str:
        """It on ssh's command line."""
        return f"-p {self.port} {self.host}" if self.port else self.host

    def __str__(self) -> str:
        return f"ssh://{self.host}{f':{self.port}' if self.port else ''}"


def whereabouts(word: str) -> Whereabouts:
    """What a word means. WrongUse (W012) for one that cannot be a place, MachineSaidNo (H050) for a context that
    is not there."""
    rest, address = _address(word)
    scheme, mark, _ = rest.partition("://")
    if not mark:
        return _of_context(rest, address)
    if scheme == "ssh":
        return Whereabouts(rest, address, login(rest).host.rpartition("@")[2])
    if scheme not in ("unix", "tcp", "http"):
        raise WrongUse(
            f"'{word}' is no place of a Docker engine",
            remedy="One begins with unix://, tcp:// or ssh://, or is the name of a Docker context.",
            code="W012",
        )
    return Whereabouts(rest, address)


def _address(word: str) -> tuple[str, str]:
    """What stands before `=ADDRESS`, and it."""
    rest, mark, tail = word.rpartition("=")
    with suppress(ValueError):
        if mark:
            return rest, str(ip_address(tail.strip("[]")))
    return word, ""


def login(url: str) -> Login:
    """ssh://[user@]host[:port][/socket]. WrongUse (W012) for what is none."""
    with suppress(ValueError):
        parts = urlsplit(url)
        host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc.removesuffix(":")
        # As it was written: aliases in ~/.ssh/config have capitals. What begins with a hyphen would be an option.
        if parts.hostname and not host.startswith("-") and "@-" not in host:
            return Login(host.replace("[", "").replace("]", ""), parts.port, parts.path.rstrip("/") or SOCKET)
    raise WrongUse(f"'{url}' is no ssh://[user@]host[:port]", code="W012")


def _of_context(name: str, address: str) -> Whereabouts:
    from docker import ContextAPI

    found = None
    with suppress(Exception):  # a broken context file is the command-line client's to explain
        found = ContextAPI.get_context(name)
    if found is None or not found.Host:
        raise MachineSaidNo(
            f"There is no Docker context '{name}' on this machine.",
            remedy="docker context ls  shows which there are; a place begins with unix://, tcp:// or ssh://.",
            code="H050",
        )
    if found.TLSConfig is not None and found.Host.startswith("tcp://"):
        raise MachineSaidNo(
            f"The engine of the context '{name}' wants TLS, which the lab does not speak with engines.",
            remedy="Go there by ssh:  --engines ssh://HOST",
            code="H050",
        )
    return Whereabouts(str(found.Host), address, name)


def current() -> Whereabouts:
    """Where the user's current Docker context leads."""
    from docker import ContextAPI

    with suppress(Exception):
        context = ContextAPI.get_current_context()
        if context is not None and context.Host:
            return Whereabouts(str(context.Host))
    return Whereabouts(USUAL)
