"""What real software needs of the place it runs in: Debian's packages, rights, folders that can be written.

The rule: facts only, found by running it. A container of such a host gets the capabilities named here beyond
NET_BIND_SERVICE and no others, a root file system that cannot be written, and the folders named here that can:
durable ones survive the container (the queue, the mailboxes, the zones), the others are memory. What it is called
by, reads and says is above, in `lab.foreign`.

Found with Debian 12: Postfix 3.7, Exim 4.96, OpenSMTPD 6.8, Dovecot 2.3, BIND 9.18, NSD 4.6, Knot DNS 3.2,
Unbound 1.17, PowerDNS 4.7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Folder:
    """One that has to be writable. `owner` is a user, or user:group; `durable`: what is in it must not be lost."""

    path: str
    owner: str = "root"
    mode: int = 0o755
    durable: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    packages: tuple[str, ...]
    capabilities: tuple[str, ...]
    folders: tuple[Folder, ...]


_ETC_LAB = Folder("/etc/lab")
_MAILBOXES = Folder("/var/mail", "mail:mail", durable=True)
ZONES = "/var/lib/zones"
_MAIL = ("CHOWN", "DAC_OVERRIDE", "KILL", "SETGID", "SETUID")
"""A mail system is several users: root starts programs as them, and writes into their folders. KILL ends them."""
_NAMES = ("CHOWN", "KILL", "SETGID", "SETUID")
"""A name server starts as root, takes port 53, and goes on as a user of its own."""
_SPOOL = "/var/spool/postfix"


def _postfix() -> Iterator[Folder]:
    """As postfix-files(5) has it; Postfix makes these by itself only where it can write its own folder in /etc."""
    yield Folder("/etc/postfix")
    yield Folder(_SPOOL, durable=True)
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private"):
        yield Folder(f"{_SPOOL}/{name}", "postfix", 0o700)
    for name in ("saved", "trace"):
        yield Folder(f"{_SPOOL}/{name}", "postfix", 0o700)
    yield Folder(f"{_SPOOL}/maildrop", "postfix:postdrop", 0o730)
    yield Folder(f"{_SPOOL}/public", "postfix:postdrop", 0o710)
    yield Folder(f"{_SPOOL}/pid")
    yield Folder("/var/lib/postfix", "postfix", 0o700, durable=True)


def _exim() -> Iterator[Folder]:
    own = "Debian-exim:Debian-exim"
    yield Folder("/etc/exim4")
    yield Folder("/var/spool/exim4", own, 0o750, durable=True)
    yield Folder("/var/log/exim4", own, 0o750)
    yield Folder("/run/exim4", own, 0o750)
    yield Folder("/var/mail", "mail:Debian-exim", 0o775, durable=True)


NEEDS: Mapping[str, Needs] = MappingProxyType(
    {
        "postfix": Needs(("postfix",), _MAIL, (*_postfix(), _ETC_LAB, _MAILBOXES)),
        "exim": Needs(("exim4-daemon-light",), _MAIL, (*_exim(), _ETC_LAB)),
        "dovecot": Needs(
            ("dovecot-imapd", "dovecot-lmtpd", "dovecot-pop3d"),
            _MAIL,
            (Folder("/etc/dovecot"), _ETC_LAB, Folder("/run/dovecot"), _MAILBOXES),
        ),
        "bind": Needs(
            ("bind9",),
            (*_NAMES, "DAC_OVERRIDE"),
            (
                Folder("/etc/bind"),
                _ETC_LAB,
                Folder(ZONES, durable=True),
                Folder("/run/named", "bind"),
                Folder("/var/cache/bind", "bind"),
            ),
        ),
        "nsd": Needs(
            ("nsd",),
            _NAMES,
            (
                Folder("/etc/nsd"),
                Folder(ZONES, durable=True),
                Folder("/run/nsd"),
                Folder("/var/lib/nsd", "nsd"),
            ),
        ),
        "opensmtpd": Needs(
            ("opensmtpd",),
            ("FOWNER", *_MAIL, "SYS_CHROOT"),
            (
                Folder("/etc/smtpd"),
                _ETC_LAB,
                Folder("/var/spool/smtpd", "root", 0o711, durable=True),
                Folder("/run/opensmtpd"),
                _MAILBOXES,
            ),
        ),
        "knot": Needs(
            ("knot",),
            _NAMES,
            (
                Folder("/etc/knot"),
                Folder(ZONES, durable=True),
                Folder("/run/knot", "knot:knot"),
                Folder("/var/lib/knot", "knot:knot", 0o770),
            ),
        ),
        "powerdns": Needs(
            ("pdns-backend-bind", "pdns-server"),
            _NAMES,
            (Folder("/etc/powerdns"), Folder(ZONES, durable=True), Folder("/run/pdns")),
        ),
        "unbound": Needs(("unbound",), _NAMES, (Folder("/etc/unbound"), _ETC_LAB, Folder("/run/unbound"))),
    }
)


def capabilities(software: Iterable[str]) -> tuple[str, ...]:
    """What the container of such a host needs beyond NET_BIND_SERVICE."""
    return tuple(sorted({right for name in software for right in NEEDS[name].capabilities}))


def folders(software: Iterable[str]) -> tuple[Folder, ...]:
    """The topmost folders that have to be writable, for mounts; those inside them are made at start."""
    every = {folder.path: folder for name in software for folder in NEEDS[name].folders}
    return tuple(folder for path, folder in sorted(every.items()) if not _is_inside(path, every))


def _is_inside(path: str, others: Iterable[str]) -> bool:
    return any(path.startswith(f"{other}/") for other in others)
