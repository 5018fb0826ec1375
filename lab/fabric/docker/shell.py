"""A program in a container, at somebody's terminal: what `docker exec -it` does, without that client.

The rule: the user's terminal is as it was when this returns, whatever happened; the exit status is the program's.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import socket
import sys
import termios
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from lab.fabric.docker.engine import Engine
from lab.fabric.docker.wire import Streams

_AT_ONCE = 64 * 1024


def run(
    engine: Engine, container: str, command: Sequence[str], environment: Mapping[str, str], folder: str
) -> int:
    """Run it there with this process's standard streams."""
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    made = engine.prepare_command(container, command, environment, folder, interactive)
    connection = engine.api.exec_start(made, tty=interactive, socket=True)
    with _raw(interactive), _size_followed(engine, made, interactive):
        _pump(connection._sock, interactive)
    connection.close()
    return int(engine.api.exec_inspect(made)["ExitCode"] or 0)


@contextmanager
def _raw(interactive: bool) -> Iterator[None]:
    """Keys go through unread: the terminal at the other end minds them."""
    if not interactive:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _size_followed(engine: Engine, command: str, interactive: bool) -> Iterator[None]:
    """The terminal there is as large as the one here."""
    if not interactive:
        yield
        return

    def follow(*_: object) -> None:
        columns, lines = shutil.get_terminal_size()
        with suppress(Exception):  # a program that has ended just now has no size
            engine.api.exec_resize(command, height=lines, width=columns)

    before = signal.signal(signal.SIGWINCH, follow)
    follow()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _pump(sock: Any, raw: bool) -> None:
    """Octets both ways, until the other end has no more."""
    sock.setblocking(True)
    streams = Streams(lambda octets: _write(1, octets), lambda octets: _write(2, octets))
    heard = (lambda octets: _write(1, octets)) if raw else streams.feed
    with selectors.DefaultSelector() as ready:
        ready.register(sock, selectors.EVENT_READ)
        with suppress(PermissionError, ValueError):  # a file or /dev/null cannot be waited for: it is read at once
            ready.register(0, selectors.EVENT_READ)
        if len(ready.get_map()) == 1:
            _send_all(sock)
        while True:
            for key, _ in ready.select():
                octets = os.read(key.fd, _AT_ONCE)
                if key.fileobj is sock and not octets:
                    return
                if key.fileobj is sock:
                    heard(octets)
                elif octets:
                    sock.sendall(octets)
                else:
                    ready.unregister(0)
                    _no_more(sock)


def _send_all(sock: Any) -> None:
    while octets := os.read(0, _AT_ONCE):
        sock.sendall(octets)
    _no_more(sock)


def _no_more(sock: Any) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


def _write(number: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(number, octets) :]
