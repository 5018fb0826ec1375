"""The mini-Internet half made: the file's organisations and hosts, before addresses, zones and mail are settled.

The rule: each thing remembers its path in the file, so that whatever is found wrong later is shown where it was
written. Modules of this package fill the draft one after another; `planning.py` has the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from lab.errors import Problem
from lab.names import ROOT, Address, DomainName, EmailAddress
from lab.topology import model
from lab.topology.codes import law
from lab.topology.plan import MailboxPlan
from lab.topology.source import Path, Source
from lab.values import dataclass
from lab.wire.records import Record
from lab.wire.zonefile import Entry


@dataclass(slots=True)
class Organisation:
    """A domain of the file. `zone` is where its records go: its own name, or that of the domain it lies in."""

    domain: DomainName
    shape: model.Domain
    path: Path
    zone: DomainName
    home: DomainName | None = None

    @property
    def has_zone(self) -> bool:
        return self.zone == self.domain


@dataclass(slots=True)
class Written:
    """Hand-written records of a zone. `whole`: a zone file, to which nothing is added."""

    entries: tuple[Entry, ...] = ()
    whole: bool = False
    _by_name: dict[DomainName, list[Record]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for record in self.records:
            self._by_name.setdefault(record.name, []).append(record)

    def at(self, name: DomainName) -> list[Record]:
        """What is written for a name."""
        return self._by_name.get(name, [])

    @property
    def records(self) -> Iterator[Record]:
        return (entry.record for entry in self.entries)


@dataclass(slots=True)
class Site:
    """A host. `place` is its organisation's domain, a registry's zone, or "" for the lab's own."""

    name: DomainName
    place: str
    path: Path
    kind: str = "other"
    shape: model.Host = field(default_factory=lambda: model.Host())
    addresses: tuple[Address, ...] = ()
    resolver: model.Resolver | None = None
    zones: list[DomainName] = field(default_factory=list)
    is_mail_host: bool = False
    local_domains: list[DomainName] = field(default_factory=list)
    mailboxes: list[MailboxPlan] = field(default_factory=list)
    aliases: dict[EmailAddress, tuple[EmailAddress, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Zone:
    """A zone in the making. `extra` are records that generators (a population) add when they are asked for."""

    origin: DomainName
    servers: list[DomainName]
    path: Path
    ttl: int
    delegation: list[DomainName] | None = None
    written: Written = field(default_factory=Written)


@dataclass(slots=True)
class Draft:
    topology: model.Topology
    source: Source
    organisations: dict[DomainName, Organisation] = field(default_factory=dict)
    sites: dict[DomainName, Site] = field(default_factory=dict)
    zones: dict[DomainName, Zone] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def organisation_of(self, name: DomainName) -> Organisation | None:
        """The nearest domain of the file at or above a name."""
        found = (self.organisations.get(above) for above in name.ancestors())
        return next((one for one in found if one is not None), None)

    def zone_of(self, name: DomainName) -> Zone:
        """The zone whose data a name is: the nearest origin at or above it."""
        return next(self.zones[above] for above in (*name.ancestors(), ROOT) if above in self.zones)

    def complain(self, code: str, sentence: str, path: Path, **more: str | bool) -> None:
        """A problem at a place of the file, with the law behind its code where the sentence does not name one."""
        said = "" if "RFC" in sentence else law(code)
        self.problems.append(self.source.problem(code, sentence, path, law=said, **more))  # type: ignore[arg-type]
