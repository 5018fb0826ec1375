"""Lab time that several processes share.

The rule: they agree to the microsecond without talking, for they all count the machine's monotonic clock from one
origin; only a leap has to be told, as one number.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.clock import DAY_ONE, WarpedTime
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


def by_the_wall() -> SharedTime:
    """Lab time that is the wall's: seconds since lab time begins everywhere, so that a host's clock shows the day
    that it is, and machines whose clocks agree tell of one moment alike, though nobody leads them."""
    return SharedTime(ahead=(datetime.now(UTC) - DAY_ONE).total_seconds())


def machine() -> str:
    """Which boot of which machine this is."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
