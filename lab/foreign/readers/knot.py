"""Knot DNS's log into events.

told                                 not told, so not in the events
a zone is served with a serial       who asked what (there is no word for it)
"""

from __future__ import annotations

import re

from lab.events import Event, ZoneReloaded

_LOADED = re.compile(r".*\[(?P<zone>[^\s\[\]]+)\] loaded, serial \S+ -> (?P<serial>\d+)")


class KnotReader:
    def read(self, line: str, now: float) -> list[Event]:
        found = _LOADED.match(line)
        if found is None:
            return []
        zone = found["zone"]
        return [ZoneReloaded(zone if zone == "." else zone.rstrip("."), int(found["serial"]))]
