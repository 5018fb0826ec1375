"""The last line of a journey: where the message is now, and what happens next.

The rule: it can be said aloud to somebody who knows nothing of queues. `now` is in lab seconds. `halted`: on which
hosts nothing happens at present, and why: {"mail.b.be": "stands still"}.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lab.clock import show_span
from lab.journey.model import Fate, Journey, Notice, State

NOBODY: Mapping[str, str] = MappingProxyType({})


def closing(journey: Journey, now: float, halted: Mapping[str, str] = NOBODY) -> str:
    """One sentence about the recipient on whom the whole message waits."""
    fate = decisive(journey)
    again = f"{halted[fate.host]} until it is healed" if fate.host in halted else _again(fate, now)
    return _others(journey) + _CLOSINGS[journey.state](journey, fate, again)


def decisive(journey: Journey) -> Fate:
    """That of the recipient on whom the whole message waits."""
    return next(fate for fate in journey.fates if fate.state is journey.state)


def _queued(journey: Journey, fate: Fate, again: str) -> str:
    return f"Still at {fate.host}: it {again}."


def _held(journey: Journey, fate: Fate, again: str) -> str:
    place = f"Held by {fate.host}, not in {_person(fate)}'s mailbox yet"
    if fate.next_try is None:
        return f"{place}" + (f": {fate.detail}." if fate.detail else ".")
    if fate.at_home:
        why = f"{fate.host} cannot put it into {_person(fate)}'s mailbox: {fate.detail}"
        return f"{why}; it {again}."
    return f"Held by the backup, not in {_person(fate)}'s mailbox yet: {fate.host} {again}."


def _bounced(journey: Journey, fate: Fate, again: str) -> str:
    told = next((_told(notice) for notice in journey.notices if notice.kind == "bounce"), "")
    reason = fate.detail if fate.status in fate.detail else f"{fate.status} {fate.detail}"
    return f"{fate.host} gave up on {fate.recipient}: {reason.strip().rstrip('.')}.{told}"


def _told(bounce: Notice) -> str:
    match bounce.state:
        case State.DELIVERED:
            return f" {bounce.to} was told."
        case State.BOUNCED:
            return f" The bounce to {bounce.to} failed, too."
        case _:
            return f" The bounce to {bounce.to} is not there yet."


def _refused(journey: Journey, fate: Fate, again: str) -> str:
    return f"Refused at once: {fate.detail.rstrip('.')}."


def _delivered(journey: Journey, fate: Fate, again: str) -> str:
    last = max(journey.fates, key=lambda one: one.t)
    whose = f"{_person(fate)}'s mailbox" if len(journey.fates) == 1 else f"all {len(journey.fates)} mailboxes"
    place = f" at {last.host}" if all(one.host == last.host for one in journey.fates) else ""
    took = last.t - journey.started
    return f"In {whose}{place} {f'after {show_span(took)}' if took >= 0.001 else 'at once'}."


_CLOSINGS = {
    State.QUEUED: _queued,
    State.HELD: _held,
    State.BOUNCED: _bounced,
    State.REFUSED: _refused,
    State.DELIVERED: _delivered,
}


def _again(fate: Fate, now: float) -> str:
    if fate.next_try is None:
        return "is at work on it"
    return f"tries again in {show_span(round(fate.next_try - now))}" if fate.next_try > now else "tries again now"


def _others(journey: Journey) -> str:
    """Of several recipients, how many are done already."""
    done = sum(fate.state is State.DELIVERED for fate in journey.fates)
    return f"{done} of {len(journey.fates)} delivered. " if 0 < done < len(journey.fates) else ""


def _person(fate: Fate) -> str:
    return fate.recipient.rpartition("@")[0]
