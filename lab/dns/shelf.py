"""Edited zones on the host's disk, so that an edit outlives a crash as a zone file does.

The rule: only what was edited is written. A file names the plan that its zone was edited from; when the topology
says something else by now, the file is old and does not count.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from lab.dns.zone import Zone
from lab.fabric.base import Host
from lab.names import DomainName
from lab.topology.plan import ZonePlan
from lab.wire import zonefile

_FOLDER = "zones"


class Shelf:
    """One host's edited zones."""

    __slots__ = ("_host",)

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def is_empty(self) -> bool:
        """Whether no zone was ever edited here."""
        return not self._host.disk.list(_FOLDER)

    def read(self, plan: ZonePlan) -> Zone | None:
        """The zone as it was left, if it was edited from this plan."""
        file = _file(plan.origin)
        if file not in self._host.disk.list(_FOLDER):
            return None
        head, _, text = self._host.disk.read(f"{_FOLDER}/{file}").decode().partition("\n")
        parsed = zonefile.read(text, plan.origin)
        return None if parsed.problems or head != _head(plan) else Zone(plan.origin, parsed.records)

    async def write(self, zone: Zone, plan: ZonePlan) -> None:
        """Put it on stable storage: whole, or the old one stays."""
        disk, path = self._host.disk, f"{_FOLDER}/{_file(zone.origin)}"
        disk.write(f"{path}.new", f"{_head(plan)}\n{zonefile.zone_text(zone.records, zone.origin)}".encode())
        await disk.sync(f"{path}.new")
        disk.rename(f"{path}.new", path)
        await disk.sync(path)


def _file(origin: DomainName) -> str:
    return quote(origin, safe="") + ".zone"


def _head(plan: ZonePlan) -> str:
    text = "\n".join(record.text() for record in plan.records)
    return f"; edited from {hashlib.sha256(text.encode()).hexdigest()[:16]}"
