"""The queue's 250: messages of 4 KiB put on stable storage, each session waiting for one before it brings the
next.

What is measured is `Queue.put` on a folder of this machine's disk, without SMTP in front of it (`smtp_durable` has
that) and without anybody who delivers behind it. Seconds are wall seconds: it is the disk that is waited for.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.clock import WarpedTime
from lab.fabric.folder_disk import FolderDisk
from lab.fabric.host import Ground, Host
from lab.fabric.loop import LabLoop
from lab.log import EventLog
from lab.mail.envelope import Envelope, Recipient
from lab.mail.queue import Queue
from lab.mail.retry import SCHEDULES
from lab.mail.spool import Spool
from lab.mail.waiting import Destination, Message
from lab.names import DomainName, EmailAddress
from lab.topology.plan import HostPlan

LETTER = b"Subject: four kilobytes\r\n\r\n" + b"A line of text as people write it, more or less.\r\n" * 81
ENVELOPE = Envelope(EmailAddress("ann@a.be"), (Recipient(EmailAddress("ed@b.be")),))


class Nobody:
    """Delivers nothing."""

    def work(self, destination: Destination) -> None:
        destination.waiting.clear()

    def notify(self, expired: Sequence[Message], overdue: Sequence[Message]) -> None:
        """Nothing takes so long here."""


def accepted(sessions: int, seconds: float = 3.0) -> float:
    """Messages a second."""

    async def work(folder: Path) -> float:
        with ThreadPoolExecutor(FolderDisk.THREADS) as disks:
            queue = _queue(FolderDisk(folder, disks))
            await queue.put(queue.reserve(), ENVELOPE, LETTER)
            begun, count = time.perf_counter(), 0

            async def session() -> None:
                nonlocal count
                while time.perf_counter() - begun < seconds:
                    await queue.put(queue.reserve(), ENVELOPE, LETTER)
                    count += 1

            await asyncio.gather(*(session() for _ in range(sessions)))
            return count / (time.perf_counter() - begun)

    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner,
    ):
        return runner.run(work(Path(folder)))


def _queue(disk: FolderDisk) -> Queue:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LabLoop)
    ground = Ground("1", loop.source, EventLog(), lambda _: None, lambda _: disk)  # type: ignore[arg-type,return-value]
    queue = Queue(Host(HostPlan(DomainName("mail.a.be"), ()), ground), Spool(disk), SCHEDULES["lab"], _everywhere)
    queue.agent = Nobody()
    return queue


def _everywhere(address: EmailAddress) -> str:
    return address.domain


def bare(seconds: float = 2.0) -> float:
    """What the disk allows one writer: an append of as many octets and an fsync, again and again, a second."""
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            os.write(file.fileno(), LETTER)
            os.fsync(file.fileno())
            count += 1
        return count / (time.perf_counter() - begun)
