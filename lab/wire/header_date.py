"""A moment as header fields write it: `Tue, 06 Jan 2026 09:00:00 +0000` (RFC 5322 §3.3).

The rule: to the second, and made once for each: what happens in a second of lab time bears one date, and the
standard library takes 7 µs to write it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache


def header_date(at: datetime) -> str:
    return _written(at.replace(microsecond=0), at.utcoffset())


@lru_cache(maxsize=64)
def _written(at: datetime, offset: timedelta | None) -> str:
    """`offset` tells two zones apart: their datetimes are equal at one moment, what is written is not."""
    return format_datetime(at)
