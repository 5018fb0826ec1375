"""The catalogue: what each software needs to take a host's place.

The rule: facts only, found by running it. A container of such a host gets `capabilities` beyond NET_BIND_SERVICE
and no others, a root file system that cannot be written, and `folders` that can: durable ones survive the
container (the queue, the mailboxes, edited zones), the others are memory. The files come from `config/`, what the
log says from `readers/`, what it can be asked from `desks/`.

Versions that these files were run with: Debian 12's (Postfix 3.7, Exim 4.96, OpenSMTPD 6.8, Dovecot 2.3, BIND
9.18, NSD 4.6, Knot DNS 3.2, Unbound 1.17, PowerDNS 4.7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lab.topology.software import SOFTWARE as ROLES
from lab.topology.software import Role


@dataclass(frozen=True, slots=True)
class Folder:
    """One that has to be writable. `owner` is a user, or user:group; `durable`: what is in it must not be lost."""

    path: str
    owner: str = "root"
    mode: int = 0o755
    durable: bool = False


@dataclass(frozen=True, slots=True)
class Software:
    """`command` stays in the foreground. Its log is its output (stdout and stderr), or comes through the pipes
    `log_pipes`, named files of `log_owner`'s that it believes to be its log. It serves once a line has `ready`
    in it. `checks` say whether its configuration is sound, one word list each."""

    name: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    ready: str
    capabilities: tuple[str, ...] = ()
    folders: tuple[Folder, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    """Commands to run once before it: making keys and the like."""
    checks: tuple[tuple[str, ...], ...] = ()
    log_pipes: tuple[str, ...] = ()
    log_owner: str = "root"
    owns: tuple[tuple[str, str], ...] = ()
    """(path, owner): files that are given away once they are written."""

    @property
    def roles(self) -> frozenset[Role]:
        return ROLES[self.name]


_ETC_LAB = Folder("/etc/lab")
_MAILBOXES = Folder("/var/mail", "mail:mail", durable=True)
_ZONES = "/var/lib/zones"
_ROOT_AND_OTHERS = ("CHOWN", "DAC_OVERRIDE", "SETUID", "SETGID", "KILL")
"""A mail system is several users: root starts programs as them, and writes into their folders."""
_BECOMES_ANOTHER = ("CHOWN", "SETUID", "SETGID", "KILL")
"""A name server starts as root, takes port 53, and goes on as a user of its own."""

_SPOOL = "/var/spool/postfix"


def _postfix_spool() -> Iterator[Folder]:
    """As postfix-files(5) has it; Postfix makes these itself only where its root can be written."""
    yield Folder(_SPOOL, durable=True)
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private"):
        yield Folder(f"{_SPOOL}/{name}", "postfix", 0o700)
    for name in ("saved", "trace"):
        yield Folder(f"{_SPOOL}/{name}", "postfix", 0o700)
    yield Folder(f"{_SPOOL}/maildrop", "postfix:postdrop", 0o730)
    yield Folder(f"{_SPOOL}/public", "postfix:postdrop", 0o710)
    yield Folder(f"{_SPOOL}/pid")


CATALOGUE: Mapping[str, Software] = MappingProxyType(
    {
        one.name: one
        for one in (
            Software(
                "postfix",
                ("postfix",),
                ("/usr/lib/postfix/sbin/master", "-s"),
                "daemon started",
                _ROOT_AND_OTHERS,
                (
                    Folder("/etc/postfix"),
                    _ETC_LAB,
                    *_postfix_spool(),
                    Folder("/var/lib/postfix", "postfix", 0o700, durable=True),
                    _MAILBOXES,
                ),
                checks=(("postconf", "-n"), ("postconf", "-M")),
            ),
            Software(
                "exim",
                ("exim4-daemon-light",),
                ("exim4", "-bdf", "-q10s"),
                "listening for SMTP",
                _ROOT_AND_OTHERS,
                (
                    Folder("/etc/exim4"),
                    _ETC_LAB,
                    Folder("/var/spool/exim4", "Debian-exim:Debian-exim", 0o750, durable=True),
                    Folder("/var/log/exim4", "Debian-exim:Debian-exim", 0o750),
                    Folder("/run/exim4", "Debian-exim:Debian-exim", 0o750),
                    _MAILBOXES,
                ),
                checks=(("exim4", "-bV"),),
                log_pipes=("/var/log/exim4/mainlog", "/var/log/exim4/paniclog"),
                log_owner="Debian-exim:Debian-exim",
                owns=(("/etc/lab/host.key", "root:Debian-exim"),),
            ),
            Software(
                "dovecot",
                ("dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"),
                ("dovecot", "-F"),
                "starting up for",
                _ROOT_AND_OTHERS,
                (Folder("/etc/dovecot"), _ETC_LAB, Folder("/run/dovecot"), _MAILBOXES),
                checks=(("doveconf", "-n"),),
            ),
            Software(
                "bind",
                ("bind9",),
                ("named", "-g", "-u", "bind"),
                " running",
                (*_BECOMES_ANOTHER, "DAC_OVERRIDE"),
                (
                    Folder("/etc/bind"),
                    _ETC_LAB,
                    Folder(_ZONES, "bind", durable=True),
                    Folder("/run/named", "bind"),
                    Folder("/var/cache/bind", "bind"),
                ),
                before=(("rndc-confgen", "-a", "-u", "bind"),),
                checks=(("named-checkconf", "-z"),),
            ),
            Software(
                "nsd",
                ("nsd",),
                ("nsd", "-d"),
                "nsd started",
                _BECOMES_ANOTHER,
                (
                    Folder("/etc/nsd"),
                    Folder(_ZONES, "nsd", durable=True),
                    Folder("/run/nsd", "nsd"),
                    Folder("/var/lib/nsd", "nsd"),
                ),
                checks=(("nsd-checkconf", "/etc/nsd/nsd.conf"),),
            ),
            Software(
                "unbound",
                ("unbound",),
                ("unbound", "-d"),
                "start of service",
                _BECOMES_ANOTHER,
                (Folder("/etc/unbound"), _ETC_LAB, Folder("/run/unbound", "unbound")),
                checks=(("unbound-checkconf",),),
            ),
        )
    }
)


def catalogued(software: Iterable[str]) -> tuple[Software, ...]:
    """Those of a host, each once, in the order in which they start: who is needed by another comes first."""
    found = sorted(dict.fromkeys(software), key=lambda name: (name != "dovecot", name))
    return tuple(CATALOGUE[name] for name in found)


def capabilities(software: Iterable[str]) -> tuple[str, ...]:
    """What the container of such a host needs beyond NET_BIND_SERVICE."""
    return tuple(sorted({right for one in catalogued(software) for right in one.capabilities}))


def folders(software: Iterable[str]) -> tuple[Folder, ...]:
    """The topmost folders that have to be writable, for mounts; those inside them are made at start."""
    every = {folder.path: folder for one in catalogued(software) for folder in one.folders}
    return tuple(folder for path, folder in sorted(every.items()) if not _is_inside(path, every))


def packages(software: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({package for one in catalogued(software) for package in one.packages}))


def _is_inside(path: str, others: Iterable[str]) -> bool:
    return any(path.startswith(f"{other}/") for other in others)
