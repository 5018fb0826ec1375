"""POP3 on real sockets: a client of its own process fetches a whole mailbox, one message after the other."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.bench import dovecot
from tests.bench.mailboxes import on_sockets
from tests.mail.post_office import ED, OFFICE, Office

LETTER = b"Subject: ten thousand octets\r\n\r\n" + b"A line of text as people write it, more or less.\r\n" * 200

_CLIENT = """
import socket, sys, time
client = socket.create_connection((sys.argv[1], int(sys.argv[3]))); client.recv(4096)
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


async def _seconds(messages: int, address: str, port: int) -> float:
    command = [sys.executable, "-c", _CLIENT, address, str(messages), str(port)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    return float(done.stdout)


async def _ours(here: Office, messages: int) -> float:
    for number in range(messages):
        await here.mail.local.store.deliver(ED, LETTER, f"filed-{number}")
    return await _seconds(messages, OFFICE, 110)


def retrieval(messages: int = 1_000) -> float:
    """Seconds for RETR of so many messages of 10 kB."""

    async def story(here: Office) -> float:
        return await _ours(here, messages)

    return on_sockets(story)


def times_dovecot(messages: int = 1_000) -> float:
    """How many times as long as Dovecot takes for the same."""

    async def story(here: Office) -> float:
        ours = await _ours(here, messages)
        with dovecot.serving([LETTER] * messages, "pop3") as (address, port):
            return ours / await _seconds(messages, address, port)

    return on_sockets(story)
