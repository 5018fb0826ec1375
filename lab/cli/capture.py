"""`lab capture`: every packet of the lab, into a file, a pipe or Wireshark.

The rule: what is written is a whole capture file at every moment. Ctrl-C is the way to end it and no error; the
lab then hands over what it still held back.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Annotated, Any

from cyclopts import Parameter

from lab.cli.files import unwritable
from lab.cli.reading import Json
from lab.cli.screen import Line, paint, plain
from lab.control.client import dial, read_reply, request
from lab.errors import MachineSaidNo, NotUp, WrongUse

_PIPE = "-"


def capture(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)] = "",
    /,
    *,
    span: Annotated[str, Parameter(name="--for")] = "",
    host: Annotated[tuple[str, ...], Parameter(name="--host", consume_multiple=False)] = (),
    live: bool = False,
    json: Json = False,
) -> int:
    """Every packet of the lab, with host names and with the journey that it belongs to; Ctrl-C ends it.

    Try:  lab capture lab.pcapng --for 1m      lab capture - | tshark -r -
    In Wireshark:  frame.comment contains "J-0002"  shows the packets of one journey.

    Parameters
    ----------
    file
        The capture file; - writes it to standard output, for a pipe.
    span
        How much lab time: 30s, 5m. Without it, until Ctrl-C.
    host
        Only what this host sends and receives, as it sees it. May be given several times.
    live
        Show it in Wireshark as it comes.
    """
    if file.startswith("-") and file != _PIPE:
        raise WrongUse(f"unknown option: {file}", remedy="lab capture --help", code="W011")
    if not (file or live):
        raise WrongUse("FILE is missing", remedy="lab capture lab.pcapng, or  lab capture --live", code="W011")
    if file == _PIPE and sys.stdout.isatty():
        raise WrongUse("a capture is no text for a terminal", remedy="lab capture - | tshark -r -", code="W012")
    wireshark = _wireshark() if live and file != _PIPE else ""
    with dial() as door, ExitStack() as stack:
        door.sendall(request("capture", {"hosts": list(host), "for": span, "live": live or file == _PIPE}))
        told = _Told(file, json)
        done = _follow(door, told, lambda: _sinks(stack, file, wireshark))
    told.end(done)
    return 0


def _wireshark() -> str:
    found = shutil.which("wireshark")
    if found is None:
        raise MachineSaidNo(
            "Wireshark is not installed on this machine",
            remedy="To a file, for another machine:  lab capture lab.pcapng        In a terminal:"
            "  lab capture - | tshark -r -",
            code="H016",
        )
    return found


def _follow(door: socket.socket, told: _Told, open_sinks: Callable[[], list[IO[bytes]]]) -> dict[str, Any]:
    """Write what comes until the lab has told the end; what it came to."""
    with _enough_at_signals(door), door.makefile("rb") as lines:
        begun = read_reply(lines.readline() or b'{"error": {"sentence": "the lab hung up", "exit_status": 3}}')
        sinks = open_sinks()
        told.begin(begun["hosts"])
        for line in lines:
            reply = read_reply(line)
            if "done" in reply:
                done: dict[str, Any] = reply["done"]
                return done
            _write(b64decode(reply["octets"]), sinks, door)
    raise NotUp("the lab ended before it had told all; what it told is in the file", code="H020")


def _write(octets: bytes, sinks: list[IO[bytes]], door: socket.socket) -> None:
    """Into each. When Wireshark was closed and nothing else is written to, no more is wanted."""
    for sink in list(sinks):
        try:
            sink.write(octets)
            sink.flush()
        except BrokenPipeError:
            if sink is sys.stdout.buffer:
                raise
            sinks.remove(sink)
            if not sinks:
                _say_enough(door)


def _sinks(stack: ExitStack, file: str, wireshark: str) -> list[IO[bytes]]:
    found: list[IO[bytes]] = []
    if file == _PIPE:
        found.append(sys.stdout.buffer)
    elif file:
        try:
            found.append(stack.enter_context(Path(file).expanduser().open("wb")))
        except OSError as error:
            raise unwritable(file, error) from None
    if wireshark:
        found.append(stack.enter_context(_piped_to(wireshark)))
    return found


@contextmanager
def _piped_to(wireshark: str) -> Iterator[IO[bytes]]:
    """Wireshark's input. It goes on by itself when the capture has ended; Ctrl-C is not for it."""
    words = [wireshark, "-k", "-i", "-", "-N", "n"]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdin is not None
    try:
        yield process.stdin
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()


@contextmanager
def _enough_at_signals(door: socket.socket) -> Iterator[None]:
    """Ctrl-C, or a polite kill, asks the lab for the rest; a second one breaks off."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def enough(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        _say_enough(door)

    for number in before:
        signal.signal(number, enough)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_enough(door: socket.socket) -> None:
    with suppress(OSError):
        door.shutdown(socket.SHUT_WR)


class _Told:
    """What a person, or a program, is told; beside the capture where that has standard output for itself."""

    def __init__(self, file: str, json: bool) -> None:
        self._file = file
        self._json = json
        self._stream = sys.stderr if file == _PIPE else sys.stdout

    def begin(self, hosts: list[str]) -> None:
        where = self._file or "Wireshark"
        if self._json:
            self._emit({"capturing": where, "hosts": hosts})
        else:
            count = f"{len(hosts)} host{'s' * (len(hosts) != 1)}"
            self._show([plain(f" Capturing {count} into {where}; Ctrl-C ends it.", "dim")])

    def end(self, done: dict[str, Any]) -> None:
        if self._json:
            self._emit({"file": self._file, **done})
            return
        packets, octets, hosts = done["packets"], done["octets"], done["hosts"]
        lost = f"  {done['dropped']:,} more found no room." if done["dropped"] else ""
        self._show(
            [
                [
                    (f" {self._file or 'Wireshark'}", "place"),
                    (f"  {packets:,} packet{'s' * (packets != 1)}, {octets:,} octets, {hosts} hosts.{lost}", ""),
                ]
            ]
        )
        if self._file not in ("", _PIPE):
            self._show([plain(f" Try:  wireshark {self._file}   ·   lab explain capture", "dim")])

    def _emit(self, form: dict[str, Any]) -> None:
        import json

        print(json.dumps(form, ensure_ascii=False), file=self._stream, flush=True)

    def _show(self, lines: list[Line]) -> None:
        from lab.cli.screen import has_colour

        for line in lines:
            print(paint(line, has_colour() and self._stream is sys.stdout), file=self._stream, flush=True)
