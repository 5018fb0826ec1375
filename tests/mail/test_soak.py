"""Small Internets that everything happens to, by chance: then all is healed, and every message is accounted for.

Safety first, liveness after: whatever fails, crashes and loses its power, each recipient of an accepted message
has it in the mailbox or its sender was told, and nobody has it twice unless a 250 was lost (RFC 1047).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest

from lab import topology
from lab.clock import VirtualTime
from lab.errors import WorldSaidNo
from lab.events import (
    ConnectionFailed,
    Event,
    MailAccepted,
    MailSubmitted,
    ProgramCrashed,
    RecipientsFailed,
    Stage,
)
from lab.fabric.disk import MemoryDisk
from lab.fabric.faults import DiskFull, Down, Fault, Paused, Reply, Silent, Unreachable
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.mail import spool
from lab.mail.folders import FolderError
from lab.names import DomainName, EmailAddress
from lab.topology.plan import Link
from lab.wire.received import read_heading

DOMAINS = ("a.be", "b.com", "c.be", "d.com")
FAULTS: tuple[Fault, ...] = (Down(), Down(), Down(), Silent(), Unreachable(), Paused(), DiskFull())
STAGES = (Stage.GREETING, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.EOM)


class LazyDisk(MemoryDisk):
    """The trip to the platter takes its time, and others write meanwhile."""

    __slots__ = ()
    chance = Random()

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        names, files = (*paths, *names), {path: self._files.get(path) for path in (*paths, *contents)}
        written = {path: file.size for path, file in files.items() if file is not None}
        await asyncio.sleep(self.chance.choice((0.0, 0.001, 0.02, 1.0)))
        for path, file in files.items():
            if file is not None and self._files.get(path) is file:
                file.synced = max(file.synced, written[path])
        for name in names:
            self._settle_name(name)


@dataclass
class Soak:
    internet: Internet
    chance: Random
    sent: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Message-ID of each accepted message → its recipients."""
    crashed: bool = False

    @property
    def hosts(self) -> list[DomainName]:
        return [host.name for host in self.internet.plan.hosts if host.mail]

    async def live(self) -> None:
        for number in range(40):
            act = self.chance.choices((self.send, self.break_something, self.heal), (5, 3, 2))[0]
            await act(number)
            await self.internet.advance(timedelta(seconds=self.chance.choice((0.001, 0.05, 1, 60, 3600, 20_000))))

    async def send(self, number: int) -> None:
        for copy in range(self.chance.choice((1, 1, 2, 8))):
            to = tuple(dict.fromkeys(f"p@{self.chance.choice(DOMAINS)}" for _ in range(3)))
            message_id = f"<{number}.{copy}@soak>"
            text = f"Message-ID: {message_id}\n\n{'x' * self.chance.choice((1, 2000))}\n".encode()
            sender = EmailAddress(f"q@{self.chance.choice(DOMAINS)}")
            with suppress(WorldSaidNo, OSError, FolderError):
                taken = await self.internet.send(sender, [EmailAddress(one) for one in to], text)
                if taken.queue_id:
                    self.sent[message_id] = to

    async def break_something(self, number: int) -> None:
        host = self.chance.choice(self.hosts)
        match self.chance.randrange(4):
            case 0:
                stage, code = self.chance.choice(STAGES), self.chance.choice((421, 451, 550))
                await self.internet.fail(host, Reply(stage, code, times=self.chance.choice((0, 2))))
            case 1:
                self.internet.cut([host], [self.chance.choice(self.hosts)])
            case _:
                await self._fail(host, self.chance.choice(FAULTS))

    async def _fail(self, host: DomainName, fault: Fault) -> None:
        await self.internet.fail(host, fault)
        if fault == Down():
            self.crashed = True
            disk = self.internet.fabric.hosts[host].disk
            assert isinstance(disk, MemoryDisk)
            disk.power_cut(self.chance)

    async def heal(self, number: int) -> None:
        await self.internet.heal(self.chance.choice([*map(str, self.hosts), ""]))

    async def copies(self) -> Counter[tuple[str, str]]:
        """(address, Message-ID) → how many of it are in the mailbox."""
        found: Counter[tuple[str, str]] = Counter()
        for address in (EmailAddress(f"p@{domain}") for domain in DOMAINS):
            for row in (await self.internet.mailbox(address))["messages"]:
                octets = await self.internet.message(address, row["uid"])
                found[address, read_heading(octets).message_id] += 1
        return found

    def told(self) -> tuple[set[tuple[str, str]], set[str]]:
        """Who was given up, and of which messages a 250 may have been lost."""
        ids: dict[tuple[str, str], str] = {}
        failed: set[tuple[str, str]] = set()
        doubtful: set[str] = set()
        for entry in self.internet.log:
            event: Event = entry.event
            match event:
                case MailSubmitted() | MailAccepted():
                    ids[entry.host, event.queue_id] = event.message_id
                case RecipientsFailed():
                    message_id = ids[entry.host, event.queue_id]
                    failed |= {(address, message_id) for address in event.recipients}
                case ConnectionFailed(stage=Stage.EOM):
                    doubtful.add(ids[entry.host, event.queue_id])
                case ProgramCrashed():
                    raise AssertionError(event)
                case _:
                    pass
        return failed, doubtful


def world(chance: Random) -> str:
    lines = ["domains:"]
    backups = {
        domain: [other for other in DOMAINS if other != domain and chance.random() < 0.4] for domain in DOMAINS
    }
    for domain in DOMAINS:
        mx = ", ".join([f"5 mail.{domain}", *(f"10 mail.{other}" for other in backups[domain])])
        held = ", ".join(other for other in DOMAINS if domain in backups[other])
        lines += [f"  {domain}:", f"    mx: [{mx}]", "    people: [p, q]"]
        lines += [f"    hosts: {{mail.{domain}: {{mail: {{backup_for: [{held}]}}}}}}"]
    return "\n".join(lines)


async def soak(seed: int) -> None:
    chance = Random(seed)
    plan = topology.loads(world(chance))
    internet = Internet(plan, lambda boot: SimFabric(plan.ranges, boot, seed=str(seed)))
    internet.connect("*", "*", Link(latency=timedelta(milliseconds=chance.choice((1, 30, 200)))))
    await internet.up()
    one = Soak(internet, chance)
    await one.live()
    await internet.heal()
    await internet.advance(timedelta(days=11))
    assert await internet.queue() == []
    (failed, doubtful), copies = one.told(), await one.copies()
    wanted = {(address, message_id) for message_id, to in one.sent.items() for address in to}
    assert not wanted - copies.keys() - failed, "lost"
    twice = {message_id for (_, message_id), count in copies.items() if count > 1}
    assert one.crashed or not twice - doubtful, "twice, and no 250 was lost"
    await internet.down()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_every_message_is_accounted_for(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.fabric.sim.MemoryDisk", LazyDisk)
    monkeypatch.setattr(LazyDisk, "chance", Random(seed))
    monkeypatch.setattr(spool, "SEGMENT", 6000)
    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        runner.run(soak(seed))
