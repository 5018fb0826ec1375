"""What is left of a remedy when it is asked for: nothing that was done since is said again.

The rule: a remedy is true at the time of asking. What somebody broke on purpose and healed, and what a zone says
by now, is read off the log; the message's next try is what remains, or to send it again.
"""

from __future__ import annotations

import math
import re

from lab.events import FaultApplied
from lab.journey.case import Case
from lab.journey.diagnoses.model import Found
from lab.journey.diagnoses.search import failed
from lab.journey.model import State
from lab.journey.world import NOW
from lab.names import DomainName

_EDIT = re.compile(r'lab zone (\S+)((?: --(?:add|remove) "[^"]+")+)(?:, then +|, )?')
_RECORD = re.compile(r'--(add|remove) "([^"]+)"')
_UNITS = {"m": "min", "h": "h"}
_TO_FILL_IN = ("HOST", "ADDRESS")


def remaining(remedy: str, case: Case, broken: list[FaultApplied]) -> str:
    """A remedy without what was done since; `broken`: what stood in the way on purpose."""
    if "lab heal" in remedy and broken and not any(is_still_there(case, one) for one in broken):
        return _healed(case)
    edit = _EDIT.search(remedy)
    if edit is None or not _is_done(case, edit[1], edit[2]):
        return remedy
    left = remedy[edit.end() :]
    return f"{DomainName(edit[1].rstrip('.')).fqdn} says so by now:  {left}" if left else "It is done by now."


def met_on_purpose(case: Case, found: Found) -> list[FaultApplied]:
    """What somebody broke, where it was in force when the evidence was met."""
    places = {place for leg in case.legs for place in case.world.places(leg.host)} - {"*"}
    names = {*found.facts.values(), *places}
    broken = {entry.n: entry for one in found.entries for entry in case.world.in_force(one.n)}
    return [
        entry.event
        for entry in broken.values()
        if isinstance(entry.event, FaultApplied) and names & set(re.split(r"[|,]", entry.event.target))
    ]


def is_still_there(case: Case, fault: FaultApplied) -> bool:
    return any(one.event == fault for one in case.world.in_force(NOW))


def _healed(case: Case) -> str:
    if case.waits:
        return f"It is healed by now.  {retry(case)}"
    return "It is healed by now." if case.state is State.DELIVERED else "It is healed by now: send it again"


def retry(case: Case) -> str:
    """What to do where the cause is gone and the message waits. A resolver would say again that it failed."""
    wait, at_once = f"lab clock +{minutes(case)}m", f"lab queue {case.last.host} --retry"
    if case.world.in_real_time:
        return at_once
    return wait if failed(case) else f"{at_once},  or wait:  {wait}"


def in_time(case: Case, remedy: str) -> str:
    """Where lab time cannot run ahead, nobody is told to let it."""
    if not case.world.in_real_time:
        return remedy
    return re.sub(r"lab clock \+(\d+)(\w)", lambda found: f"wait {found[1]} {_UNITS[found[2]]}", remedy)


def minutes(case: Case) -> int:
    """Until the next try."""
    left = (case.fate.next_try or case.now) - case.now
    return max(1, math.ceil(left / 60))


def _is_done(case: Case, origin: str, records: str) -> bool:
    """Whether the zone has by now all that is to be added, and nothing that is to be removed."""
    zone = DomainName(origin.rstrip("."))
    return all(_has(case, zone, record) == (do == "add") for do, record in _RECORD.findall(records))


def _has(case: Case, zone: DomainName, record: str) -> bool:
    """A line of a master file; a type alone, or one with a word to fill in, stands for any record of that type."""
    label, kind, *data = record.split()
    name = zone if label == "@" else label.rstrip(".") if label.endswith(".") else f"{label}.{zone}"
    known = case.world.records(zone, name, kind, NOW)
    is_any = not data or data[-1] in _TO_FILL_IN
    return bool(known) if is_any else " ".join(data).removesuffix(".") in known
