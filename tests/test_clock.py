"""Spans of time, as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lab.clock import parse_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("30s", 30), ("5m", 300), ("5 min", 300), ("4H", 14400), ("1h30m", 5400), ("2w", 1209600)),
        *(("90", 90), ("1h30", 3630), ("250ms", 0.25), ("1s500ms", 1.5), ("0.5d", 43200), (".5s", 0.5), ("0", 0)),
    ],
)
def test_a_span_is_read(text: str, seconds: float) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", ".", "soon", "5x", "m5", "1.2.3s", "-5m", "1e5s", "٣s", "5m soon", "h"])
def test_what_is_no_span_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is not a span of time: write 30s, 5m, 4h"):
        parse_span(text)


def test_a_span_beyond_all_time_is_told() -> None:
    with pytest.raises(ValueError, match="is longer than any span of lab time"):
        parse_span("9999999999999w")
