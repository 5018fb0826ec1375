"""A client that hands mail in without a pause, over several sessions, and notes what it was answered 250 for.

The rule: a message counts when its 250 was read, not before; whatever happens to a session before that, the
message is nobody's, and is not sent again.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

SESSIONS = 8
_REST = 0.02
"""Seconds before a session that could not be had is tried again."""


@dataclass(slots=True)
class Load:
    """`targets`: host → (its address, recipients that it takes mail for)."""

    targets: Mapping[str, tuple[str, Sequence[str]]]
    chance: Random
    accepted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Message-ID → recipients."""
    sent: int = 0
    _poll: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _sessions: list[Session] = field(default_factory=list)
    _again: float = 0.0

    def run(self, seconds: float) -> None:
        """Go on for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._fill()
            for key, _ in self._poll.select(min(left, _REST)):
                self._hear(key.data)

    def stop(self) -> None:
        for session in list(self._sessions):
            self._drop(session)

    def _fill(self) -> None:
        now = time.monotonic()
        while len(self._sessions) < SESSIONS and now >= self._again:
            host = self.chance.choice(list(self.targets))
            try:
                line = socket.create_connection((self.targets[host][0], 25), timeout=1.0)
            except OSError:
                self._again = now + _REST
                return
            line.setblocking(False)
            session = Session(line, self._dialogue(host))
            self._sessions.append(session)
            self._poll.register(line, selectors.EVENT_READ, session)

    def _drop(self, session: Session) -> None:
        self._poll.unregister(session.line)
        session.line.close()
        self._sessions.remove(session)

    def _hear(self, session: Session) -> None:
        with suppress(BlockingIOError):
            try:
                if session.heard(session.line.recv(4096)):
                    return
            except (OSError, StopIteration):
                pass
            self._drop(session)

    def _dialogue(self, host: str) -> Iterator[bytes]:
        """What is said after each reply that was well; a message is accepted when its dot is behind us."""
        yield b"EHLO student\r\n"
        for _ in range(self.chance.randint(1, 20)):
            to = self.chance.choice(self._ways(host))
            self.sent += 1
            message_id = f"<{self.sent}@kills>"
            yield b"MAIL FROM:<>\r\n"
            for one in to:
                yield f"RCPT TO:<{one}>\r\n".encode()
            yield b"DATA\r\n"
            size = self.chance.choice((0, 20, 200))
            text = f"Message-ID: {message_id}\r\n\r\n" + "A line of text.\r\n" * size + "the end\r\n.\r\n"
            yield text.encode()
            self.accepted[message_id] = tuple(to)
        yield b"QUIT\r\n"

    def _ways(self, host: str) -> list[list[str]]:
        recipients = list(self.targets[host][1])
        return [*([one] for one in recipients), recipients]


@dataclass(slots=True, eq=False)
class Session:
    """One connection, and what is still to be said over it."""

    line: socket.socket
    dialogue: Iterator[bytes]
    reply: bytes = b""

    def heard(self, octets: bytes) -> bool:
        """Take in what came, and go on after a whole reply; whether the session goes on."""
        self.reply += octets
        if not octets:
            return False
        if not self.reply.endswith(b"\r\n") or self.reply.splitlines()[-1][3:4] != b" ":
            return True
        code, self.reply = self.reply[:1], b""
        if code not in b"23":
            return False
        self.line.setblocking(True)
        self.line.sendall(next(self.dialogue))
        self.line.setblocking(False)
        return True
