"""SMTP in, on real sockets: fifty connections of a client process hand in messages of 4 KiB, one after the other.

Each session waits for every reply: MAIL, RCPT, DATA, the text, and again. Server and client have a core each; what
comes is for a mailbox of the server's host. Seconds are the client's, from the last greeting to the last reply.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from lab.mail.envelope import Envelope
from tests.bench.mailboxes import on_sockets
from tests.mail.post_office import OFFICE, Office

_CLIENT = """
import asyncio, sys, time
address, port, sessions, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
text = b"Subject: four kilobytes\\r\\n\\r\\n" + b"A line of text as people write it, more or less.\\r\\n" * 81
turn = [b"MAIL FROM:<ann@unige.ch>\\r\\n", b"RCPT TO:<ed@belgiannews.com>\\r\\n", b"DATA\\r\\n", text + b".\\r\\n"]
class Sender(asyncio.Protocol):
    def __init__(self): self.done = loop.create_future(); self.said = -2; self.left = each
    def connection_made(self, transport): self.transport = transport
    def connection_lost(self, error): self.done.done() or self.done.set_exception(error or ConnectionError())
    def data_received(self, data):
        if not data.endswith(b"\\r\\n") or data[:1] not in b"23": raise SystemExit(data)
        self.said += 1
        if self.said == -1: self.transport.write(b"HELO student\\r\\n"); return
        if self.said == 4: self.left -= 1; self.said = 0
        if self.left: self.transport.write(turn[self.said])
        elif not self.done.done(): self.done.set_result(None)
async def main():
    global loop; loop = asyncio.get_running_loop()
    ends = [(await loop.create_connection(Sender, address, port))[1] for _ in range(sessions)]
    begun = time.perf_counter()
    await asyncio.gather(*(end.done for end in ends))
    print(time.perf_counter() - begun)
asyncio.run(main())
"""


class Sink:
    """Takes every message, and keeps none."""

    def reserve(self) -> str:
        return "sunk"

    async def put(self, queue_id: str, envelope: Envelope, octets: bytes) -> None:
        """Nothing is stored."""


def accepted(durable: bool, sessions: int = 50, each: int = 100) -> float:
    """Messages a second that were answered 250."""

    async def story(here: Office) -> float:
        if not durable:
            reception = here.mail.reception
            assert reception is not None
            reception.queue = Sink()
        command = [sys.executable, "-c", _CLIENT, OFFICE, "25", str(sessions), str(each)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return sessions * each / float(done.stdout)

    return on_sockets(story)
