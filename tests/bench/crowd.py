"""A crowd on real sockets: a thousand clients that say no more, two hundred that dribble, and new mail between.

The idle ones have been greeted and have said EHLO; the slow ones send an octet of a message every tenth of a
second, all of them together two thousand octets a second, each a wake-up of the server. New clients come one after
the other, and what counts is a whole session: connect, greeting, EHLO, MAIL, RCPT, DATA, the text, its 250, QUIT.
The message is accepted durably.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable

from tests.bench.mailboxes import on_sockets
from tests.bench.rows import resident
from tests.mail.post_office import OFFICE, Office

_CROWD = """
import json, resource, select, socket, statistics, sys, threading, time
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
address, port, idle, slow, new, words = sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:6]), sys.argv[6]

def heard(end, marks):
    said = b""
    while not any(mark in said for mark in marks):
        more = end.recv(65536)
        if not more: raise SystemExit(f"closed after {said!r}")
        said += more
    return said

def opened(*lines):
    end = socket.create_connection((address, port))
    heard(end, [b"\\r\\n"])
    for line, mark in lines:
        end.sendall(line.encode() + b"\\r\\n")
        heard(end, [mark.encode()])
    return end

lines = json.loads(words)
crowd = [opened(*lines) for _ in range(idle)]
print("idle", flush=True)
sys.stdin.readline()
dribbling = [opened(["EHLO slow", "250 HELP"]) for _ in range(slow)]
text = b"MAIL FROM:<ann@unige.ch>\\r\\nRCPT TO:<ed@belgiannews.com>\\r\\nDATA\\r\\nSubject: slow\\r\\n\\r\\n"
stop = threading.Event()

def dribble():
    at = 0
    while not stop.is_set():
        for end in dribbling: end.sendall(text[at % len(text):][:1] if at < len(text) else b"y")
        at += 1
        stop.wait(0.1)

threading.Thread(target=dribble, daemon=True).start()
took = []
for number in range(new):
    begun = time.perf_counter()
    end = opened(["EHLO new", "250 HELP"], ["MAIL FROM:<ann@unige.ch>", "250 2.1.0"],
                 ["RCPT TO:<ed@belgiannews.com>", "250 2.1.5"], ["DATA", "354"],
                 ["Subject: new\\r\\n\\r\\nhello\\r\\n.", "250 2.0.0 queued"], ["QUIT", "221"])
    took.append(time.perf_counter() - begun)
    end.close()
stop.set()
took.sort()
if took: print(json.dumps({"median": statistics.median(took), "late": took[len(took) * 95 // 100]}), flush=True)
"""

_GREETED = [["EHLO idle", "250 HELP"]]
_IDLING = [["a LOGIN ed secret", "a OK"], ["b SELECT INBOX", "b OK"], ["c IDLE", "+ idling"]]

IDLE, SLOW, NEW = 1_000, 200, 200


def _crowded(port: int, idle: int, slow: int, new: int, words: list[list[str]]) -> dict[str, float]:
    """What a client process measured, in seconds, and the octets that each idle connection takes here."""

    async def story(here: Office) -> dict[str, float]:
        first = _process(port, 20, 0, 0, words)  # what comes into being at the first call is nobody's
        await _until_idle(first)
        before = resident()
        crowd = _process(port, idle, slow, new, words)
        await _until_idle(crowd)
        octets = (resident() - before) / idle
        out, _ = await asyncio.to_thread(crowd.communicate, "\n")
        if crowd.returncode:
            raise SystemExit(f"the crowd ended with {crowd.returncode}")
        first.communicate("\n")
        return {**(json.loads(out.splitlines()[-1]) if new else {}), "octets": octets}

    return on_sockets(story)  # type: ignore[arg-type, return-value]


def _process(port: int, idle: int, slow: int, new: int, words: list[list[str]]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CROWD, OFFICE, *map(str, (port, idle, slow, new)), json.dumps(words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def _until_idle(crowd: subprocess.Popen[str]) -> None:
    assert crowd.stdout is not None
    line = await asyncio.to_thread(crowd.stdout.readline)
    assert line == "idle\n", "the crowd did not come in"
    await asyncio.sleep(0.5)


def accepted_within() -> float:
    """Milliseconds for a new client's whole session, of which nineteen in twenty are no longer."""
    return 1_000 * _crowded(25, IDLE, SLOW, NEW, _GREETED)["late"]


def idle_smtp() -> float:
    """Kilobytes that an idle SMTP connection takes."""
    return _crowded(25, IDLE, 0, 0, _GREETED)["octets"] / 1_024


def idle_imap() -> float:
    """Kilobytes that an IMAP session in IDLE takes, its mailbox selected."""
    return _crowded(143, IDLE, 0, 0, _IDLING)["octets"] / 1_024


FIGURES: dict[str, Callable[[], float]] = {
    "accepted_within": accepted_within,
    "idle_smtp": idle_smtp,
    "idle_imap": idle_imap,
}
