"""Mailboxes on real sockets, for the rows about reading mail: a host on `local`, a client of its own process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from lab.clock import WarpedTime
from lab.fabric import namespace
from lab.fabric.local import LocalFabric
from lab.fabric.loop import LabLoop
from tests.bench import dovecot
from tests.mail.post_office import ED, OFFICE, PLAN, RANGES, STUDENT, Office, office

LETTER = (
    b"Date: Mon, 5 Jan 2026 12:00:00 +0100\r\nFrom: Ann Vogel <ann@unige.ch>\r\nTo: ed@belgiannews.com\r\n"
    b"Subject: number %d\r\nMessage-ID: <%d@unige.ch>\r\n\r\n"
) + b"A line of text as people write it, more or less.\r\n" * 20

_CLIENT = """
import json, socket, sys, time
def answer(tag):
    got = bytearray()
    while not (got.endswith(b"\\r\\n") and got[got.rfind(b"\\n", 0, -1) + 1 :].startswith(tag + b" OK")):
        octets = client.recv(1 << 20)
        assert octets, bytes(got[-200:])
        got += octets
    return len(got)
client = socket.create_connection((sys.argv[1], int(sys.argv[2]))); client.recv(4096)
took = {}
for number, (name, *lines) in enumerate(json.loads(sys.argv[3])):
    begun = time.perf_counter()
    for line in lines:
        tag = b"t%d" % number; number += 100
        client.sendall(tag + b" " + line.encode() + b"\\r\\n")
        answer(tag)
    took[name] = time.perf_counter() - begun
print(json.dumps(took))
"""


def on_sockets(story: Callable[[Office], Awaitable[float]]) -> float:
    """This process enters a private network, and stays there. A crowd has one address, so nobody counts."""
    namespace.enter()

    async def scene(root: Path) -> float:
        plan = replace(PLAN, settings={"connection_limit": "0"})
        async with office(lambda boot: LocalFabric(RANGES, boot, root=root), plan) as here:
            return await story(here)

    with (
        tempfile.TemporaryDirectory(dir="/tmp") as root,
        asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner,
    ):
        return runner.run(scene(Path(root)))


async def fill(here: Office, messages: int) -> None:
    """Deliver so many, durably, as fifty sessions would."""
    store, numbers = here.mail.local.store, iter(range(messages))

    async def session() -> None:
        for number in numbers:
            await store.deliver(ED, LETTER.replace(b"%d", b"%d" % number), f"filed-{number}")

    await asyncio.gather(*(session() for _ in range(50)))


async def seconds(*steps: tuple[str, ...], at: tuple[str, int] = (OFFICE, 143)) -> dict[str, float]:
    """What an IMAP client needs for each step: a name, and the commands that it says one after the other."""
    words = (at[0], str(at[1]), json.dumps([["", "LOGIN ed secret"], *steps]))
    command = [sys.executable, "-c", _CLIENT, *words]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def deliveries(messages: int = 5_000) -> float:
    """Messages a second into one mailbox, each on stable storage, the text view of it kept too."""

    async def story(here: Office) -> float:
        begun = time.perf_counter()
        await fill(here, messages)
        return messages / (time.perf_counter() - begun)

    return on_sockets(story)


FLAGS = ("flags", "SELECT INBOX", "FETCH 1:* FLAGS")
HEADERS = ("headers", *(f"FETCH {number} BODY.PEEK[HEADER]" for number in range(100, 200)))


def times_dovecot(step: str, messages: int = 10_000) -> float:
    """How many times as long as Dovecot takes for the same mailbox, both warm."""

    async def story(here: Office) -> float:
        await fill(here, messages)
        with dovecot.serving([LETTER.replace(b"%d", b"%d" % number) for number in range(messages)]) as at:
            for _ in range(2):
                ours, theirs = await seconds(FLAGS, HEADERS), await seconds(FLAGS, HEADERS, at=at)
        return ours[step] / theirs[step]

    return on_sockets(story)


def select_and_flags(messages: int = 10_000) -> float:
    """Seconds for SELECT and FETCH 1:* FLAGS."""

    async def story(here: Office) -> float:
        await fill(here, messages)
        return (await seconds(FLAGS))["flags"]

    return on_sockets(story)


def one_header(messages: int = 1_000) -> float:
    """Milliseconds for the header of one message, one out of the middle, in a mailbox that is open."""

    async def story(here: Office) -> float:
        await fill(here, messages)
        return (await seconds(FLAGS, HEADERS))["headers"] * 1_000 / (len(HEADERS) - 1)

    return on_sockets(story)


def idlers_told(sessions: int = 200) -> float:
    """Milliseconds from a delivery until the last of so many idle sessions has heard of it."""

    async def story(here: Office) -> float:
        clients = [await _idler(here) for _ in range(sessions)]
        begun = time.perf_counter()
        await fill(here, 1)
        for reader, _ in clients:
            assert await reader.readline() == b"* 1 EXISTS\r\n"
        took = time.perf_counter() - begun
        for _, writer in clients:
            writer.transport.abort()
        return took * 1_000

    return on_sockets(story)


async def _idler(here: Office) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    opened = here.fabric.hosts[STUDENT].spawn(asyncio.open_connection(OFFICE, 143))
    reader, writer = await opened
    writer.write(b"a LOGIN ed secret\r\nb SELECT INBOX\r\nc IDLE\r\n")
    while await reader.readline() != b"+ idling\r\n":
        pass
    return reader, writer
