"""What a configuration is made from, and what comes out of it.

The rule: a scene is the host's own plan and what everybody in the lab may know (zones, the root's addresses); a
file is text that a student can read, with a comment wherever a line is not the field's custom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace

from lab.mail.people import Person
from lab.mail.retry import SCHEDULES, Schedule, named_schedule
from lab.names import DomainName, EmailAddress
from lab.topology.plan import HostPlan, MailPlan, ZonePlan
from lab.values import dataclass

MAIL_USER = "mail"
"""Whose files all mailboxes are: Debian's own user of that name, 8:8."""
MAIL_UID = 8
CERTIFICATE, KEY, ROOT_CERTIFICATE = "/etc/lab/host.pem", "/etc/lab/host.key", "/etc/lab/root.pem"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a host. `secret`: for its owner and group only. `owner` is a user (and group) of the host."""

    path: str
    text: str
    secret: bool = False
    owner: str = "root"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A host's certificate with its key, and the root that signed it, in PEM."""

    certificate: str
    key: str
    root: str

    @classmethod
    def read(cls, papers: str) -> Certificate:
        """From a host's papers: its key, its certificate, the root's, one behind the other."""
        parts = [f"-----BEGIN {part}" for part in papers.split("-----BEGIN ")[1:]]
        key, certificate, root = parts
        return cls(certificate, key, root)

    def files(self) -> tuple[File, ...]:
        return (
            File(CERTIFICATE, self.certificate + self.root),
            File(KEY, self.key, secret=True),
            File(ROOT_CERTIFICATE, self.root),
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """`people` and `aliases` are those that there are now; at first the plan's."""

    host: HostPlan
    zones: Mapping[DomainName, ZonePlan] = field(default_factory=dict)
    certificate: Certificate | None = None
    people: Mapping[EmailAddress, Person] = field(default_factory=dict)
    aliases: Mapping[EmailAddress, tuple[EmailAddress, ...]] = field(default_factory=dict)

    @property
    def mail(self) -> MailPlan:
        assert self.host.mail is not None, f"{self.host.name} has no mail"
        return self.host.mail

    @property
    def domains(self) -> tuple[DomainName, ...]:
        """Where mailboxes are; a host without a domain of its own keeps those of its name (its postmaster's)."""
        return self.mail.local_domains or (self.host.name,)

    @property
    def schedule(self) -> Schedule:
        """When to try again. The lab's own schedule is made for a clock that can run ahead; here the clock is
        real, and it means: soon."""
        found = named_schedule(self.mail.schedule, self.mail.settings)
        return replace(found, steps=_SOON) if found.name == "lab" else found

    @property
    def has_dovecot(self) -> bool:
        return "dovecot" in self.host.software

    @property
    def serves_programs(self) -> bool:
        """Whether people hand mail in and fetch it here."""
        return bool(self.mail.local_domains) and self.has_dovecot

    def offers_tls(self) -> bool:
        return self.certificate is not None and self.mail.settings.get("starttls") != "no"

    def asks_for_tls(self) -> bool:
        return self.mail.settings.get("tls") != "none"

    @property
    def own_networks(self) -> tuple[str, ...]:
        """Whose hosts may send through this one: itself, and the networks of its plan."""
        own = (f"{address}/{128 if ':' in address else 32}" for address in self.host.addresses)
        return ("127.0.0.0/8", *own, *self.mail.relay_networks)

    def own_zones(self) -> Iterator[ZonePlan]:
        return (self.zones[origin] for origin in self.host.zones if origin in self.zones)


_SOON = (10.0, 20.0, 40.0, 60.0)
assert "lab" in SCHEDULES


def scene(host: HostPlan, zones: Mapping[DomainName, ZonePlan], certificate: Certificate | None = None) -> Scene:
    """The scene of a plan as it stands, with nobody come or gone since."""
    if host.mail is None:
        return Scene(host, zones, certificate)
    people = {box.address.folded: Person(box.password, box.quota, box.name) for box in host.mail.mailboxes}
    home = host.mail.local_domains[0] if host.mail.local_domains else host.name
    people.setdefault(EmailAddress(f"postmaster@{home}"), Person())
    aliases = {alias.folded: to for alias, to in host.mail.aliases.items()}
    return Scene(host, zones, certificate, people, aliases)


def home_of(address: EmailAddress) -> str:
    """The folder of a person; the Maildir is inside it."""
    return f"{address.folded.domain}/{address.folded.local}"


def lines(*blocks: str | Iterable[str]) -> str:
    """Lines, and lists of them, as one text."""
    flat = [line for block in blocks for line in ([block] if isinstance(block, str) else block)]
    return "\n".join(flat) + "\n"
