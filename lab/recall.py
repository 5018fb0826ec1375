"""Pure functions that know again what they are asked for again.

The rule: what is asked for once leaves a number behind and nothing else. `functools.lru_cache` keeps everything:
where each question is a new one that is work for nothing, and what it keeps pushes what is at work out of the
processor's own caches; a message cost 5 % more so, where each goes to another domain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple

_Ts = TypeVarTuple("_Ts")
V = TypeVar("V")


def known_again(most: int) -> Callable[[Callable[[*_Ts], V]], Callable[[*_Ts], V]]:
    """Above a pure function of hashable values: what it is asked for a second time it knows from then on; so many
    things at most, then it begins anew. None is never known.

    >>> @known_again(most=100)
    ... def double(number: int) -> int:
    ...     print("at work")
    ...     return 2 * number
    >>> [double(21) for _ in range(4)]
    at work
    at work
    [42, 42, 42, 42]
    """

    def knowing(work: Callable[[*_Ts], V]) -> Callable[[*_Ts], V]:
        known: dict[tuple[*_Ts], V] = {}
        met: set[int] = set()

        @wraps(work)
        def ask(*asked: *_Ts) -> V:
            found = known.get(asked)
            if found is not None:
                return found
            found = work(*asked)
            mark = hash(asked)
            if mark not in met:
                if len(met) >= 8 * most:
                    met.clear()
                met.add(mark)
            else:
                if len(known) >= most:
                    known.clear()
                known[asked] = found
            return found

        return ask

    return knowing
