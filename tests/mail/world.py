"""A small world for mail: one sending host of the lab, scripted receivers, names from a table, virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from lab.clock import VirtualTime
from lab.events import Event
from lab.fabric import base
from lab.fabric.faults import Down
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.mail.host import MailHost
from lab.mail.services import start_mail
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import HostPlan, MailboxPlan, MailPlan
from lab.wire.dsn import Report, read
from lab.wire.records import MX, A, Answer, Rdata, Record

UNIGE = MailPlan((DomainName("unige.ch"),), (MailboxPlan(EmailAddress("ann@unige.ch")),))
HI = b"Subject: hi\n\nhello\n"
HOME = DomainName("mail.unige.ch")

E = TypeVar("E", bound=Event)
Script = dict[str, list[bytes]]
"""What a receiver says: verb → its replies, one after the other, the last for ever. b"" hangs up."""

TALK: Script = {
    "": [b"220 here ESMTP\r\n"],
    "EHLO": [b"250-here\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250 8BITMIME\r\n"],
    "MAIL": [b"250 2.1.0 ok\r\n"],
    "RCPT": [b"250 2.1.5 ok\r\n"],
    "DATA": [b"354 go\r\n"],
    ".": [b"250 2.0.0 queued as 90bc\r\n"],
    "QUIT": [b"221 bye\r\n"],
    "RSET": [b"250 ok\r\n"],
}


class Receiver(asyncio.Protocol):
    """One connection of a scripted host."""

    def __init__(self, place: Place) -> None:
        self.place, self.in_text, self.text, self.buffer = place, False, b"", b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.place.sessions += 1
        if not self.place.silent:
            self._say("")

    def data_received(self, octets: bytes) -> None:
        *lines, self.buffer = (self.buffer + octets).split(b"\r\n")
        for line in lines:
            if self.in_text and line != b".":
                self.text += line + b"\r\n"
            else:
                self._say("." if self.in_text else line[:4].decode().upper(), line.decode())

    def _say(self, verb: str, line: str = "") -> None:
        self.place.heard.append(line)
        replies = self.place.script[verb]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if verb == ".":
            self.in_text = False
            if reply.startswith(b"250") and self.text:
                self.place.messages.append(self.text)
            self.text = b""
        if verb == "DATA" and reply.startswith(b"354"):
            self.in_text = True
        self.transport.write(reply)
        if not reply or reply.startswith(b"421") or verb == "QUIT":
            self.transport.close()


class Place:
    """A scripted host: its words, and what it heard and took."""

    def __init__(self, **words: bytes | list[bytes]) -> None:
        said = {
            {"greeting": "", "dot": "."}.get(verb, verb.upper()): [one] if isinstance(one, bytes) else list(one)
            for verb, one in words.items()
        }
        self.script: Script = {verb: list(replies) for verb, replies in TALK.items()} | said
        self.heard: list[str] = []
        self.messages: list[bytes] = []
        self.sessions = 0
        self.silent = False


class World:
    """`names`: (name, type) → data, or an rcode. Hosts of the lab and scripted ones by their address."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], list[Rdata] | str] = {}
        self.places: dict[str, Place] = {}
        self.mail: dict[DomainName, MailHost] = {}
        self.fabric = SimFabric(("198.18.0.0/15",), self._boot)
        self.host(HOME, "198.18.3.25", UNIGE)

    def host(self, name: str, address: str, plan: MailPlan) -> None:
        self.fabric.add(HostPlan(DomainName(name), (Address(address),), mail=plan))
        self.names[name, "A"] = [A(Address(address))]

    def place(self, name: str, address: str, place: Place) -> Place:
        self.fabric.add(HostPlan(DomainName(name), (Address(address),)))
        self.places[name] = place
        self.names[name, "A"] = [A(Address(address))]
        return place

    def mx(self, domain: str, *records: tuple[int, str]) -> None:
        self.names[domain, "MX"] = [MX(number, DomainName(name)) for number, name in records]

    async def _boot(self, host: base.Host) -> None:
        if host.plan.mail:
            self.mail[host.name] = (await start_mail(host, self._resolve)).mail
        elif host.name in self.places:
            place = self.places[host.name]
            await asyncio.get_running_loop().create_server(lambda: Receiver(place), port=25)

    async def _resolve(self, name: DomainName, type: str, queue_id: str = "") -> Answer:
        known = self.names.get((name, type))
        if isinstance(known, str):
            return Answer(name, type, known)
        exists = known is not None or any(one == name for one, _ in self.names)
        records = tuple(Record(name, 300, data) for data in known or ())
        return Answer(name, type, "NOERROR" if exists else "NXDOMAIN", records, name)

    async def send(self, *to: str, text: bytes = HI, sender: str = "ann@unige.ch") -> str:
        request = {"sender": sender, "recipients": list(to), "message": text.decode("latin-1")}
        reply = await self.fabric.ask(HOME, "submit", request)
        return str(reply.get("queue_id") or reply["refused"])

    async def rows(self) -> list[dict[str, Any]]:
        return list((await self.fabric.ask(HOME, "queue", {}))["queue"])

    async def wait(self, **span: float) -> None:
        await self.fabric.advance(timedelta(**span))

    def events(self, kind: type[E]) -> list[E]:
        return [entry.event for entry in self.fabric.log if isinstance(entry.event, kind)]

    def story(self) -> list[str]:
        return [type(entry.event).__name__ for entry in self.fabric.log if entry.host == HOME]

    def inbox(self, address: str = "ann@unige.ch") -> list[bytes]:
        store = self.mail[HOME].local.store
        return [store.read(EmailAddress(address), one.uid) for one in store.messages(EmailAddress(address))]

    def reports(self) -> list[Report]:
        return [report for octets in self.inbox() if (report := read(octets)) is not None]


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    await world.fabric.up()
    yield world
    await world.fabric.down()


def play(story: Callable[[World], Awaitable[None]], prepare: Callable[[World], None] = lambda _: None) -> None:
    async def whole() -> list[BaseException]:
        world = World()
        prepare(world)
        async with running(world):
            await story(world)
        return world.fabric.ground.crashes

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        assert runner.run(whole()) == []


def pair(first: Place, second: Place) -> Callable[[World], None]:
    """b.com with a preferred exchanger and a backup."""

    def prepare(world: World) -> None:
        world.mx("b.com", (5, "mx1.b.com"), (10, "mx2.b.com"))
        world.place("mx1.b.com", "198.18.1.1", first)
        world.place("mx2.b.com", "198.18.1.2", second)

    return prepare


BOTH_DOWN = ("mx1.b.com", "mx2.b.com")


async def fail(world: World, *names: str) -> None:
    for name in names:
        await world.fabric.fail(DomainName(name), Down())
