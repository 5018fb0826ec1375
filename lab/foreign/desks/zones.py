"""The console's answers about the zones of a name server that is not the lab's: zone, edit-zone, decide.

The rule: an edit is read and checked by the lab's own keeper, written as a master file with a higher serial, and
the answer comes when the server's log says that it serves that serial.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from lab.dns.keeper import Keeper as ZoneKeeper
from lab.dns.shelf import Shelf
from lab.dns.zone import Zone
from lab.dns.zones import Chosen, Zones
from lab.events import ZoneReloaded
from lab.foreign import processes
from lab.foreign.config.scene import File
from lab.foreign.config.zones import master_file, zone_file
from lab.foreign.desks.keeper import Keeper
from lab.topology.software import SOFTWARE, Role

RELOAD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bind": ("rndc", "reload"),
        "powerdns": ("pdns_control", "bind-reload-now"),
    }
)
"""How it is told that a zone's file is another one, the zone's name behind it. NSD and Knot are told by SIGHUP:
their control sockets are their own users', and root has no more rights here than others (no DAC_OVERRIDE)."""


class ZoneDesk:
    questions: ClassVar[Mapping[str, str]] = {"zone": "zone", "edit-zone": "edit", "decide": "decide"}

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._software = next(name for name in keeper.host.plan.software if Role.AUTHORITY in SOFTWARE[name])
        host = keeper.host
        shelf = Shelf(host)
        self._zones = Zones(Chosen(keeper.scene.zones, host.plan.zones), shelf.read)
        self._desk = ZoneKeeper(host, self._zones, shelf, self._put)
        self._restore()

    def _restore(self) -> None:
        """Edits of an earlier life of this host."""
        scene = self._keeper.scene
        for plan in scene.own_zones():
            zone = self._zones.zone(plan.origin)
            if zone.records != plan.records:
                self._write(zone)

    async def zone(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._desk.show(request)

    async def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._desk.decide(request)

    async def edit(self, request: dict[str, Any]) -> dict[str, Any]:
        form = await self._desk.edit(request)
        origin, serial = str(form["origin"]), int(form["serial"])
        name = origin if origin == "." else origin.rstrip(".")
        if self._software == "powerdns":
            await self._reload(name)  # which returns when it is done, and no log tells of it
            return form
        loaded = self._loaded(ZoneReloaded(name, serial))
        serves = asyncio.ensure_future(loaded)
        await asyncio.sleep(0)  # it listens from here on
        await self._reload(name)
        await serves
        return form

    def _loaded(self, event: ZoneReloaded) -> Coroutine[Any, Any, bool]:
        """The moment at which the server says that it has the zone; NSD says so without its serial."""
        if self._software == "nsd":
            return self._keeper.heard(f"zone {event.zone} read with success")
        return self._keeper.told(event)

    async def _reload(self, zone: str) -> None:
        if self._software in RELOAD:
            await processes.run((*RELOAD[self._software], zone))
        else:
            self._keeper.reload(self._software)

    def _put(self, zone: Zone) -> None:
        self._zones.put(zone)
        self._write(zone)

    def _write(self, zone: Zone) -> None:
        self._keeper.write((File(zone_file(zone.origin), master_file(zone.origin, zone.records)),))
