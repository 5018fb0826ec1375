"""Dates of header fields: RFC 5322 §3.3, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from hypothesis import given
from hypothesis import strategies as st

from lab.wire.header_date import header_date

MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_a_date_is_read_back_to_its_second(at: datetime) -> None:
    assert parsedate_to_datetime(header_date(at)) == at.replace(microsecond=0)


def test_one_moment_told_in_two_zones_is_written_in_each() -> None:
    noon = datetime(2026, 1, 6, 12, tzinfo=UTC)
    assert header_date(noon) == "Tue, 06 Jan 2026 12:00:00 +0000"
    assert header_date(noon.astimezone(timezone(timedelta(hours=1)))) == "Tue, 06 Jan 2026 13:00:00 +0100"
