"""Lab time that several processes share.

The rule: they agree to the microsecond without talking, for they all count the machine's monotonic clock from one
origin; only a leap has to be told, as one number.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from lab.clock import WarpedTime
from lab.fabric.distant.orders import Moment


@dataclass(slots=True)
class SharedTime(WarpedTime):
    """Real time, which leaps when all of the lab does."""

    @property
    def moment(self) -> Moment:
        return Moment(self._start, self.ahead, machine(), self.time())

    def join(self, moment: Moment) -> None:
        """Follow another process's time. Another machine's clock counts from elsewhere: there it is now what it
        was when this was said, late by what the word was under way."""
        self.ahead = moment.ahead
        same = moment.machine == machine()
        self._start = moment.origin if same else time.monotonic() - moment.now + moment.ahead


def machine() -> str:
    """Which boot of which machine this is."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
