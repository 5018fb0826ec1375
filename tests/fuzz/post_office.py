"""A mail host in memory, whole, that any octets can be said to: one world for many dialogues, in virtual time.

The rule: after every dialogue the host has logged no defect, no program of it has crashed, and the next client is
served. Whoever talks says all it has to say at once, closes its side and reads to the end; a world is used
`LIFETIME` times, for what strangers leave in it (mail, folders, log entries) is a state to be tried as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lab.clock import VirtualTime
from lab.events import MailAccepted, ProgramCrashed
from lab.fabric import base
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.mail.host import MailHost
from lab.mail.services import start_mail
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import HostPlan, MailboxPlan, MailPlan
from lab.wire.records import Answer

HOME, STRANGER = DomainName("mail.belgiannews.com"), DomainName("stranger")
OFFICE = "198.18.3.25"
ED, ANN = EmailAddress("ed@belgiannews.com"), EmailAddress("ann@belgiannews.com")
PLAN = MailPlan(
    (DomainName("belgiannews.com"),),
    (MailboxPlan(ED, "secret"), MailboxPlan(ANN, "hush", quota=10_000)),
    {EmailAddress("news@belgiannews.com"): (ED, ANN)},
    size_limit=20_000,
)
LIFETIME = 250
SILENCE = 4_000.0
"""Seconds of lab time, after which a server has hung up on anybody."""

Prepare = Callable[[MailHost], None]


class PostOffice:
    """`plan`'s host, and a stranger's. `letters` are in ed's mailbox at the start."""

    def __init__(self, letters: tuple[bytes, ...] = ()) -> None:
        self._letters = letters
        self._runner = asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime()))
        self.mail: MailHost
        self.fabric: SimFabric
        self._runner.run(self._open())

    def close(self) -> None:
        self._runner.run(self.fabric.down())
        self._runner.close()

    def said(self, port: int, octets: bytes, pieces: int = 1) -> bytes:
        """What the service says from its greeting to the end of the connection."""
        # not by the runner: it minds signals, at a cost
        return self._runner.get_loop().run_until_complete(self._visited(port, octets, pieces))

    @property
    def accepted(self) -> int:
        return sum(isinstance(entry.event, MailAccepted) for entry in self.fabric.log)

    async def _open(self) -> None:
        self.fabric = SimFabric(("198.18.0.0/15",), self._boot)
        self.fabric.add(HostPlan(HOME, (Address(OFFICE),), mail=PLAN))
        self.fabric.add(HostPlan(STRANGER, (Address("198.18.1.1"),)))
        await self.fabric.up()
        await self._filled()

    async def _filled(self) -> None:
        """What strangers removed is there again."""
        inbox = self.mail.local.store.account(ED).open("INBOX")
        if not inbox.entries():
            for letter in self._letters:
                await self.fabric.hosts[HOME].spawn(inbox.append(letter))

    async def _boot(self, host: base.Host) -> None:
        if host.plan.mail:
            self.mail = (await start_mail(host, _nowhere)).mail

    async def _visited(self, port: int, octets: bytes, pieces: int) -> bytes:
        await self._filled()
        before = len(self.fabric.log)
        stranger = self.fabric.hosts[STRANGER]
        heard: bytes = await stranger.spawn(_talk(port, octets, pieces))
        defects = [one.event for one in self.fabric.log.since(before) if isinstance(one.event, ProgramCrashed)]
        assert not defects, defects
        if self.fabric.crashes:
            raise self.fabric.crashes[0]
        return heard


async def _nowhere(name: DomainName, type: str, queue_id: str = "") -> Answer:
    return Answer(name, type, "NXDOMAIN", (), name)


class Stranger(asyncio.Protocol):
    """Says octets in so many pieces, closes its side, and keeps what it hears to the end."""

    def __init__(self, octets: bytes, pieces: int) -> None:
        self.heard = bytearray()
        self.over = asyncio.get_running_loop().create_future()
        self._octets = octets
        self._size = -(-len(octets) // pieces) or 1
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say(0)

    def _say(self, start: int) -> None:
        if self._transport.is_closing():
            return
        if start >= len(self._octets):
            self._transport.write_eof()
            return
        self._transport.write(self._octets[start : start + self._size])
        asyncio.get_running_loop().call_soon(self._say, start + self._size)

    def data_received(self, octets: bytes) -> None:
        self.heard += octets

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set_result(None)


async def _talk(port: int, octets: bytes, pieces: int) -> bytes:
    loop = asyncio.get_running_loop()
    _, stranger = await loop.create_connection(lambda: Stranger(octets, pieces), OFFICE, port)
    async with asyncio.timeout(SILENCE):
        await stranger.over
    return bytes(stranger.heard)


class Offices:
    """A post office, and a new one in its place when it has served often enough."""

    def __init__(self, letters: tuple[bytes, ...] = ()) -> None:
        self._letters = letters
        self._now: PostOffice | None = None
        self._used = 0

    def one(self) -> PostOffice:
        if self._now is None or self._used >= LIFETIME:
            if self._now is not None:
                self._now.close()
            self._now, self._used = PostOffice(self._letters), 0
        self._used += 1
        return self._now
