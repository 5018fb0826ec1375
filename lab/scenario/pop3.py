"""A mail program that fetches by POP3, as a scenario drives it.

    async with net.pop3("ed@belgiannews.com") as pop:
        letter = await pop.fetch(1)
        await pop.delete(1)

The rule: it says QUIT when the block is left, and so what it deleted is gone; after `hang_up` it does not. `-ERR`
is Unmet, with the whole dialogue. `octets` counts what the server has sent, so that fetching can be compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field

from lab.scenario.unmet import Unmet
from lab.values import dataclass

_PATIENCE = 600.0
"""Lab seconds to wait for an answer."""


@dataclass(slots=True)
class Pop:
    """An open session, logged in. Messages are numbered from 1."""

    host: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    said: list[str] = field(default_factory=list)
    octets: int = 0

    async def stat(self) -> tuple[int, int]:
        """(messages, octets) in the mailbox."""
        count, octets = (await self.says("STAT")).split()[:2]
        return int(count), int(octets)

    async def fetch(self, number: int) -> bytes:
        """The whole message; it stays on the server."""
        await self.says(f"RETR {number}")
        return await self._text()

    async def top(self, number: int, lines: int = 0) -> bytes:
        """The header, and so many lines of the text."""
        await self.says(f"TOP {number} {lines}")
        return await self._text()

    async def uids(self) -> dict[int, str]:
        """The names that messages keep from session to session, by their numbers."""
        await self.says("UIDL")
        rows = [line.split() for line in (await self._text()).decode().splitlines()]
        return {int(number): uid for number, uid in rows}

    async def delete(self, number: int) -> None:
        """Have it deleted when the session ends well."""
        await self.says(f"DELE {number}")

    def hang_up(self) -> None:
        """The connection breaks: no QUIT, no goodbye."""
        self.said.append("C: (hangs up)")
        self.writer.transport.abort()

    async def says(self, command: str) -> str:
        """Type a command; what stands behind +OK."""
        self.said.append(f"C: {command if not command.startswith('PASS') else 'PASS …'}")
        self.writer.write(command.encode() + b"\r\n")
        return await self.hears()

    async def hears(self) -> str:
        reply = (await self._line()).decode("utf-8", "replace").rstrip("\r\n")
        self.said.append(f"S: {reply}")
        if not reply.startswith("+OK"):
            raise Unmet(f"{self.host} to answer +OK", reply or "it hung up", "\n".join(self.said))
        return reply.removeprefix("+OK").strip()

    async def _text(self) -> bytes:
        """The rest of a multi-line reply, its dots unstuffed (RFC 1939 §3)."""
        lines = []
        while (line := await self._line()) != b".\r\n":
            if not line:
                raise Unmet(f"{self.host} to finish its reply", "it hung up", "\n".join(self.said))
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    async def _line(self) -> bytes:
        async with asyncio.timeout(_PATIENCE):
            line = await self.reader.readline()
        self.octets += len(line)
        return line


@asynccontextmanager
async def session(pop: Pop, login: str, password: str) -> AsyncIterator[Pop]:
    """Log in, and say QUIT when all went well."""
    await pop.hears()
    await pop.says(f"USER {login}")
    await pop.says(f"PASS {password}")
    yield pop
    if not pop.writer.transport.is_closing():
        await pop.says("QUIT")
