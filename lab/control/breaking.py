"""What can be broken, mended and hurried: `fail`, `heal`, `clock`.

The rule: a fault is a value of `lab.faults` or a line of `lab.topology.plan`; what the words and options of a verb
mean is decided by the pure `fault_of` and `link_of`. Options become the words that a fault is typed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any

from lab.control.arguments import Args, number, optional, share, span, text, texts
from lab.control.running import Lab
from lab.errors import WrongUse
from lab.events import (
    BounceSent,
    DelayWarned,
    Event,
    FaultApplied,
    FaultLifted,
    LabStarted,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    ProgramCrashed,
    RecipientsFailed,
)
from lab.faults import Fault
from lab.faults import fault_of as read_fault
from lab.log import Entry
from lab.topology.plan import Link

Form = dict[str, Any]

_TELLING: tuple[type[Event], ...] = (
    BounceSent,
    DelayWarned,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    ProgramCrashed,
    RecipientsFailed,
)
"""What a person wants to hear of the hours that went by."""
_ENOUGH = 200


async def fail(lab: Lab, args: Args) -> Form:
    """A host, or the line between two places; a place is a host, an organisation or "*"."""
    place, link = text(args, "host"), link_of(args)
    if args.get("cut"):
        other = text(args, "cut")
        lab.internet.cut([place], [other])
        return {"host": place, "fault": f"cut off from {other}"}
    if link is not None:
        other = optional(args, "to", "*")
        lab.internet.connect(place, other, link)
        return {"host": place, "fault": f"{link} to {'everyone' if other == '*' else other}"}
    host, fault = lab.internet.host(place).name, fault_of(args)
    await lab.internet.fail(host, fault)
    return {"host": host, "fault": str(fault)}


async def heal(lab: Lab, args: Args) -> Form:
    """Of one host its faults, without a host everything: faults, cuts, and lines that `fail` laid."""
    name = optional(args, "host")
    lines = {} if name else broken_lines(lab.internet.log)
    healed = await lab.internet.heal(name)
    return {"healed": healed, "lines": [f"{a} – {b}" for a, b in lines]}


async def restore(lab: Lab, args: Args) -> Form:
    """Bring back what has ended by itself."""
    return {"restored": await lab.internet.restore()}


async def clock(lab: Lab, args: Args) -> Form:
    """What lab time it is; with `by`, after letting it run ahead, and what happened meanwhile."""
    by, start = optional(args, "by"), len(lab.internet.log)
    if by:
        await lab.internet.advance(_within_reason(lab, by))
    return {**_now(lab), "advanced_s": span(by).total_seconds() if by else 0.0, **_meanwhile(lab, start)}


_LAST_YEAR = 2100
"""Lab time ends with it: what is written down in 32 bits of seconds is good until 2106."""


def _within_reason(lab: Lab, by: str) -> timedelta:
    found, now = span(by), lab.internet.fabric.clock.now()
    if found > now.replace(year=_LAST_YEAR, month=12, day=31) - now:
        raise WrongUse(
            f"lab time ends with the year {_LAST_YEAR}", remedy=f"It is {now:%-d %B %Y} now.", code="W012"
        )
    return found


def _now(lab: Lab) -> Form:
    moment, started = lab.internet.fabric.clock, lab.internet.log.since(0)[0].event
    return {
        "now": moment.now().isoformat(timespec="seconds"),
        "elapsed_s": round(moment.elapsed(), 3),
        "epoch": started.epoch if isinstance(started, LabStarted) else "",
    }


def _meanwhile(lab: Lab, start: int) -> Form:
    telling = [entry for entry in lab.internet.log.since(start) if isinstance(entry.event, _TELLING)]
    return {"happened": [entry.to_json() for entry in islice(telling, _ENOUGH)], "happenings": len(telling)}


def fault_of(args: Args) -> Fault:
    """The fault that the words or the options ask for; `down` where they say nothing.

    >>> str(fault_of({"reply": 451, "at": "rcpt", "times": 2}))
    'reply 451 at rcpt twice'
    """
    words, options = texts(args, "words"), _worded(args)
    if words and options:
        raise WrongUse(f"'{' '.join(words)}' and '{options}' are two faults", remedy=_ONE_BY_ONE, code="W012")
    return read_fault(words or options or "down")


_ONE_BY_ONE = "One at a time; they add up."
_NAMED = ("stall", "reset", "hide", "slow")


def _worded(args: Args) -> str:
    """What the options say, in a fault's own words; "" where they say nothing."""
    code = number(args, "reply")
    said = [f"reply {code}" if code else "", optional(args, "as")]
    said += [f"{name} {'at ' * (name in _NAMED[:2])}{text(args, name)}" for name in _NAMED if args.get(name)]
    said = [words for words in said if words]
    if len(said) > 1:
        raise WrongUse(f"'{said[0]}' and '{said[1]}' are two faults", remedy=_ONE_BY_ONE, code="W012")
    more = [f"{word} {text(args, word)}" for word in ("at", "for") if args.get(word)]
    times, saying = number(args, "times"), optional(args, "text")
    more += [f"{times} times"] * bool(times) + [f"saying {saying}"] * bool(saying)
    return " ".join([*(said or ["down"] * bool(more)), *more])


def link_of(args: Args) -> Link | None:
    """The line that the words ask for; None where they speak of none."""
    if not (args.get("delay") or args.get("loss")):
        return None
    delay, loss = optional(args, "delay", "0s"), optional(args, "loss", "0")
    return Link(latency=span(delay), loss=share(loss))


def broken_lines(log: Iterable[Entry]) -> dict[tuple[str, str], str]:
    """What is wrong on which line (a pair of places) in order; the newest fault counts."""
    found: dict[tuple[str, str], str] = {}
    for entry in log:
        match entry.event:
            case FaultApplied(target, fault) if "|" in target:
                a, _, b = target.partition("|")
                found[a, b] = fault.removeprefix("link ")
            case FaultLifted(target) if "|" in target:
                a, _, b = target.partition("|")
                found.pop((a, b), None)
    return found
