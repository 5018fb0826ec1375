"""Quantities as people write them: "20ms", "1%", "10Mbit", "10MB".

The rule: a number without a unit is refused where its unit is not obvious, so that 20 never means 20 seconds.
"""

from __future__ import annotations

import re
from datetime import timedelta

_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([A-Za-z%/]*)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BITS = {
    "bit": 1, "bit/s": 1, "bps": 1,
    "kbit": 10**3, "kbit/s": 10**3, "kbps": 10**3,
    "mbit": 10**6, "mbit/s": 10**6, "mbps": 10**6,
    "gbit": 10**9, "gbit/s": 10**9, "gbps": 10**9,
}  # fmt: skip
_OCTETS = {"": 1, "b": 1, "kb": 1000, "kib": 1024, "mb": 10**6, "mib": 2**20, "gb": 10**9, "gib": 2**30}


def duration(text: str) -> timedelta:
    """
    >>> duration("20ms")
    datetime.timedelta(microseconds=20000)
    """
    number, unit = _split(text)
    if number == 0 and not unit:
        return timedelta()
    try:
        return timedelta(seconds=number * _look_up(_SECONDS, unit, text, "a time, like 20ms, 5s or 1h"))
    except OverflowError:
        raise ValueError(f"'{text}' is longer than any time") from None


def seconds(text: str) -> int:
    """A TTL: a plain number is seconds, as in a zone file."""
    return (
        int(text) if text.isascii() and text.isdigit() and len(text) < 19 else int(duration(text).total_seconds())
    )


def share(text: str) -> float:
    """ "1%" or 0.01, from 0 to 1."""
    number, unit = _split(text)
    value = number / 100 if unit == "%" else number
    if unit not in ("", "%") or not 0 <= value <= 1:
        raise ValueError(f"'{text}' is not a share from 0% to 100%")
    return value


def rate(text: str) -> int:
    """Bits a second."""
    number, unit = _split(text)
    return round(number * _look_up(_BITS, unit.lower(), text, "a rate, like 64kbit, 10Mbit or 1Gbit"))


def octets(text: str) -> int:
    number, unit = _split(text)
    return round(number * _look_up(_OCTETS, unit.lower(), text, "a size, like 500kB or 10MB"))


def _split(text: str) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a number with its unit")
    return float(match[1]), match[2]


def _look_up(units: dict[str, float] | dict[str, int], unit: str, text: str, wanted: str) -> float:
    if unit not in units:
        raise ValueError(f"'{text}' is not {wanted}")
    return units[unit]
