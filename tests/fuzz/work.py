"""What an input costs, measured so that a loaded machine makes no difference: ratios of CPU time, and octets."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable


def cpu(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds of the cheapest of several runs."""
    spent = []
    gc.disable()  # what others left for the collector is not this work's
    try:
        for _ in range(times):
            start = time.process_time()
            work()
            spent.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(spent)


def grows_linearly(work: Callable[[int], object], size: int) -> bool:
    """Whether four times the input costs about four times as much; quadratic work would cost sixteen times.
    What is too little to measure counts as nothing."""
    many = cpu(lambda: work(4 * size), times=1)
    return (
        many < 0.02
        or many < 9 * cpu(lambda: work(size))
        or cpu(lambda: work(4 * size)) < 9 * cpu(lambda: work(size))
    )


def peak(work: Callable[[], object]) -> int:
    """The most octets that Python held at once while it worked, beyond those it held before."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
