"""The day of reckoning: all is healed, time passes, and every message is looked for.

The rule: the mailboxes are read as they lie on the disks, and not believed from the log. What was promised is what
the log says, and what somebody was told; see `promises`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from lab.internet import Internet
from lab.journey import Journeys, plain, render
from lab.names import DomainName
from lab.scenario.futures import promises
from lab.scenario.futures.acts import Taken
from lab.scenario.futures.promises import Breach, Broken, Key, Mailboxes, Story
from lab.scenario.unmet import Unmet
from lab.topology.plan import Plan
from lab.values import dataclass
from lab.wire.received import read_heading

HEALING = timedelta(days=11)
"""How long all is well before anything is judged: twice the five days after which the patience of the slowest
queue ends (a message's, then that of its bounce), and one more."""


@dataclass(frozen=True, slots=True)
class Judged:
    """All that is known when all is over."""

    story: Story
    mailboxes: Mailboxes
    broken: tuple[Broken, ...]


async def judge(internet: Internet, taken: Iterable[Taken], healing: timedelta) -> Judged:
    """Heal everything, let time pass, and account for every message: those in the log, and those that somebody
    was told are `taken`."""
    await internet.heal()
    await internet.advance(healing)
    story = promises.read(internet.log)
    for one in taken:
        promises.promise(story, one.message_id, one.recipients, one.at)
    accounts = await internet.accounts()
    mailboxes = await found(internet, accounts)
    waiting, aliases = len(await internet.queue()), _aliases(accounts)
    broken = promises.broken(story, mailboxes, lambda one: ends(one, aliases), _addresses(internet.plan), waiting)
    return Judged(story, mailboxes, tuple(broken))


Forms = Iterable[dict[str, Any]]
"""The accounts of each host, as its console tells them."""


async def found(internet: Internet, accounts: Forms) -> Mailboxes:
    """Every message in every inbox, by Message-ID and address."""
    copies: Counter[Key] = Counter()
    garbled: set[Key] = set()
    boxes = [(host["host"], one["address"]) for host in accounts for one in host["accounts"] if one["messages"]]
    for host, box in boxes:
        for octets in await _messages(internet, host, box):
            key = (read_heading(octets).message_id, box.lower())
            copies[key] += 1
            if not is_whole(octets, key[0]):
                garbled.add(key)
    return Mailboxes(copies, frozenset(garbled))


async def _messages(internet: Internet, host: DomainName, box: str) -> list[bytes]:
    """What is in an inbox of that host, as it lies there."""
    rows = (await internet.ask(host, "mailbox", {"address": box}))["messages"]
    found = [await internet.ask(host, "message", {"address": box, "uid": row["uid"]}) for row in rows]
    return [str(one["octets"]).encode("latin-1") for one in found]


def is_whole(octets: bytes, message_id: str) -> bool:
    """Whether a message of `acts.letter` has its last line. Of others that cannot be told."""
    name, at, _ = message_id.removeprefix("<").partition("@future>")
    return not at or octets.endswith(f"end of {name}\r\n".encode()) or b"end of" not in octets


def _aliases(accounts: Forms) -> dict[str, tuple[str, ...]]:
    """Where mail for an alias goes, and that of people who have it forwarded; now, and not as it was planned."""
    aliases = [(one["alias"], one["to"]) for host in accounts for one in host["aliases"]]
    forwards = [
        (one["address"], one["forward"]) for host in accounts for one in host["accounts"] if one["forward"]
    ]
    return {alias.lower(): tuple(one.lower() for one in to) for alias, to in (*aliases, *forwards)}


def ends(address: str, aliases: dict[str, tuple[str, ...]], seen: frozenset[str] = frozenset()) -> list[str]:
    """Where an address leads in the end; an alias that names itself ends there, too."""
    if address not in aliases or address in seen:
        return [address]
    return [end for one in aliases[address] for end in ends(one, aliases, seen | {address})]


def _addresses(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {host.name: host.addresses for host in plan.hosts}


# -- for a scenario ---------------------------------------------------------------------------------------


def excused(judged: Judged) -> int:
    """Messages that are somewhere twice, and RFC 1047 allows it."""
    return promises.twice(judged.mailboxes) - sum(one.breach is Breach.TWICE for one in judged.broken)


def noted(judged: Judged) -> Iterator[str]:
    """What a scenario tells below its verdict."""
    count = excused(judged)
    if count:
        yield f"{count} {'message is' if count == 1 else 'messages are'} there twice: a 250 was lost (RFC 1047)"


def unmet(judged: Judged, journeys: Journeys, now: float) -> Unmet:
    """What was promised and not kept, with the journey of the first message that it befell."""
    name = _journey(judged, journeys)
    screen = plain(render(journeys[name], now=now, width=110)) if name is not None else ""
    told = [str(one) for one in judged.broken[:_TOLD]]
    more = [f"and {len(judged.broken) - _TOLD} more"] if len(judged.broken) > _TOLD else []
    return Unmet("every message to arrive, or its sender to be told", "; ".join([*told, *more]), screen)


_TOLD = 5


def _journey(judged: Judged, journeys: Journeys) -> str | None:
    """The journey that the first broken promise is about."""
    message_id = judged.broken[0].message_id
    found = [instance for instance, known in judged.story.ids.items() if message_id and known == message_id]
    return journeys.of(*found[0]) if found else None
