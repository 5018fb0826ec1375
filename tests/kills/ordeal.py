"""Kills, one after the other, and what is left in the end."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lab.wire.received import read_heading
from tests.kills.hosts import BACKUP, HOME, Process, start, world
from tests.kills.load import Load

PEOPLE = {"p@a.be": (HOME, "p"), "q@b.com": (BACKUP, "q")}
_TAKEN_BY = re.compile(rb"^Received:.*?\n\tby (\S+) with \S+ id (\w+)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it: `lost` and `twice` name messages; `excused` are there twice by RFC 1047."""

    kills: int
    accepted: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    excused: int
    waiting: int
    """Deliveries that no queue could get rid of."""

    @property
    def is_well(self) -> bool:
        return not (self.lost or self.twice or self.waiting)

    def __str__(self) -> str:
        by_1047 = f" (and {self.excused} by a lost 250, RFC 1047)" if self.excused else ""
        rest = f", {self.waiting} never delivered" if self.waiting else ""
        return (
            f"{self.kills:,} kills, {self.accepted:,} accepted, lost {len(self.lost)}, "
            f"twice {len(self.twice)}{by_1047}{rest}"
        )


Goes = Callable[[int, int], bool]
"""(kills so far, messages accepted) → whether there is another one."""


def ordeal(folder: Path, seed: int, goes_on: Goes) -> Found:
    """Inside a private network (`namespace.enter`), in a process of one thread."""
    made, chance = world(), Random(seed)
    names = start(made, [host.name for host in made.plan.hosts if host.name not in (HOME, BACKUP)], folder)
    mail = {name: start(made, [name], folder) for name in (HOME, BACKUP)}
    takes = {HOME: (made.address(HOME), ["p@a.be"]), BACKUP: (made.address(BACKUP), ["p@a.be", "q@b.com"])}
    load = Load(takes, chance)
    kills = 0
    while goes_on(kills, len(load.accepted)):
        load.run(chance.uniform(0.005, 0.15))
        victims = chance.choice(([HOME], [BACKUP], [HOME, BACKUP]))
        for name in victims:
            mail[name].kill()
            kills += 1
        load.run(chance.choice((0.0, 0.0, 0.03)))
        mail |= {name: start(made, [name], folder) for name in victims}
    load.stop()
    waiting = _drained(mail.values())
    for process in (*mail.values(), names):
        process.kill()
    return judged(folder, kills, load.accepted, waiting)


_ROUNDS = 200


def _drained(processes: Iterable[Process]) -> int:
    """All is well now: let the queues get empty; how much is left in them if they do not."""
    processes, waiting = list(processes), 1
    for _ in range(_ROUNDS):
        waiting = sum(process.ask() for process in processes)
        if not waiting:
            break
        time.sleep(0.05)
    return waiting


def judged(folder: Path, kills: int, accepted: Mapping[str, Sequence[str]], waiting: int) -> Found:
    """Every message that was accepted, against what lies in the mailboxes."""
    boxes = {address: copies(folder, *place) for address, place in PEOPLE.items()}
    wanted = [(message_id, address) for message_id, to in accepted.items() for address in to]
    lost = [message_id for message_id, address in wanted if not boxes[address].get(message_id)]
    several = [
        (message_id, found) for box in boxes.values() for message_id, found in box.items() if len(found) > 1
    ]
    twice = [message_id for message_id, found in several if not is_excused(found)]
    return Found(kills, len(accepted), tuple(lost), tuple(twice), len(several) - len(twice), waiting)


Trail = tuple[tuple[bytes, bytes], ...]
"""(host, queue_id) of each that took it, the last one first."""


def copies(folder: Path, host: str, person: str) -> dict[str, list[Trail]]:
    """Message-ID → the trail of each copy in a mailbox that is whole."""
    found: dict[str, list[Trail]] = defaultdict(list)
    maildir = folder / "hosts" / host / "home" / person / "Maildir"
    for file in (*maildir.glob("new/*"), *maildir.glob("cur/*")):
        octets = file.read_bytes()
        if octets.endswith(b"the end\r\n"):
            found[read_heading(octets).message_id].append(tuple(_TAKEN_BY.findall(octets)))
    return found


def is_excused(trails: Sequence[Trail]) -> bool:
    """Whether all copies came out of one entry in one queue, and went through another's twice: its 250 was
    lost."""
    return len({trail[-1] for trail in trails}) == 1 and len({trail[0] for trail in trails}) == len(trails)
