"""What the lab's keeper can ask and change at an authoritative server: `zone`, `edit-zone`, `decide`.

The rule: an edit is checked as a whole before any of it counts, and raises the serial by itself.
Master-file lines: RFC 1035 §5.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lab.dns.shelf import Shelf
from lab.dns.zone import Zone
from lab.dns.zones import Zones
from lab.errors import BadFile, WorldSaidNo, WrongUse
from lab.events import ZoneReloaded
from lab.fabric.base import Host
from lab.names import DomainName
from lab.wire import zonefile
from lab.wire.dns import brief, present
from lab.wire.records import Record


class Keeper:
    """The console's answers about a host's zones; `put` brings a changed one into service."""

    __slots__ = ("_host", "_put", "_shelf", "_zones")

    def __init__(self, host: Host, zones: Zones, shelf: Shelf, put: Callable[[Zone], None]) -> None:
        self._host = host
        self._zones = zones
        self._shelf = shelf
        self._put = put

    async def show(self, request: dict[str, Any]) -> dict[str, Any]:
        """{origin?} → {origin, serial, text, records}"""
        return zone_form(self._asked(request))

    async def edit(self, request: dict[str, Any]) -> dict[str, Any]:
        """{origin?, add?: [line], remove?: [line]} → the zone as it is then."""
        zone = self._asked(request)
        add = read_lines(request.get("add", ()), zone)
        gone = list(_to_remove(request.get("remove", ()), zone))
        edited = zone.edited(add, gone)
        try:
            await self._shelf.write(edited, self._zones.plan(edited.origin))
        except OSError as error:
            reason = (error.strerror or "it failed").lower()
            raise WorldSaidNo(f"the disk of {self._host.name} did not take the zone: {reason}") from None
        self._put(edited)
        added, removed = tuple(map(told, add)), tuple(map(told, gone))
        self._host.log(ZoneReloaded(edited.origin, edited.serial, added, removed))
        return zone_form(edited)

    async def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        """{name, type} → {zone, rcode, aa, answers, reasons}: what this server says to a question, and why."""
        name, kind = DomainName.parse(str(request["name"])), str(request.get("type") or "A").upper()
        origin, said = self._zones.origin_of(name, kind), self._zones.answer(name, kind)
        return {
            "zone": origin.fqdn if origin else "",
            "rcode": said.rcode,
            "aa": said.aa,
            "answers": [record_form(record) for record in said.answer],
            "reasons": list(said.reasons),
        }

    def _asked(self, request: dict[str, Any]) -> Zone:
        """The zone a request names; the host's first when it names none."""
        wanted, have = request.get("origin"), self._zones.origins
        origin = DomainName.parse(wanted) if wanted else have[0]
        if origin not in self._zones:
            sentence = f"{self._host.name} does not serve the zone {origin.fqdn}"
            raise WrongUse(sentence, remedy=f"Its zones: {', '.join(zone.fqdn for zone in have)}", code="D001")
        return self._zones.zone(origin)


def zone_form(zone: Zone) -> dict[str, Any]:
    """The zone as JSON: `text` is a master file, `records` its rows."""
    return {
        "origin": zone.origin.fqdn,
        "serial": zone.serial,
        "text": zonefile.zone_text(zone.records, zone.origin),
        "records": [record_form(record) for record in zone.records],
    }


def record_form(record: Record) -> dict[str, Any]:
    return {"name": record.name.fqdn, "ttl": record.ttl, "type": record.type, "data": present(record.data)}


def told(record: Record) -> str:
    """A record as events tell it, without its TTL: "belgiannews.com. MX 5 mail.belgiannews.com"."""
    return f"{record.name.fqdn} {record.type} {brief(record.data)}"


def read_lines(lines: Iterable[str], zone: Zone) -> list[Record]:
    """Records from master-file lines, below the zone's origin; without a TTL they take the SOA's. Or BadFile."""
    parsed = zonefile.read("\n".join(lines), zone.origin, ttl=zone.soa.ttl)
    if parsed.problems:
        raise BadFile(parsed.problems)
    outside = next((r for r in parsed.records if not r.name.is_within(zone.origin)), None)
    if outside is not None:
        raise WrongUse(f"{outside.name.fqdn} is not in the zone {zone.origin.fqdn}", code="D002")
    return list(parsed.records)


def _to_remove(lines: Iterable[str], zone: Zone) -> Iterator[Record]:
    """`@ MX 10 relay.eunet.be.` is one record, `@ MX` every record of the type there."""
    for line in lines:
        found = list(_matches(line, zone))
        if not found:
            raise WrongUse(f"the zone {zone.origin.fqdn} has no record '{line}'", code="D003")
        yield from found


def _matches(line: str, zone: Zone) -> Iterator[Record]:
    words = line.split()
    if len(words) == 2:
        name, kind = DomainName.parse(words[0], zone.origin), words[1].upper()
        return (record for record in zone.records if (record.name, record.type) == (name, kind))
    wanted = [(record.name, record.data) for record in read_lines([line], zone)]
    return (record for record in zone.records if (record.name, record.data) in wanted)
