"""Processes of a host's software: started, listened to, held, ended, with all that they started themselves.

The rule: a program of ours is the head of a session of its own. Its family are the processes that descend from it
or are of that session; they are asked to end, and killed when they do not within `PATIENCE`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 0.5
"""Seconds that a program has to end by itself; a host that goes down gives its tasks one in all."""
_LONGEST = 1 << 20
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}


async def start(words: Sequence[str], capture: bool = True) -> asyncio.subprocess.Process:
    """A program at the head of its own session; its output and errors come through one pipe."""
    pipe = asyncio.subprocess.PIPE if capture else asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        limit=_LONGEST,
        env=_ENVIRONMENT,
    )


async def run(words: Sequence[str], group: str | None = None) -> tuple[int, str]:
    """Run a program to its end: its status, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_ENVIRONMENT,
        group=group,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode("utf-8", "replace")


async def read_lines(stream: asyncio.StreamReader, tell: Callable[[str], None]) -> None:
    """Every line as it comes, until the other end is closed."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue  # longer than any log line: the reader has dropped it
        if not line:
            return
        tell(line.decode("utf-8", "replace").rstrip("\r\n"))


async def open_pipe(path: str) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """A named pipe to read from. It is held open for writing too: a log's end is not the end of a program."""
    reader = asyncio.StreamReader(_LONGEST)
    number = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(number, "rb", buffering=0)
    )
    return reader, transport


async def end(processes: Iterable[asyncio.subprocess.Process], at_once: bool = False) -> None:
    """End programs and their families; `at_once`: none of them gets to know."""
    heads = [process for process in processes if process.returncode is None]
    if not heads:
        return
    numbers = family(process.pid for process in heads)
    if at_once:
        send(signal.SIGKILL, numbers)
    send(signal.SIGCONT, numbers)
    send(signal.SIGTERM, [process.pid for process in heads])
    waiting = [asyncio.ensure_future(process.wait()) for process in heads]
    _, late = await asyncio.wait(waiting, timeout=PATIENCE)
    send(signal.SIGKILL, family([*numbers, *(process.pid for process in heads if process.returncode is None)]))
    if late:
        await asyncio.wait(late, timeout=PATIENCE)


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def family(heads: Iterable[int]) -> list[int]:
    """The living processes among these, all that descend from them, and all of their sessions."""
    wanted = set(heads)
    known = {pid: place for pid in _pids() if (place := _place(pid)) is not None}
    found = {pid for pid in known if pid in wanted or known[pid][1] in wanted}
    while more := {pid for pid, (parent, _) in known.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _place(pid: int) -> tuple[int, int] | None:
    """(parent, session) of a process; None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    words = text.rpartition(")")[2].split()
    return int(words[1]), int(words[3])
