"""Sets of message numbers, as IMAP writes them: `1:3,7,12:*` (RFC 9051 §9 sequence-set).

The rule: a set is kept as it was written, pairs of ends with None for `*`, until it is known what the numbers are:
`*` is the highest there is, and a range may be written from either end. `$` is the last saved search (§6.4.4.1).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from lab.values import dataclass
from lab.wire.imap.tokens import BadSyntax, Scanner

_SET = re.compile(rb"\$|(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*")


@dataclass(frozen=True, slots=True)
class NumberSet:
    """`ranges` of both ends; None is `*`."""

    ranges: tuple[tuple[int | None, int | None], ...] = ()
    saved: bool = False

    def spans(self, highest: int) -> Iterator[tuple[int, int]]:
        """(low, high), with `*` being `highest`."""
        for first, last in self.ranges:
            a = highest if first is None else first
            b = highest if last is None else last
            yield min(a, b), max(a, b)

    def among(self, uids: Sequence[int]) -> list[int]:
        """Those of the ascending `uids` that are in the set, ascending, each once.

        >>> read_set(Scanner(b"5:*,1")).among([1, 3, 9])
        [1, 9]
        """
        highest = uids[-1] if uids else 0
        found: list[int] = []
        for low, high in _joined(self.spans(highest)):
            found += uids[bisect_left(uids, low) : bisect_right(uids, high)]
        return found

    def highest(self, of: int) -> int:
        """The highest number in the set, where `*` is `of`."""
        return max((high for _, high in self.spans(of)), default=0)


def _joined(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Overlapping spans made one, ascending: a set of 10,000 overlaps costs no more than its messages."""
    low = high = -1
    for a, b in sorted(spans):
        if a > high + 1 or high < 0:
            if high >= 0:
                yield low, high
            low = a
        high = max(high, b)
    if high >= 0:
        yield low, high


def read_set(scanner: Scanner) -> NumberSet:
    text = scanner.match(_SET, "a set of numbers such as 1:3,7 or 5:*")[0].decode()
    if text == "$":
        return NumberSet(saved=True)
    return NumberSet(tuple(_range(part) for part in text.split(",")))


def _range(text: str) -> tuple[int | None, int | None]:
    first, _, last = text.partition(":")
    return _end(first), _end(last or first)


def _end(text: str) -> int | None:
    if text == "*":
        return None
    number = int(text)
    if not 0 < number < 1 << 32:
        raise BadSyntax(f"message numbers are 1 to 4294967295, not {number}")
    return number


def write_set(numbers: Sequence[int]) -> str:
    """Ascending numbers, as short as they can be written.

    >>> write_set([1, 2, 3, 7])
    '1:3,7'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in runs)
