"""A mail host with people who have passwords, and a student's machine to call it from: in memory or on sockets."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from lab.clock import WarpedTime
from lab.events import Event
from lab.fabric import base
from lab.fabric.local import LocalFabric
from lab.fabric.loop import LabLoop
from lab.fabric.one_process import OneProcessFabric
from lab.fabric.sim import SimFabric
from lab.mail.host import MailHost
from lab.mail.services import start_mail
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import HostPlan, MailboxPlan, MailPlan
from lab.wire.records import Answer
from tests.fabric.forked import in_namespace

MAIL, STUDENT = DomainName("mail.belgiannews.com"), DomainName("student")
OFFICE = "198.18.2.25"
ED = EmailAddress("ed@belgiannews.com")
PLAN = MailPlan(
    (DomainName("belgiannews.com"),),
    (MailboxPlan(ED, "secret"), MailboxPlan(EmailAddress("eve@belgiannews.com"), "evening")),
    {EmailAddress("news@belgiannews.com"): (ED,)},
)
RANGES = ("198.18.0.0/15",)

E = TypeVar("E", bound=Event)


class Office:
    def __init__(self, fabric: OneProcessFabric) -> None:
        self.fabric = fabric
        self.mail: MailHost
        self.callers: list[Caller] = []

    async def boot(self, host: base.Host) -> None:
        async def nowhere(name: DomainName, type: str) -> Answer:
            return Answer("NXDOMAIN")

        if host.plan.mail:
            self.mail = (await start_mail(host, nowhere)).mail

    async def call(self, port: int, **options: object) -> Caller:
        reader, writer = await asyncio.open_connection(OFFICE, port, **options)  # type: ignore[arg-type]
        self.callers.append(Caller(reader, writer))
        return self.callers[-1]

    async def file(self, *messages: bytes) -> None:
        """Put messages into ed's mailbox, as local delivery does."""
        for number, octets in enumerate(messages):
            await self.mail.local.store.deliver(ED, octets, f"filed-{number}")

    def inbox(self) -> list[bytes]:
        """What is in ed's mailbox now."""
        folder = self.mail.local.store.account(ED).open("INBOX")
        return [folder.octets(entry.uid) for entry in folder.entries()]

    def events(self, kind: type[E]) -> list[E]:
        return [entry.event for entry in self.fabric.log if isinstance(entry.event, kind)]


Story = Callable[[Office], Awaitable[None]]


@asynccontextmanager
async def office(make: Callable[[base.Boot], OneProcessFabric], plan: MailPlan = PLAN) -> AsyncIterator[Office]:
    async def boot(host: base.Host) -> None:
        await here.boot(host)

    here = Office(make(boot))
    here.fabric.add(HostPlan(MAIL, (Address(OFFICE),), mail=plan))
    here.fabric.add(HostPlan(STUDENT, (Address("198.18.9.9"),)))
    await here.fabric.up()
    try:
        yield here
    finally:
        for caller in here.callers:
            caller.hang_up()
        await asyncio.sleep(0.01)
        await here.fabric.down()
    assert not here.fabric.crashes


def in_memory(story: Story, plan: MailPlan = PLAN) -> Office:
    """Play a story on the student's host, in virtual time."""

    async def scene() -> Office:
        async with office(lambda boot: SimFabric(RANGES, boot), plan) as here:
            await here.fabric.hosts[STUDENT].spawn(story(here))  # type: ignore[arg-type]
        return here

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        return runner.run(scene())


def on_sockets(story: Story, plan: MailPlan = PLAN) -> None:
    """Play a story outside of hosts, as programs of the machine visit the lab; asserts count there."""

    async def scene(folder: Path) -> None:
        async with office(lambda boot: LocalFabric(RANGES, boot, root=folder), plan) as here:
            await story(here)

    def inside() -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner,
        ):
            runner.run(scene(Path(folder)))

    in_namespace(inside)


class Caller:
    """A person who types: a connection, line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def line(self) -> str:
        return (await self.reader.readline()).decode().removesuffix("\r\n")

    async def ask(self, *lines: str) -> str:
        """Say lines, all at once; the first line of the last reply."""
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        return [await self.line() for _ in lines][-1]

    async def rest(self) -> str:
        """A multi-line reply after its first line, or a reply of SMTP after its first."""
        text = ""
        while (line := await self.line()) != ".":
            text += f"{line}\n"
        return text

    def hang_up(self) -> None:
        self.writer.transport.abort()
