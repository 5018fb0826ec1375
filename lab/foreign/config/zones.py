"""Zones as master files, and the root's hints, for whichever name server reads them (RFC 1035 §5, RFC 9609)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.fabric.software import ZONES
from lab.foreign.config.scene import File, Scene
from lab.names import DomainName
from lab.topology.plan import ResolverPlan
from lab.wire.records import AAAA, NS, A, Record
from lab.wire.zonefile import zone_text

FOLDER = ZONES
HINTS = "/etc/lab/root.hints"


def zone_file(origin: DomainName) -> str:
    """Where a zone's master file is; the root's has a name, too."""
    return f"{FOLDER}/{'root' if origin.is_root else origin}.zone"


def zone_files(scene: Scene) -> Iterator[File]:
    for zone in scene.own_zones():
        yield File(zone_file(zone.origin), master_file(zone.origin, zone.records))


def master_file(origin: DomainName, records: Iterable[Record]) -> str:
    return f"; The zone {origin.fqdn}, made from the lab's topology.\n{zone_text(records, origin)}"


def hints_file(resolver: ResolverPlan) -> File:
    """The root's servers, as a zone file of the root (RFC 9609 §2)."""
    root = DomainName(".")
    records = [Record(root, 3_600_000, NS(name)) for name, _ in resolver.hints]
    for name, addresses in resolver.hints:
        records += [
            Record(name, 3_600_000, AAAA(address) if ":" in address else A(address)) for address in addresses
        ]
    return File(HINTS, f"; Where every search begins: the lab's root.\n{zone_text(records, root)}")
