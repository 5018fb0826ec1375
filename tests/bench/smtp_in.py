"""SMTP in, on real sockets: fifty connections of a client process hand in messages of 4 KiB, one after the other.

Each session waits for every reply: MAIL, RCPT, DATA, the text, and again. Server and client have a core each; what
comes is for a mailbox of the server's host. Seconds are the client's, from the last greeting to the last reply.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from lab.mail.envelope import Envelope
from tests.bench import postfix
from tests.bench.mailboxes import on_sockets
from tests.mail.post_office import OFFICE, Office

_CLIENT = """
import os, select, socket, sys, time
address, port, sessions, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
text = b"Subject: four kilobytes\\r\\n\\r\\n" + b"A line of text as people write it, more or less.\\r\\n" * 81
turn = [b"MAIL FROM:<ann@unige.ch>\\r\\n", b"RCPT TO:<ed@belgiannews.com>\\r\\n", b"DATA\\r\\n", text + b".\\r\\n"]
ends = [socket.create_connection((address, port)) for _ in range(sessions)]
said = {end.fileno(): iter([b"HELO student\\r\\n", *turn * each]) for end in ends}
poll = select.epoll()
for end in ends:
    assert end.recv(4096).startswith(b"220 ")
    poll.register(end, select.EPOLLIN)
begun = time.perf_counter()
for number, words in said.items(): os.write(number, next(words))
while said:
    for number, _ in poll.poll():
        reply = os.read(number, 4096)
        if not reply.endswith(b"\\r\\n") or reply[:1] not in b"23": raise SystemExit(reply)
        if words := next(said[number], None): os.write(number, words)
        else: del said[number]
print(time.perf_counter() - begun)
"""


class Sink:
    """Takes every message, and keeps none."""

    def reserve(self) -> str:
        return "sunk"

    async def put(self, queue_id: str, envelope: Envelope, octets: bytes) -> None:
        """Nothing is stored."""


def times_postfix(sessions: int = 50, each: int = 40) -> float:
    """How many times Postfix's rate ours is, both durable, on one disk, in turns."""

    async def story(here: Office) -> float:
        with postfix.serving() as at:
            turns = [
                [await _rate(place, port, sessions, each) for place, port in ((OFFICE, 25), at)] for _ in range(3)
            ]
        return sum(ours for ours, _ in turns) / sum(theirs for _, theirs in turns)

    return on_sockets(story)


async def _rate(address: str, port: int, sessions: int, each: int) -> float:
    command = [sys.executable, "-c", _CLIENT, address, str(port), str(sessions), str(each)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sessions * each / float(done.stdout)


def accepted(durable: bool, sessions: int = 50, each: int = 100) -> float:
    """Messages a second that were answered 250."""

    async def story(here: Office) -> float:
        if not durable:
            here.mail.reception.queue = Sink()
        return await _rate(OFFICE, 25, sessions, each)

    return on_sockets(story)
