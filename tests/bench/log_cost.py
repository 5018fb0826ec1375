"""What the event log takes of a message's CPU: the same mail with a log at work, and with one that keeps nothing.

A pair of worlds after the other, so that a busy machine is as busy for both; the median of the pairs. What a
silent log does not save is added: the making of the events themselves.
"""

from __future__ import annotations

import asyncio
import gc
import io
import statistics
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta

from lab.clock import VirtualTime
from lab.events import Event
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.journey.build import Journeys
from lab.log import Entry, EventLog
from lab.topology import loads
from lab.topology.plan import Plan
from tests.bench.worlds import letter

MESSAGES = 400
PAIRS = 7


class Silent(EventLog):
    """Takes every event, and keeps none."""

    __slots__ = ()

    def append(self, t: float, host: str, event: Event) -> Entry:
        return _NOTHING


_NOTHING = Entry(0, 0.0, "", Event())


def share(listens: Callable[[EventLog], None] = lambda log: None) -> float:
    """Percent of a message's CPU; `listens` subscribes whoever listens to the log at work."""
    plan = loads("name: bench\npopulation: 50\n", "bench.yaml")
    _mail(plan, EventLog())  # what a first world loads is nobody's cost
    pairs = []
    for _ in range(PAIRS):
        log = EventLog()
        listens(log)
        pairs.append((_mail(plan, log), _mail(plan, Silent())))
    making = _making([entry.event for entry in log]) / statistics.median(full for full, _ in pairs)
    return 100 * (statistics.median(1 - silent / full for full, silent in pairs) + making)


def with_journeys() -> float:
    """As a running lab has it: journeys are drawn from every event as it comes."""
    return share(lambda log: _follow(log, Journeys()))


def with_lines() -> float:
    """As a node in a container has it: every entry is written as a line."""
    return share(lambda log: _write(log, io.StringIO()))


def _follow(log: EventLog, journeys: Journeys) -> None:
    log.subscribe(journeys.feed)


def _write(log: EventLog, to: io.StringIO) -> None:
    log.subscribe(lambda entry: _tell(to, entry.line()))


def _tell(to: io.StringIO, line: str) -> None:
    to.write(f"{line}\n")


def _mail(plan: Plan, log: EventLog) -> float:
    """CPU seconds of so many messages in a world whose names are known already."""
    from tests.bench.rows import cpu

    homes = [host.mail.mailboxes[0].address for host in plan.hosts if host.mail and host.mail.mailboxes]

    async def send(net: Internet, first: int, count: int) -> None:
        for number in range(first, first + count):
            to = homes[(number * 7 + 1) % len(homes)]
            await net.send(homes[number % len(homes)], [to], letter(str(number)))
        await net.advance(timedelta(minutes=1))

    async def scene() -> float:
        net = Internet(plan, lambda boot: SimFabric(plan.ranges, boot, plan.seed, log))
        await net.up()
        await send(net, 0, len(homes))
        gc.collect()
        begun = cpu()
        await send(net, len(homes), MESSAGES)
        took = cpu() - begun
        await net.down()
        return took

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        return runner.run(scene())


def _making(events: list[Event]) -> float:
    """CPU seconds to make the events of those messages, without what led to their values."""
    from tests.bench.rows import cpu

    made = [(type(event), [getattr(event, field.name) for field in fields(event)]) for event in events]
    begun = cpu()
    for kind, values in made:
        kind(*values)
    return (cpu() - begun) * MESSAGES / (MESSAGES + 50)
