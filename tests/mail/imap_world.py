"""A mail host that serves IMAP in memory, and clients that type at it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lab.clock import VirtualTime
from lab.events import Event
from lab.fabric import base
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.mail.host import MailHost
from lab.mail.services import start_mail
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import HostPlan, MailboxPlan, MailPlan
from lab.wire.records import Answer

HOME, STUDENT = DomainName("mail.belgiannews.com"), DomainName("student")
ED = EmailAddress("ed@belgiannews.com")
PLAN = MailPlan(
    (DomainName("belgiannews.com"),),
    (
        MailboxPlan(ED, "secret"),
        MailboxPlan(EmailAddress("ann@belgiannews.com"), "hush", quota=10_000),
    ),
    size_limit=100_000,
)
E = TypeVar("E", bound=Event)

PLAIN = (
    b"Date: Mon, 5 Jan 2026 12:00:00 +0100\r\n"
    b"From: Ann Vogel <ann@unige.ch>\r\n"
    b"To: ed@belgiannews.com\r\n"
    b"Subject: hello\r\n"
    b"Message-ID: <1@unige.ch>\r\n"
    b"\r\n"
    b"one line\r\n"
)
MIXED = (
    b"From: luc@eunet.be\r\n"
    b"To: ed@belgiannews.com\r\n"
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n"
    b"\r\n"
    b"--b\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"d=C3=A9j=C3=A0 vu\r\n"
    b"--b\r\n"
    b'Content-Type: application/octet-stream; name="a.bin"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename=a.bin\r\n"
    b"\r\n"
    b"AAECAwQFBgc=\r\n"
    b"--b--\r\n"
)
NESTED = (
    b"From: postmaster@eunet.be\r\n"
    b"Subject: forwarded\r\n"
    b"Content-Type: multipart/mixed; boundary=o\r\n"
    b"\r\n"
    b"--o\r\n"
    b"\r\n"
    b"see below\r\n"
    b"--o\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n" + PLAIN + b"--o--\r\n"
)


class Typist:
    """A client by hand: what it says goes out as it is, what it hears is kept line by line, literals in place."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.tag = ""
        """Of the command that is not answered yet."""

    async def hears(self) -> str:
        """The next response; a literal's line end is shown as ⏎, the end of everything as "(closed)"."""
        said = b""
        while True:
            line = await self.reader.readline()
            said += line
            size = re.search(rb"\{(\d+)\}\r\n$", line)
            if size is None:
                break
            said += await self.reader.readexactly(int(size[1]))
        if not said:
            return "(closed)"
        return said.decode("utf-8", "surrogateescape").removesuffix("\r\n").replace("\r\n", "⏎")

    async def says(self, line: str | bytes) -> list[str]:
        """Type a line; everything up to its tagged answer, or to a `+`."""
        octets = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
        self.writer.write(octets + b"\r\n")
        self.tag = self.tag or octets.split(b" ")[0].decode("latin-1")
        heard = [await self.hears()]
        while not heard[-1].startswith((f"{self.tag} ", "+", "* BAD", "(closed)")):
            heard.append(await self.hears())
        self.tag = self.tag if heard[-1].startswith("+") else ""
        return heard

    async def soon(self) -> list[str]:
        """What is said within a moment, unasked."""
        heard: list[str] = []
        while "(closed)" not in heard:
            try:
                async with asyncio.timeout(0.5):
                    heard.append(await self.hears())
            except TimeoutError:
                break
        return heard

    async def enter(self, user: str = "ed", password: str = "secret", select: str = "INBOX") -> Typist:
        assert "OK" in (await self.says(f"l LOGIN {user} {password}"))[-1]
        if select:
            assert "s OK" in (await self.says(f"s SELECT {select}"))[-1]
        return self

    def hang_up(self) -> None:
        self.writer.transport.abort()


class World:
    def __init__(self) -> None:
        self.fabric = SimFabric(("198.18.0.0/15",), self._boot)
        self.fabric.add(HostPlan(HOME, (Address("198.18.3.25"),), mail=PLAN))
        self.fabric.add(HostPlan(STUDENT, (Address("198.18.1.1"),)))
        self.mail: MailHost
        self._typists: list[Typist] = []

    async def _boot(self, host: base.Host) -> None:
        if host.plan.mail:
            self.mail = (await start_mail(host, self._resolve)).mail

    async def _resolve(self, name: DomainName, type: str, queue_id: str = "") -> Answer:
        return Answer(name, type, "NXDOMAIN", (), name)

    async def dial(self, port: int = 143) -> Typist:
        """A connection from the student's host, its greeting not read yet."""
        opened = self.fabric.hosts[STUDENT].spawn(asyncio.open_connection("198.18.3.25", port))
        self._typists.append(typist := Typist(*await opened))
        return typist

    def hang_up(self) -> None:
        for typist in self._typists:
            typist.hang_up()

    async def client(self, select: str = "INBOX", user: str = "ed", password: str = "secret") -> Typist:
        typist = await self.dial()
        await typist.hears()
        return await typist.enter(user, password, select)

    async def deliver(self, octets: bytes = PLAIN, to: EmailAddress = ED) -> None:
        """Put a message into a mailbox, as the delivery agent does."""
        inbox = self.mail.local.store.account(to).open("INBOX")
        await self.fabric.hosts[HOME].spawn(inbox.append(octets))

    def events(self, kind: type[E]) -> list[E]:
        return [entry.event for entry in self.fabric.log if isinstance(entry.event, kind)]


def play(story: Callable[[World], Awaitable[None]], messages: tuple[bytes, ...] = (PLAIN, MIXED, NESTED)) -> None:
    async def whole() -> list[BaseException]:
        world = World()
        await world.fabric.up()
        for octets in messages:
            await world.deliver(octets)
        try:
            await story(world)
        finally:
            world.hang_up()
        await world.fabric.down()
        return world.fabric.ground.crashes

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        assert runner.run(whole()) == []
