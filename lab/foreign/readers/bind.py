"""BIND's log into events.

    told                                 not told, so not in the events
    a zone is served with a serial       who asked what (there is no word for it)

named -g: the category `general` at level info.
"""

from __future__ import annotations

import re

from lab.events import Event, ZoneReloaded

_LOADED = re.compile(r".*zone (?P<zone>\S+)/IN: loaded serial (?P<serial>\d+)")


class BindReader:
    def read(self, line: str, now: float) -> list[Event]:
        found = _LOADED.match(line)
        if found is None:
            return []
        return [ZoneReloaded(found["zone"], int(found["serial"]))]
