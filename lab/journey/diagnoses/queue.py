"""Queues: what a message waits for when its cause is over or is another's, and what came of waiting too long.

The rule: these are what came of a cause, told because they change what is to be done; the cause goes along.
RFC 5321 §4.5.4.1 (when to try again, when to give up), §4.5.5 (telling the sender).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lab.clock import show_span
from lab.events import ConnectionOpened, DelayWarned, FaultApplied, RecipientsFailed, ReplyReceived, Stage
from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found, on_purpose
from lab.journey.diagnoses.remedy import retry
from lab.journey.diagnoses.search import failed
from lab.journey.diagnoses.smtp import stage_words
from lab.journey.model import State
from lab.journey.world import NOW, World, hop
from lab.log import Entry


def _gave_up(case: Case) -> Found | None:
    left = case.last.left
    if case.state is not State.BOUNCED or left is None or not isinstance(left.event, RecipientsFailed):
        return None
    if not left.event.status.endswith(".4.7"):
        return None
    return Found({"took": show_span(left.t - case.last.born.t)}, (left,), rests=True)


def _wrong_clock(case: Case) -> Found | None:
    """Given up for its age, by a host whose clock is wrong."""
    found = _gave_up(case)
    broken = case.world.broken(case.last.host, found.entries[0].n) if found else []
    skew = [
        one.event.fault for one in broken if isinstance(one.event, FaultApplied) and "clock " in one.event.fault
    ]
    if found is None or not skew:
        return None
    return Found({**found.facts, "skew": skew[0].removeprefix("clock ")}, found.entries, rests=True)


def _warned(case: Case) -> Found | None:
    warnings = [one for leg in case.legs for one in leg.told if isinstance(one.event, DelayWarned)]
    if not case.waits or not warnings:
        return None
    age = show_span(round(case.now - case.legs[0].born.t))
    return Found({"age": age, "told": case.last.sender or case.journey.sender}, tuple(warnings[-1:]), rests=True)


def _behind(case: Case) -> Found | None:
    if not case.waits or not case.last.ahead or not case.last.waits:
        return None
    over = {"cure": retry(case)} if _over(case) else {}
    return Found({"ahead": case.last.ahead, **over}, case.last.waits[-1:], rests=True)


def _in_line(case: Case) -> Found | None:
    """Another message for the same place is being tried, and this one comes after it."""
    if not case.waits or not case.last.ahead or case.last.waits:
        return None
    return Found({"ahead": case.last.ahead})


def _over(case: Case) -> Found | None:
    """What stood in the way was a fault, and it is mended by now."""
    attempt = case.attempt
    if not case.waits or attempt is None or not case.fate.next_try or case.fate.next_try <= case.now:
        return None
    for place, broken, n in _met(case):
        if broken(n) and not broken(NOW):
            met = [one.entry for one in attempt.troubles] or attempt.lookups()
            facts = {"place": place, "again": show_span(round(case.fate.next_try - case.now))}
            return Found(facts, tuple(met[:1]), rests=True)
    return None


Broken = Callable[[int], object]
"""What was wrong with a place at entry n of the log; nothing, if it was well."""


def _met(case: Case) -> Iterator[tuple[str, Broken, int]]:
    """The hosts and lines on which the deciding try failed, and when."""
    search, trouble = failed(case), case.trouble
    if search is not None:
        yield from _between(case.world, search.entry.host, search.resolver, search.entry.n)
        for one in search.useless:
            server = hop(one).server or getattr(case.world.at(hop(one).address), "name", "")
            yield from _between(case.world, search.resolver, server, one.n)
    elif trouble is not None:
        yield from _between(case.world, trouble.entry.host, trouble.exchanger, trouble.entry.n)


def _between(world: World, asker: str, asked: str, n: int) -> Iterator[tuple[str, Broken, int]]:
    yield asked, partial(world.broken, asked), n
    yield f"The line from {asker} to {asked}", partial(world.line, asker, asked), n
    yield f"{asker} itself", partial(world.broken, asker), n


def _trying(case: Case) -> Found | None:
    """The host is at work on it just now."""
    attempt = case.attempt
    if (
        not case.waits
        or attempt is None
        or attempt.end is not None
        or case.last.host != attempt.host
        or case.last.ahead
    ):
        return None
    opened = [one for one in attempt.entries if isinstance(one.event, ConnectionOpened)]
    if not opened:
        return None
    event = opened[-1].event
    assert isinstance(event, ConnectionOpened)
    doing = f"is talking with {event.exchanger} and waits for its answer {_next(attempt.entries)}"
    return _busy(case, doing, attempt.entries[-1].t, [event.exchanger], opened[-1:])


def _busy(case: Case, doing: str, since: float, with_: Sequence[str], entries: Sequence[Entry] = ()) -> Found:
    """What can be done about it: mend the first of these that is broken now, or wait."""
    facts = {"doing": doing, "waited": show_span(max(0, round(case.now - since)))}
    pass_time = "Let lab time pass:  lab clock +5m"
    for name in with_:
        cut = case.world.line(case.last.host, name, NOW, "cut")
        broken = [cut] if cut is not None else case.world.broken(name, NOW)
        if broken:
            heal = "lab heal" if cut is not None else f"lab heal {name}"
            cure = heal if case.world.in_real_time else f"{heal}, then  lab clock +5m"
            return Found({**facts, "cure": cure}, tuple(entries), _notes(broken))
    return Found({**facts, "cure": pass_time}, tuple(entries))


def _notes(broken: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(on_purpose(one.event) for one in broken if isinstance(one.event, FaultApplied))


def _silent(case: Case) -> Found | None:
    """Real software writes its log when an attempt is over: until then nobody knows whom it has called."""
    leg, plan = case.last, case.plan_of(case.last.host)
    if not case.waits or case.attempt is not None or leg.waits or leg.ahead or plan is None or not plan.software:
        return None
    resolvers = [host.name for one in plan.resolvers if (host := case.world.at(one)) is not None]
    exchangers = [one.split(" ")[-1] for one in case.world.said(leg.destination, "MX", NOW)]
    doing = f"is at work on it ({plan.software[0]} logs whom it called when it has an answer)"
    return _busy(case, doing, leg.born.t, [*resolvers, *exchangers])


_ONWARD = {Stage.GREETING: Stage.HELO, Stage.HELO: Stage.MAIL, Stage.MAIL: Stage.RCPT, Stage.RCPT: Stage.DATA}


def _next(entries: tuple[Entry, ...]) -> str:
    """The stage of which the answer is waited for."""
    last = next((one.event.stage for one in reversed(entries) if isinstance(one.event, ReplyReceived)), None)
    return stage_words(Stage.GREETING if last is None else _ONWARD.get(last, Stage.EOM))


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D507",
        "given up early, by a wrong clock",
        "{host}'s clock is wrong by {skew}, so the mail looked old to it: given up after {took}.",
        "how old a message is, is read off the host's clock; four to five days are meant",
        "RFC 5321 §4.5.4.1, RFC 5905 §1",
        "Set its clock right, mend the cause below, and send it again:  lab heal",
        "A queue writes down when a message came, and reads its age off the clock. When that jumps ahead, by "
        "a bad battery or a wrong time zone, a whole queue comes back at once. NTP keeps clocks right.",
        _wrong_clock,
        ("lab status", "lab journey {id}"),
    ),
    Diagnosis(
        "D503",
        "given up: tried for days in vain",
        "{host} tried for {took} in vain, and gave up.",
        "a sender keeps trying for four to five days, then it tells the writer",
        "RFC 5321 §4.5.4.1",
        "{cure}",
        "Giving up is final: the message is gone from the queue, and the writer has it back with the reason "
        "of the last try. Mending the cause does not bring it back; it has to be sent again.",
        _gave_up,
        ("lab journey {id}", "lab explain queue"),
    ),
    Diagnosis(
        "D504",
        "it takes long, and the sender was warned",
        "It has waited for {age}; {told} was warned that it takes longer. Nothing is given up.",
        "a sender may be told of a delay; the tries go on until four or five days are over",
        "RFC 5321 §4.5.4.1, RFC 3461 §4.1",
        "{cure}",
        "The warning is a message of its own, from the host where the mail waits: THIS IS A WARNING ONLY. "
        "There is no need to send the message again.",
        _warned,
        ("lab queue {host}",),
    ),
    Diagnosis(
        "D502",
        "it waits behind another message for the same place",
        "It was not tried itself: {ahead} found the way to {domain} closed, and all mail for it waits.",
        "a host that cannot be had is not to be tried anew for every message",
        "RFC 5321 §4.5.4.1",
        "{cure}",
        "A hundred messages for a host that is down would mean a hundred vain tries each time. So one is "
        "tried for all, the others wait behind it, and one success wakes them.",
        _behind,
        ("lab why {ahead}", "lab queue {host}"),
    ),
    Diagnosis(
        "D501",
        "the cause is over, the next try is not due yet",
        "{place} is well again, and {host} does not know yet: it tries again in {again}.",
        "between two tries a sender waits, at first some minutes, later longer; nobody tells it to hurry",
        "RFC 5321 §4.5.4.1",
        "{retry}",
        "A queue does not notice that a host is back: it finds out at its next try. `sendmail -q`, or `lab "
        "queue HOST --retry`, makes everything that waits due at once. It is of no use where a name could not "
        "be found: the resolver remembers that, too, if only for some seconds (RFC 9520).",
        _over,
        ("lab queue {host}", "lab explain queue"),
    ),
)

LAST: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D506",
        "it waits for its turn",
        "It waits for its turn: {host} is busy with {ahead}, which goes to the same place.",
        "a place of which nothing is known yet is dialled once, not for every message",
        "RFC 5321 §4.5.4.1",
        "Let lab time pass:  lab clock +5m",
        "A queue sets one worker on a destination until that has taken a message; then it opens more "
        "sessions. As long as the first one waits for an answer, the others wait behind it.",
        _in_line,
        ("lab why {ahead}", "lab queue {host}"),
    ),
    Diagnosis(
        "D505",
        "on its way: an answer is waited for",
        "{host} {doing}, for {waited} so far.",
        "an answer may take minutes at each stage before a sender gives up waiting for it",
        "RFC 5321 §4.5.3.2",
        "{cure}",
        "The dialogue goes on. A sender waits five minutes for a greeting, as long for MAIL and RCPT, ten "
        "for the last 250, before it breaks off and tries again later.",
        lambda case: _trying(case) or _silent(case),
        ("lab journey {id}",),
    ),
)

UNKNOWN = Diagnosis(
    "D000",
    "what no diagnosis fits",
    "{host} has not said more than this: {detail}.",
    "an answer that is not understood is taken by its first digit: 4 not now, 5 never",
    "RFC 5321 §4.3.2",
    "Read its steps:  lab journey {id}",
    "Whatever the catalogue does not know. The journey has every step, with what each host said.",
    lambda case: Found({"detail": case.fate.detail or f"it is {case.state}"}),
    ("lab journey {id}", "lab watch --once"),
)
"""No world can provoke it: it is what is left when nothing fits."""
