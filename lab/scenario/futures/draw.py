"""A future, drawn from a seed: when whom which misfortune befalls while mail is on its way.

The rule: `draw` is pure: the same seed and setting, the same acts. Half of the misfortunes come within seconds of
a message, where a promise is in the making; the others at any time. Each ends by itself after a while, between a
second and half a day, or (one in 25) is there to the end; what is broken then is healed before anything is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from operator import itemgetter
from random import Random

from lab.events import Stage
from lab.faults import (
    Crash,
    DiskFull,
    Down,
    Fault,
    Hide,
    Lame,
    NoAnswer,
    NoTcp,
    Paused,
    PowerCut,
    Refused,
    Reply,
    Reset,
    ServFail,
    Silent,
    Skew,
    Slow,
    Stall,
    Truncated,
    Unreachable,
)
from lab.scenario.futures.acts import Act, Advance, Cut, Fail, Heal, Mend, Send, SlowDisks, Spoil
from lab.topology.plan import Link, Plan
from lab.values import dataclass

DAY = 86_400.0
Timed = tuple[float, Act]
"""Lab seconds since the beginning, and what is done then."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What futures are drawn over. `traffic`: the acts of a scenario, in every future the same; `messages` are
    drawn beside them."""

    mail_hosts: tuple[str, ...]
    name_hosts: tuple[str, ...]
    authorities: tuple[str, ...]
    people: tuple[str, ...]
    traffic: tuple[Timed, ...] = ()
    messages: int = 20
    faults: int = 6
    days: float = 6.0


def setting(
    plan: Plan, traffic: Sequence[Timed] = (), messages: int = 20, faults: int = 6, days: float = 6.0
) -> Setting:
    """A plan's hosts and people. A host of other people's software has no part in it."""
    own = [host for host in plan.hosts if not host.is_foreign]
    mail = tuple(host.name for host in own if host.mail)
    names = tuple(host.name for host in own if host.zones or host.resolver)
    authorities = tuple(host.name for host in own if host.zones)
    people = tuple(box.address for host in own if host.mail for box in host.mail.mailboxes)
    return Setting(mail, names, authorities, people, tuple(traffic), messages, faults, days)


def draw(seed: int, over: Setting) -> tuple[Act, ...]:
    """The acts of one future, waits between them included."""
    chance = Random(f"future {seed}")
    traffic = [*over.traffic, *_mail(over, chance)]
    moments = [at for at, act in traffic if isinstance(act, Send)] or [0.0]
    timed: list[Timed] = list(traffic)
    for _ in range(chance.randint(0, 2 * over.faults)):
        timed += _misfortune(over, moments, chance)
    opening = (SlowDisks(),) if chance.random() < 0.7 else ()
    return (*opening, *_in_order(timed, over.days * DAY))


def _mail(over: Setting, chance: Random) -> list[Timed]:
    """Messages in a few heaps, as people write them, most of them early enough to see something happen."""
    if not over.people:
        return []
    heaps = [chance.uniform(0, over.days * DAY) * chance.random() for _ in range(max(1, over.messages // 4))]
    return [
        (chance.choice(heaps) + chance.choice((0.0, 0.0, 0.01, 1.0)), _message(over.people, f"m{number}", chance))
        for number in range(1, over.messages + 1)
    ]


def _message(people: Sequence[str], name: str, chance: Random) -> Send:
    to = tuple(dict.fromkeys(chance.choice(people) for _ in range(chance.choice((1, 1, 1, 1, 1, 2, 3)))))
    if chance.random() < 0.05:
        to = (*to, f"nobody@{to[0].rpartition('@')[2]}")
    return Send(chance.choice(people), to, name, chance.choice((0, 0, 3000, 20_000)))


# -- misfortunes ------------------------------------------------------------------------------------------


def _misfortune(over: Setting, moments: Sequence[float], chance: Random) -> list[Timed]:
    """One, and its end."""
    begun = (
        max(0.0, chance.choice(moments) + chance.choice((-1.0, 0.0, 0.001, 0.003, 0.01, 0.05, 0.3, 1.5, 10.0)))
        if chance.random() < 0.5
        else chance.uniform(0, over.days * DAY)
    )
    kind = chance.choices(*_KINDS)[0]
    act, end = kind(over, chance)
    if chance.random() < 0.04:
        return [(begun, act)]
    return [(begun, act), (begun + 10 ** chance.uniform(0, 4.7), end)]


def _host_fails(over: Setting, chance: Random) -> tuple[Act, Act]:
    host = _any_host(over, chance)
    skew = Skew(timedelta(seconds=chance.choice((-7200, -5, 60, 86_400))))
    fault: Fault = chance.choice((Down(), Crash(), Crash(), Silent(), Unreachable(), Paused(), skew))
    return Fail(host, fault), Heal(host)


def _power_goes(over: Setting, chance: Random) -> tuple[Act, Act]:
    host = chance.choice(over.mail_hosts)
    return Fail(host, PowerCut()), Heal(host)


def _disk_fills(over: Setting, chance: Random) -> tuple[Act, Act]:
    host = chance.choice(over.mail_hosts)
    return Fail(host, DiskFull()), Heal(host)


_STAGES = (Stage.GREETING, Stage.HELO, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.EOM)


def _server_refuses(over: Setting, chance: Random) -> tuple[Act, Act]:
    host = chance.choice(over.mail_hosts)
    stage, code = chance.choice(_STAGES), chance.choice((421, 450, 451, 452, 550, 554))
    return Fail(host, Reply(stage=stage, code=code, times=chance.choice((0, 1, 2)))), Heal(host)


def _server_falters(over: Setting, chance: Random) -> tuple[Act, Act]:
    host, stage, times = chance.choice(over.mail_hosts), chance.choice(_STAGES), chance.choice((0, 1, 2))
    fault: Fault = chance.choice(
        (Stall(stage=stage, times=times), Reset(stage=stage, times=times), Hide(keyword="PIPELINING"))
    )
    return Fail(host, fault), Heal(host)


def _names_fail(over: Setting, chance: Random) -> tuple[Act, Act]:
    """Of a resolver or an authority; only who serves a zone can be lame."""
    host, slow = chance.choice(over.name_hosts), Slow(seconds=chance.choice((0.3, 4.0)))
    faults: list[Fault] = [ServFail(), NoAnswer(), Refused(), Truncated(), NoTcp(), slow]
    fault = chance.choice([*faults, Lame()] if host in over.authorities else faults)
    return Fail(host, fault), Heal(host)


def _line_is_cut(over: Setting, chance: Random) -> tuple[Act, Act]:
    a, b = _any_host(over, chance), chance.choice((_any_host(over, chance), "*"))
    return Cut((a,), (b,), one_way=chance.random() < 0.3), Mend()


def _line_is_bad(over: Setting, chance: Random) -> tuple[Act, Act]:
    latency = timedelta(milliseconds=chance.choice((1, 30, 400, 3000)))
    loss = chance.choice((0.0, 0.0, 0.02, 0.2))
    link = Link(latency, latency / 3, loss, chance.choice((0, 0, 9600)))
    return Spoil(_any_host(over, chance), "*", link), Mend()


def _any_host(over: Setting, chance: Random) -> str:
    """A mail host, mostly."""
    pool = over.name_hosts if over.name_hosts and chance.random() < 0.2 else over.mail_hosts
    return chance.choice(pool)


Kind = Callable[[Setting, Random], tuple[Act, Act]]
_KINDS: tuple[tuple[Kind, ...], tuple[int, ...]] = (
    (
        _host_fails,
        _power_goes,
        _disk_fills,
        _server_refuses,
        _server_falters,
        _names_fail,
        _line_is_cut,
        _line_is_bad,
    ),
    (5, 5, 2, 2, 2, 2, 2, 2),
)
"""What can happen, and how likely each is."""


# -- one after the other ----------------------------------------------------------------------------------


def _in_order(timed: Sequence[Timed], end: float) -> list[Act]:
    """Sorted by time (what is at one moment as it was drawn), with the waits between; nothing after the end."""
    acts: list[Act] = []
    now = 0.0
    for at, act in sorted(timed, key=itemgetter(0)):
        if at > end:
            break
        if at - now >= 0.001:
            acts.append(Advance(round(at - now, 3)))
            now += round(at - now, 3)
        acts.append(act)
    return acts
