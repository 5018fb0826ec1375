"""POP3 on real sockets: a client of its own process fetches a whole mailbox, one message after the other."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.bench.mailboxes import on_sockets
from tests.mail.post_office import ED, OFFICE, Office

LETTER = b"Subject: ten thousand octets\r\n\r\n" + b"A line of text as people write it, more or less.\r\n" * 200

_CLIENT = """
import socket, sys, time
client = socket.create_connection((sys.argv[1], 110)); client.recv(4096)
for line in (b"USER ed", b"PASS secret"):
    client.sendall(line + b"\\r\\n"); assert client.recv(4096).startswith(b"+OK")
begun = time.perf_counter()
for number in range(1, int(sys.argv[2]) + 1):
    client.sendall(b"RETR %d\\r\\n" % number)
    got = b""
    while not got.endswith(b"\\r\\n.\\r\\n"):
        got += client.recv(1 << 16)
print(time.perf_counter() - begun)
"""


def retrieval(messages: int = 1_000) -> float:
    """Seconds for RETR of so many messages of 10 kB."""

    async def story(here: Office) -> float:
        for number in range(messages):
            await here.mail.local.store.deliver(ED, LETTER, f"filed-{number}")
        command = [sys.executable, "-c", _CLIENT, OFFICE, str(messages)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        return float(done.stdout)

    return on_sockets(story)
