"""One case under one policy, played on sim; and what came of it at the first attempt.

The rule: an outcome is read from the log and from what the receivers saw, never from the policy. The world stops
when every recipient has its fate or waits for a next try; the same case tells the same story every time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from enum import StrEnum

from lab.compare.cases import DOMAIN, OWN_ADDRESSES, SENDER, Case
from lab.compare.world import planned, under, with_receivers
from lab.events import (
    ConnectionFailed,
    ConnectionOpened,
    MailDeferred,
    MailRelayed,
    RecipientsFailed,
    ReplyReceived,
    Stage,
)
from lab.fabric import site
from lab.fabric.base import Boot, Fabric
from lab.fabric.loop import LabLoop
from lab.faults import Down, Silent
from lab.internet import Internet
from lab.journey import Fate, Journey, Journeys, State, build
from lab.log import EventLog
from lab.names import EmailAddress
from lab.topology.plan import Plan
from lab.values import dataclass

ANN = EmailAddress("ann@uni.ch")
_LETTER = b"Subject: which way?\r\n\r\nWho takes this one?\r\n"
_PATIENCE = timedelta(hours=1)
"""Lab time for one attempt: connections to silent hosts end after half a minute, sessions after ten."""


class End(StrEnum):
    """What became of one recipient at the first attempt."""

    DELIVERED = "delivered"
    QUEUED = "queued"
    BOUNCED = "bounced"
    LOOPED = "looped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell. `sessions`: the receivers that got a connection, in order; `ends`: one for each recipient of each
    message; `status`: the enhanced code of what was deferred or bounced; `rows`: the policy's rows that
    counted, each with what followed."""

    case: Case
    policy: str
    sessions: tuple[str, ...]
    ends: tuple[End, ...]
    takers: tuple[str, ...]
    """The receivers that took a message, in order."""
    status: str
    rows: tuple[tuple[str, str], ...]
    attempts: int
    """Connections tried, whether or not they came about."""
    journey: Journey
    """Of the first message."""
    now: float
    """Lab seconds at the end."""

    @property
    def story(self) -> tuple[tuple[str, ...], tuple[End, ...]]:
        """What makes two policies alike in a case."""
        return self.takers if self.case.messages == 1 else self._spread, tuple(sorted(self.ends))

    @property
    def _spread(self) -> tuple[str, ...]:
        """Of many messages it counts whether they were spread, not how the dice fell."""
        counts = [self.takers.count(name) for name in self.case.receivers]
        return ("spread",) if 4 * min(counts) >= max(counts) else ("kept",)


def compare(cases: Iterable[Case], policies: Sequence[str]) -> Iterator[list[Outcome]]:
    """A row for each case: its outcome under each policy."""
    for case in cases:
        plan = planned(case)
        yield [play(case, policy, plan=plan) for policy in policies]


def play(case: Case, policy: str, seed: str = "1", plan: Plan | None = None) -> Outcome:
    """The outcome of a case under a policy; `plan` where the case's is at hand."""
    plan = under(plan or planned(case), policy, seed)
    heard: list[str] = []
    stage = site.sim(plan)

    def make(boot: Boot) -> Fabric:
        return stage.make(with_receivers(boot, case, heard.append))

    with asyncio.Runner(loop_factory=lambda: LabLoop(stage.source)) as runner:
        log, now = runner.run(_act(case, plan, make))
    return _read(case, policy, log, tuple(heard), now)


async def _act(case: Case, plan: Plan, make: Callable[[Boot], Fabric]) -> tuple[EventLog, float]:
    internet = Internet(plan, make)
    await internet.up()
    for name in case.down:
        await internet.fail(name, Down())
    for label, (_, words) in case.receivers.items():
        if words == "silent":
            await internet.fail(f"{label}.{DOMAIN}", Silent())
    journeys = build(internet.log)
    internet.log.subscribe(journeys.feed)
    for _ in range(case.messages):
        await internet.send(ANN, [EmailAddress(one) for one in case.to], _LETTER)
        await internet.fabric.settle(lambda: _is_over(journeys), _PATIENCE)
    now = internet.fabric.clock.elapsed()
    await internet.down()
    return internet.log, now


def _is_over(journeys: Journeys) -> bool:
    """The last message has its fates, or waits."""
    last = list(journeys)[-1]
    return all(fate.state in _OVER or fate.next_try is not None for fate in journeys.fates(last))


_OVER = (State.DELIVERED, State.BOUNCED, State.REFUSED)


def _read(case: Case, policy: str, log: EventLog, heard: tuple[str, ...], now: float) -> Outcome:
    journeys = build(log)
    found = [journeys[name] for name in journeys]
    own = [entry.event for entry in log if entry.host == SENDER]
    looped = any(isinstance(event, MailRelayed) and event.address in OWN_ADDRESSES for event in own)
    fates = [fate for journey in found for fate in journey.fates]
    ends = tuple(End.LOOPED if looped and fate.state is not State.DELIVERED else _end(fate) for fate in fates)
    takers = tuple(_taker(case, event) for event in own if isinstance(event, MailRelayed))
    return Outcome(
        case,
        policy,
        heard,
        ends,
        takers,
        _status(own),
        tuple(dict.fromkeys(rows_of(own))),
        _attempts(own),
        found[0],
        now,
    )


def _end(fate: Fate) -> End:
    match fate.state:
        case State.DELIVERED:
            return End.DELIVERED
        case State.BOUNCED:
            return End.BOUNCED
        case _:
            return End.QUEUED


def _taker(case: Case, event: MailRelayed) -> str:
    labels = {address: label for label, (address, _) in case.receivers.items()}
    return labels.get(event.address, "itself")


def _status(own: Sequence[object]) -> str:
    """Of the bounce, or of what waits."""
    found = [event.status for event in own if isinstance(event, RecipientsFailed | MailDeferred)]
    return found[-1] if found else ""


def _attempts(own: Sequence[object]) -> int:
    failed = [event for event in own if isinstance(event, ConnectionFailed) and event.stage is Stage.CONNECT]
    return len(failed) + sum(isinstance(event, ConnectionOpened) for event in own)


def rows_of(own: Sequence[object]) -> Iterator[tuple[str, str]]:
    """A row that sent the message on, then the one that ended it, if there is one."""
    seen: list[tuple[str, str]] = []
    for event in own:
        match event:
            case ReplyReceived(row=row, follows=follows) | ConnectionFailed(row=row, follows=follows) if row:
                seen.append((row, follows))
            case MailDeferred(row=row) if row:
                seen.append((row, "later"))
            case RecipientsFailed(row=row) if row:
                seen.append((row, "bounce"))
    return iter(seen)
