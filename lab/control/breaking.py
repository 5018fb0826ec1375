"""What can be broken, mended and hurried: `fail`, `heal`, `clock`.

The rule: a fault is a value of `lab.faults` or a line of `lab.topology.plan`; what the words and options of a verb
mean is decided by the pure `fault_of` and `link_of`. Options become the words that a fault is typed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any

from lab.control.arguments import Args, flag, number, optional, share, span, text, texts
from lab.control.running import Lab
from lab.errors import WrongUse
from lab.events import (
    BounceSent,
    DelayWarned,
    Event,
    FaultApplied,
    FaultCancelled,
    FaultLifted,
    LabStarted,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    ProgramCrashed,
    RecipientsFailed,
)
from lab.fabric.breakage import Breakage, Cut, OnHost, OnLine
from lab.faults import Fault, cut_of, share_of, sometimes
from lab.faults import fault_of as read_fault
from lab.log import Entry
from lab.timing import Timing, take_times, timing
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
    """A host, or the line between two places, now or at its time; a place is a host, an organisation or "*"."""
    what, when = breakage_of(lab, args), timing_of(args)
    await lab.internet.break_down(what, when)
    if isinstance(what, OnHost):
        said = {"host": what.host, "fault": what.fault}
    else:
        said = {"host": text(args, "host"), "fault": _of_a_line(what)}
    return said if when.is_plain else {**said, "when": str(when)}


def breakage_of(lab: Lab, args: Args) -> Breakage:
    """What the words ask to be broken, with its places."""
    place, link = text(args, "host"), link_of(args)
    share = share_of(text(args, "chance")) if args.get("chance") else 1.0
    worded = cut_of(take_times(texts(args, "words"))[0])
    if worded is not None:
        other, one_way, luck = worded
        places = lab.internet.places([place, other])
        return Cut(places[:1], places[1:], one_way or flag(args, "one_way"), min(share, luck))
    if args.get("cut"):
        places = lab.internet.places([place, text(args, "cut")])
        return Cut(places[:1], places[1:], flag(args, "one_way"), share)
    if flag(args, "one_way"):
        raise WrongUse("a cut goes one way, and no other fault does", remedy="Add --cut PLACE.", code="W012")
    if link is not None:
        if share < 1:
            raise WrongUse("a line is slow for all; what it loses by chance is said by --loss", code="W012")
        a, b = lab.internet.places([place, optional(args, "to", "*")])
        return OnLine(a, b, link)
    return OnHost(lab.internet.host(place).name, sometimes(fault_of(args), share))


def _of_a_line(what: Cut | OnLine) -> str:
    match what:
        case Cut(_, others, one_way, share):
            chance = f"chance {share * 100:g}% " if share < 1 else ""
            return f"{chance}{'does not reach' if one_way else 'cut off from'} {', '.join(others)}"
        case OnLine(_, other, link):
            return f"{link} to {'everyone' if other == '*' else other}"


def timing_of(args: Args) -> Timing:
    """When the words want it: {start, after, lasting, every}, each a time or a span as people write it."""
    said = take_times(texts(args, "words"))[1]
    for name in ("at", "after", "lasting", "every"):
        option = optional(args, "start" if name == "at" else name)
        if option and name in said:
            raise WrongUse(f"'{said[name]}' and '{option}' are two times", code="W012")
        if option:
            said[name] = option
    try:
        return timing(**said)
    except ValueError as error:
        raise WrongUse(str(error), code="W012") from None


async def heal(lab: Lab, args: Args) -> Form:
    """Of one host its faults, without a host everything: faults, cuts, lines that `fail` laid, and what is
    scheduled."""
    name = optional(args, "host")
    lines = {} if name else broken_lines(lab.internet.log)
    start = len(lab.internet.log)
    healed = await lab.internet.heal(name)
    cancelled = [
        {"target": entry.event.target, "fault": entry.event.fault}
        for entry in lab.internet.log.since(start)
        if isinstance(entry.event, FaultCancelled)
    ]
    return {"healed": healed, "lines": [f"{a} – {b}" for a, b in lines], "cancelled": cancelled}


def scheduled(lab: Lab) -> list[Form]:
    """What begins or ends by itself, a row each: {target, fault, when, is_there, turn}; `turn` is when."""
    return [
        {
            "target": entry.what.target,
            "fault": entry.what.fault,
            "when": str(entry.timing),
            "is_there": entry.is_there,
            "turn": _moment(lab, entry.turn or 0.0),
        }
        for entry in lab.internet.schedule
    ]


def _moment(lab: Lab, elapsed: float) -> str:
    """To the nearest second, for lab time on real sockets begins within one."""
    clock = lab.internet.fabric.clock
    moment = clock.now() + timedelta(seconds=elapsed - clock.elapsed() + 0.5)
    return moment.isoformat(timespec="seconds")


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
    words, options = take_times(texts(args, "words"))[0], _worded(args)
    if words and options:
        raise WrongUse(f"'{' '.join(words)}' and '{options}' are two faults", remedy=_ONE_BY_ONE, code="W012")
    return read_fault(words or options or "down")


_ONE_BY_ONE = "One at a time; they add up."
_NAMED = ("stall", "reset", "hide", "slow", "clock")


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
    """What is wrong on which line (a pair of places) in order; of links the newest counts, cuts add up."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for entry in log:
        match entry.event:
            case FaultApplied(target, fault) if "|" in target:
                found.setdefault(_ends(target), {})[_kind(fault)] = fault.removeprefix("link ")
            case FaultLifted(target, fault) if "|" in target:
                found.get(_ends(target), {}).pop(_kind(fault), None)
    return {pair: ", ".join(faults.values()) for pair, faults in found.items() if faults}


def _ends(target: str) -> tuple[str, str]:
    a, _, b = target.partition("|")
    return a, b


def _kind(fault: str) -> str:
    return "link" if fault.startswith("link ") else fault
