"""Many futures, over the processor's cores.

    for outcome in play_all(Order(plan, over, seeds=range(1, 1001))):
        print(outcome.seed, outcome.passed)

The rule: a future depends on its seed and nothing else, so it does not matter which process plays it, or when. The
plan is made once and given to every process; outcomes come in the order of their seeds.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context

from lab.errors import MachineSaidNo, WrongUse
from lab.scenario.futures.acts import Act
from lab.scenario.futures.draw import Setting, draw
from lab.scenario.futures.play import Outcome, play
from lab.scenario.futures.promises import Breach, Broken
from lab.scenario.futures.shrink import shrink
from lab.scenario.play import bounded
from lab.topology.plan import Plan
from lab.values import dataclass

PATIENCE = 120.0
"""Seconds of the wall clock for one future, which takes some hundredths."""
_CHUNK = 20
"""Seeds that a process gets at once: half a second of work."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be played. `jobs` processes; 0: as many as there are cores."""

    plan: Plan
    over: Setting
    seeds: Sequence[int]
    jobs: int = 0


def play_all(order: Order) -> Iterator[Outcome]:
    """The outcome of each seed. MachineSaidNo (H071) when a process is ended from outside."""
    jobs = min(order.jobs or os.cpu_count() or 1, max(1, len(order.seeds) // 4))
    if jobs == 1:
        for seed in order.seeds:
            yield play_one(order.plan, order.over, seed)
        return
    size = max(1, min(_CHUNK, len(order.seeds) // (4 * jobs)))
    chunks = [order.seeds[at : at + size] for at in range(0, len(order.seeds), size)]
    # Spawned, not forked: what this process has open and running is nothing to them.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _leave_interrupts)
    try:
        waiting = [pool.submit(play_some, order.plan, order.over, chunk) for chunk in chunks]
        for chunk in waiting:
            yield from _told(chunk)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _told(chunk: Future[list[Outcome]]) -> list[Outcome]:
    try:
        return chunk.result()
    except BrokenProcessPool:
        raise MachineSaidNo(
            "a process that played futures was ended from outside (by a lack of memory?)",
            remedy="With fewer at once:  --jobs 1",
            code="H071",
        ) from None


def _leave_interrupts() -> None:
    """Ctrl-C is for the one who waits for these processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def play_some(plan: Plan, over: Setting, seeds: Sequence[int]) -> list[Outcome]:
    return [play_one(plan, over, seed) for seed in seeds]


def play_one(plan: Plan, over: Setting, seed: int) -> Outcome:
    """Draw it and play it; one that finds no end is a failure like others."""
    acts = draw(seed, over)
    return replace(_played(plan, seed, acts), befell=befell(acts))


def _played(plan: Plan, seed: int, acts: Sequence[Act]) -> Outcome:
    try:
        with bounded(PATIENCE):
            return play(plan, seed, acts)
    except WrongUse as error:
        if error.code != "W025":
            raise  # a scenario's act does not fit this topology: no future will
        return Outcome(seed, broken=(Broken(Breach.ENDLESS, detail=error.sentence),))


def befell(acts: Sequence[Act]) -> tuple[str, ...]:
    """What goes wrong in a list of acts, in words."""
    return tuple(word for act in acts if (word := act.befalls))


def fewest_acts(plan: Plan, over: Setting, outcome: Outcome) -> tuple[Act, ...]:
    """The acts of a failing future that are needed for it to break the promise it breaks."""
    breach = outcome.broken[0].breach

    def fails(acts: tuple[Act, ...]) -> bool:
        return any(one.breach is breach for one in _played(plan, outcome.seed, acts).broken)

    return shrink(draw(outcome.seed, over), fails)
