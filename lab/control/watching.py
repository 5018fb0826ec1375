"""What happened and what happens: `journey` and `watch`.

The rule: both are views of the one event log, which this module never writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from lab.control.arguments import Args, flag, number, optional
from lab.control.running import Lab
from lab.errors import WrongUse
from lab.journey import State, to_json
from lab.log import Entry
from lab.names import DomainName

Form = dict[str, Any]


async def watch(lab: Lab, args: Args) -> AsyncIterator[Form]:
    """Every entry after number `since` (without it, those to come), and then each as it happens; with `once`,
    no more than there is now."""
    log = lab.internet.log
    coming: asyncio.Queue[Entry] = asyncio.Queue()
    leave = log.subscribe(coming.put_nowait)
    try:
        for entry in log.since(number(args, "since", 0 if flag(args, "once") else len(log))):
            yield entry.to_json()
        while not flag(args, "once"):
            yield (await coming.get()).to_json()
    finally:
        leave()


async def journey(lab: Lab, args: Args) -> Form:
    """One journey; without an id, all of them in a line each."""
    name = optional(args, "id")
    if not name:
        return {"journeys": [_line(lab, known) for known in lab.journeys]}
    if name not in lab.journeys:
        raise WrongUse(f"there is no journey '{name}' in this lab", remedy="List them:  lab journey", code="W006")
    return full(lab, name)


def full(lab: Lab, name: str) -> Form:
    """A journey's JSON twin; `now` is lab time in seconds, to count the time to its next try; `halted` has the
    hosts where it waits and nothing happens, and why."""
    found = lab.journeys[name]
    waits = {DomainName(fate.host) for fate in found.fates if fate.state in (State.QUEUED, State.HELD)}
    halted = {host: why for host in sorted(waits) if (why := lab.internet.halted(host))}
    return {**to_json(found), "now": lab.internet.fabric.clock.elapsed(), "halted": halted}


def _line(lab: Lab, name: str) -> Form:
    found = lab.journeys[name]
    return {
        "journey": name,
        "from": found.sender,
        "to": list(found.recipients),
        "state": str(found.state),
        "subject": found.subject,
    }
