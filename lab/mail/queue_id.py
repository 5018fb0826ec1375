"""Queue ids: short, never twice on one host, and seldom the same on two.

The rule: an id is the time it was reserved at, in milliseconds since the first day of lab time and never going
back, with ten bits of chance behind it; in 32 letters and digits that cannot be mistaken for one another.
"""

from __future__ import annotations

from random import Random

from lab.clock import DAY_ONE, Clock

_DIGITS = "0123456789abcdefghjkmnpqrstuvwxy"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


class QueueIds:
    __slots__ = ("_clock", "_last", "_rng")

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng
        self._last = 0

    def next(self) -> str:
        since = int((self._clock.now() - DAY_ONE).total_seconds() * 1000)
        self._last = max(self._last + 1, since)
        return _text(self._last << 10 | self._rng.getrandbits(10))

    def heed(self, taken: str) -> None:
        """An id that is in use from an earlier life."""
        number = 0
        for digit in taken:
            number = number << 5 | _VALUES.get(digit, 0)
        self._last = max(self._last, number >> 10)


def _text(number: int) -> str:
    digits = ""
    while number > 31:
        digits = _PAIRS[number & 1023] + digits
        number >>= 10
    return _DIGITS[number] + digits if number or not digits else digits
