"""`lab talk`: a person, or a script, speaks to a port of the lab.

The rule: the words are the typist's own. A terminal's lines go out as they are typed, ended by CRLF. Lines from a
file or a pipe wait for the reply to the one before, as RFC 5321 §4.3.1 asks of a client, and are shown, so that
what comes out is the whole dialogue.
"""

from __future__ import annotations

import json as encoding
import os
import select
import socket
import sys
from collections import deque
from typing import Annotated

from cyclopts import Parameter

from lab.cli.listening import listener_at
from lab.cli.reading import Json
from lab.cli.screen import emit, plain, show
from lab.control.client import dial, read_reply, request


def talk(
    host: str,
    port: str = "smtp",
    /,
    *,
    caller: Annotated[str, Parameter(name="--from")] = "",
    explain: bool = False,
    json: Json = False,
) -> int:
    """Open a connection in the lab, and leave the typing to you.

    smtp  EHLO student · MAIL FROM:<you@unige.ch> · RCPT TO:<ed@belgiannews.com> · DATA · . · QUIT
    pop3  USER ed · PASS secret · STAT · LIST · RETR 1 · DELE 1 · QUIT
    imap  a LOGIN ed secret · b SELECT INBOX · c FETCH 1 BODY[TEXT] · d LOGOUT

    Parameters
    ----------
    host
        Whom to speak to.
    port
        smtp, submission, pop3, imap, dns, http or a number.
    caller
        The host that the connection leaves from; the student's, if not named.
    explain
        Say what each reply means.
    """
    with dial() as door:
        door.sendall(request("talk", {"host": host, "port": port, "from": caller}))
        greeted, rest = _first_line(door)
        connected = read_reply(greeted)
        if json:
            emit(connected)
        elif sys.stdin.isatty():
            show(
                [plain(f" Connected to {connected['connected']} port {connected['port']}; Ctrl-D ends it.", "dim")]
            )
        _Talk(door, explain, json, connected["port"]).run(rest)
    return 0


def _first_line(door: socket.socket) -> tuple[bytes, bytes]:
    """The daemon's own line, and the first octets of the conversation that came with it."""
    got = b""
    while b"\n" not in got and (more := door.recv(65536)):
        got += more
    line, _, rest = got.partition(b"\n")
    return line or b'{"error": {"sentence": "the lab hung up", "exit_status": 3}}', rest


class _Talk:
    """The two directions of a conversation."""

    def __init__(self, door: socket.socket, explain: bool, json: bool, port: int) -> None:
        self._door = door
        self._explain = explain
        self._json = json
        self._typed = sys.stdin.isatty()
        self._listener = listener_at(port)
        self._turns = self._listener.turns and not self._typed
        self._heard = b""
        self._may_speak = not self._turns
        self._unsaid = b""
        self._to_say: deque[bytes] = deque()
        self._listens_to_us = True

    def run(self, first: bytes) -> None:
        """Until the other side says its last."""
        self._hear(first)
        while True:
            while self._may_speak and self._to_say:
                self._speak(self._to_say.popleft())
            keyboard = [0] if self._listens_to_us and not self._to_say else []
            ready = select.select([self._door.fileno(), *keyboard], [], [])[0]
            if 0 in ready:
                self._read(os.read(0, 65536))
            else:
                octets = self._door.recv(65536)
                if not octets:
                    return
                self._hear(octets)

    def _read(self, octets: bytes) -> None:
        """What was typed, line by line; nothing at all is the typist's last word."""
        *lines, self._unsaid = (self._unsaid + octets).split(b"\n")
        self._to_say.extend(line.rstrip(b"\r") for line in lines)
        if not octets:
            self._listens_to_us = False
            self._door.shutdown(socket.SHUT_WR)

    def _speak(self, line: bytes) -> None:
        if not self._typed:
            self._show(">", line)
        self._door.sendall(line + b"\r\n")
        self._may_speak = self._listener.say(line.decode("utf-8", errors="replace")) or not self._turns

    def _hear(self, octets: bytes) -> None:
        *lines, self._heard = (self._heard + octets).split(b"\n")
        for line in lines:
            self._show("<", line.rstrip(b"\r"))
            self._understand(line.rstrip(b"\r").decode("utf-8", errors="replace"))

    def _understand(self, line: str) -> None:
        heard = self._listener.hear(line)
        self._may_speak = self._may_speak or heard.is_over
        if self._explain and not self._json:
            show(plain(f"      {sentence}", "dim") for sentence in heard.means)

    def _show(self, direction: str, octets: bytes) -> None:
        text = octets.decode("utf-8", errors="replace")
        if self._json:
            print(encoding.dumps({"said" if direction == ">" else "heard": text}, ensure_ascii=False), flush=True)
        else:
            # A terminal shows what was typed already; replies then need no mark either.
            show([plain(text if self._typed else f"{direction} {text}")])
            sys.stdout.flush()
