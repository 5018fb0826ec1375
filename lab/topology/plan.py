"""The plan: everything a fabric needs to bring a mini-Internet up, with nothing left to decide.

The rule: a plan is plain frozen data, the same for every fabric, and JSON-able (a container gets its own
`HostPlan` as a file). Where the topology file left something open (addresses, delegations, glue, serials,
reverse zones) the plan has it. Sizes matter: a lab of 100,000 hosts is 100,000 of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta

from lab.names import Address, DomainName, EmailAddress
from lab.values import dataclass
from lab.wire.records import Record


@dataclass(frozen=True, slots=True)
class Link:
    """A line between two places, in each direction. Rates in bits a second (0: unlimited), loss from 0 to 1."""

    latency: timedelta = timedelta()
    jitter: timedelta = timedelta()
    loss: float = 0.0
    bandwidth: int = 0

    def __str__(self) -> str:
        """`200 ms of delay, 10% of loss`; `as fast as can be` where nothing slows it."""
        parts = [
            (self.latency, f"{self.latency.total_seconds() * 1000:g} ms of delay"),
            (self.jitter, f"{self.jitter.total_seconds() * 1000:g} ms of jitter"),
            (self.loss, f"{self.loss * 100:g}% of loss"),
            (self.bandwidth, f"{self.bandwidth:,} bit/s"),
        ]
        return ", ".join(words for there, words in parts if there) or "as fast as can be"


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """`a` and `b` name hosts or organisations (domains); "*" is everywhere."""

    a: str
    b: str
    link: Link


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What is broken from the start, or breaks at its time. One place is a host, `fault` in the words of `lab
    fail` (`lab.faults.fault_of`). Two are the ends of a line: with `link` it is that one; without, `fault` is
    `cut`, perhaps `one way`, perhaps with a chance before it. `when` in the words of `lab.timing`."""

    places: tuple[str, ...]
    fault: str = ""
    when: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """An authoritative zone: complete, SOA first. `servers` are the hosts that serve it."""

    origin: DomainName
    records: tuple[Record, ...]
    servers: tuple[DomainName, ...]


@dataclass(frozen=True, slots=True)
class ResolverPlan:
    """A recursive resolver. `hints`: (root server's name, its addresses); `serves`: networks it answers, empty
    for everyone; `forwards_to`: forwarder mode; `stale`: serve stale answers (RFC 8767)."""

    hints: tuple[tuple[DomainName, tuple[Address, ...]], ...]
    serves: tuple[str, ...] = ()
    forwards_to: tuple[Address, ...] = ()
    stale: bool = False


@dataclass(frozen=True, slots=True)
class MailboxPlan:
    address: EmailAddress
    password: str = ""
    name: str = ""
    """The person's name, for display."""
    quota: int = 0
    """Octets the mailbox may hold; 0: any number."""


@dataclass(frozen=True, slots=True)
class MailPlan:
    """A mail host. `policy` names a table of what follows after which reply, `schedule` a retry schedule;
    `settings` are further switches of either, by name."""

    local_domains: tuple[DomainName, ...] = ()
    mailboxes: tuple[MailboxPlan, ...] = ()
    aliases: Mapping[EmailAddress, tuple[EmailAddress, ...]] = field(default_factory=dict)
    backup_for: tuple[DomainName, ...] = ()
    relay_networks: tuple[str, ...] = ()
    """Networks (CIDR) whose hosts may relay; the host itself always may."""
    smarthost: DomainName | None = None
    policy: str = "rfc5321"
    schedule: str = "lab"
    size_limit: int = 10_485_760
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host: its name, its addresses, whom it asks for names, and what runs on it."""

    name: DomainName
    addresses: tuple[Address, ...]
    organisation: str = ""
    resolvers: tuple[Address, ...] = ()
    zones: tuple[DomainName, ...] = ()
    """Origins of the zones it serves; the zones stand in `Plan.zones`."""
    resolver: ResolverPlan | None = None
    mail: MailPlan | None = None
    software: tuple[str, ...] = ()
    """Real programs that take the place of the lab's own for the jobs they do (`topology.software`)."""
    image: str = ""
    command: tuple[str, ...] = ()
    """With `image`: software of the user's own, of which the lab knows nothing but addresses and faults."""

    @property
    def is_foreign(self) -> bool:
        """Whether something runs here that is not the lab's."""
        return bool(self.software or self.image or self.command)

    @property
    def roles(self) -> tuple[str, ...]:
        """Of root, authority, resolver, mail, client: what `lab status` shows."""
        found = []
        if self.zones:
            found.append("root" if any(origin.is_root for origin in self.zones) else "authority")
        if self.resolver:
            found.append("resolver")
        if self.mail:
            found.append("mail")
        return tuple(found) or ("client",)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole mini-Internet."""

    name: str
    hosts: tuple[HostPlan, ...]
    zones: Mapping[DomainName, ZonePlan]
    links: tuple[LinkPlan, ...] = ()
    ranges: tuple[str, ...] = ("198.18.0.0/15",)
    """Every address of the lab is in one of these; the fabric dials nothing else."""
    source: str = ""
    """The topology file, for display."""
    seed: str = "1"
    faults: tuple[FaultPlan, ...] = ()
