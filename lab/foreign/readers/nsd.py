"""NSD's log into events.

told                                                     not told, so not in the events
a zone is served with another serial                     who asked what (there is no word for it)
at the start, that a zone was read, without its serial
"""

from __future__ import annotations

import re

from lab.events import Event, ZoneReloaded

_UPDATED = re.compile(r".*zone (?P<zone>\S+) serial \d+ is updated to (?P<serial>\d+)")


class NsdReader:
    def read(self, line: str, now: float) -> list[Event]:
        found = _UPDATED.match(line)
        if found is None:
            return []
        zone = found["zone"]
        return [ZoneReloaded(zone if zone == "." else zone.rstrip("."), int(found["serial"]))]
