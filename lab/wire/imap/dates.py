"""Dates as IMAP writes them: `1-Feb-1994` in SEARCH, `"17-Jul-1996 02:44:25 -0700"` for INTERNALDATE.

RFC 9051 §9 date, date-time.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

from lab.wire.imap.tokens import BadSyntax, Scanner

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DATE = re.compile(rb'"?(\d{1,2})-([A-Za-z]{3})-(\d{4})"?')
_DATE_TIME = re.compile(rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')


def read_date(scanner: Scanner) -> date:
    """
    >>> read_date(Scanner(b"1-Feb-1994"))
    datetime.date(1994, 2, 1)
    """
    found = scanner.match(_DATE, "a date such as 1-Feb-1994")
    try:
        return date(int(found[3]), _month(found[2]), int(found[1]))
    except ValueError:
        raise BadSyntax(f"there is no day {found[0].decode()}") from None


def read_date_time(scanner: Scanner) -> datetime:
    found = scanner.match(_DATE_TIME, 'a moment such as "17-Jul-1996 02:44:25 -0700"')
    day, year, hour, minute, second, away, along = (int(found[n]) for n in (1, 3, 4, 5, 6, 8, 9))
    offset = timedelta(hours=away, minutes=along) * (-1 if found[7] == b"-" else 1)
    try:
        return datetime(year, _month(found[2]), day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        raise BadSyntax(f"there is no moment {found[0].decode()}") from None


def _month(name: bytes) -> int:
    return MONTHS.index(name.decode().capitalize()) + 1


def write_date_time(moment: datetime) -> str:
    """
    >>> write_date_time(datetime(2026, 1, 5, 12, 0, tzinfo=timezone.utc))
    '" 5-Jan-2026 12:00:00 +0000"'
    """
    month = MONTHS[moment.month - 1]
    return f'"{moment.day:2}-{month}-{moment.year:04} {moment:%H:%M:%S %z}"'
