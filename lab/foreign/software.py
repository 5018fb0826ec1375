"""The catalogue: how each software is started, when it serves, where its log is, how its files are checked.

The rule: facts only, found by running it. What it needs of its container stands below, in `lab.fabric.software`;
its files come from `config/`, what its log says from `readers/`, what it can be asked from `desks/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from lab.fabric.software import NEEDS, Needs
from lab.topology.software import SOFTWARE as ROLES
from lab.topology.software import Role
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Software:
    """`command` stays in the foreground. Its log is its output (stdout and stderr), or comes through `log_pipes`:
    named pipes of `log_owner`'s that it takes for files. It serves once a line has `ready` in it."""

    name: str
    command: tuple[str, ...]
    ready: str
    before: tuple[tuple[str, ...], ...] = ()
    """Commands to run once before it: making keys and the like."""
    checks: tuple[tuple[str, ...], ...] = ()
    """Commands that end with another status than 0 where its files are not sound."""
    murmurs: tuple[str, ...] = ()
    """How lines begin that its reader wants, and nobody else: they are not kept."""
    log_pipes: tuple[str, ...] = ()
    log_owner: str = "root"
    owns: tuple[tuple[str, str], ...] = ()
    """(path, owner): files that are given away once they are written."""

    @property
    def roles(self) -> frozenset[Role]:
        return ROLES[self.name]

    @property
    def needs(self) -> Needs:
        return NEEDS[self.name]


CATALOGUE: Mapping[str, Software] = MappingProxyType(
    {
        one.name: one
        for one in (
            Software(
                "postfix",
                ("/usr/lib/postfix/sbin/master", "-s"),
                "daemon started",
                checks=(("postconf", "-n"), ("postconf", "-M")),
            ),
            Software(
                "exim",
                ("exim4", "-bdf", "-q10s"),
                "listening for SMTP",
                checks=(("exim4", "-bV"),),
                log_pipes=("/var/log/exim4/mainlog", "/var/log/exim4/paniclog"),
                log_owner="Debian-exim:Debian-exim",
                owns=(("/etc/lab/host.key", "root:Debian-exim"),),
            ),
            Software("dovecot", ("dovecot", "-F"), "starting up for", checks=(("doveconf", "-n"),)),
            Software(
                "bind",
                ("named", "-g", "-u", "bind"),
                " running",
                before=(("rndc-confgen", "-a", "-u", "bind"),),
                checks=(("named-checkconf", "-z"),),
            ),
            Software("nsd", ("nsd", "-d"), "nsd started", checks=(("nsd-checkconf", "/etc/nsd/nsd.conf"),)),
            Software(
                "opensmtpd",
                ("smtpd", "-d", "-F", "-v", "-T", "mta", "-T", "bounce", "-f", "/etc/smtpd/smtpd.conf"),
                "smtp: will accept",
                checks=(("smtpd", "-n", "-f", "/etc/smtpd/smtpd.conf"),),
                murmurs=("debug:", "mta:", "bounce:", "smtp:", "setup_", "\t"),
            ),
            Software("knot", ("knotd",), "server started", checks=(("knotc", "conf-check"),)),
            Software(
                "powerdns",
                ("pdns_server", "--guardian=no", "--daemon=no", "--disable-syslog", "--write-pid=no"),
                "ready to distribute",
                checks=(("pdns_server", "--config=check"),),
            ),
            Software("unbound", ("unbound", "-d"), "start of service", checks=(("unbound-checkconf",),)),
        )
    }
)


def catalogued(software: Iterable[str]) -> tuple[Software, ...]:
    """Those of a host, each once, in the order in which they start: who is needed by another comes first."""
    found = sorted(dict.fromkeys(software), key=lambda name: (name != "dovecot", name))
    return tuple(CATALOGUE[name] for name in found)
