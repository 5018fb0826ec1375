"""SMTP by hand, as a scenario: what one types at a mail host, and what it has to answer.

    async with net.dialogue("mail.belgiannews.com", from_host="student") as smtp:
        await smtp.expects("220")
        await smtp.says("HELO student", "250")

The rule: a line goes out as it is written, right or wrong; an answer is compared by its code and by words in it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field

from lab.fabric.base import Host
from lab.scenario.unmet import Unmet
from lab.values import dataclass

_PATIENCE = 300.0
"""Lab seconds to wait for an answer, as a sender does at most stages (RFC 5321 §4.5.3.2)."""


@dataclass(slots=True)
class Dialogue:
    """An open connection to a mail host, and what was said on it so far."""

    host: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    said: list[str] = field(default_factory=list)

    async def expects(self, code: str, *words: str) -> str:
        """The next reply begins with this code and has these words; it is returned."""
        reply = await self.hears()
        if not reply.startswith(code) or not all(word.lower() in reply.lower() for word in words):
            wanted = " … ".join([code, *words])
            raise Unmet(f"{self.host} to answer {wanted}", reply or "it hung up", "\n".join(self.said))
        return reply

    async def says(self, line: str, code: str = "", *words: str) -> str:
        """Type a line; with a code, expect that reply to it."""
        self.said.append(f"C: {line}")
        self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()
        return await self.expects(code, *words) if code else ""

    async def hears(self) -> str:
        """The next reply, all its lines joined; empty when the other side has hung up."""
        lines: list[str] = []
        async with asyncio.timeout(_PATIENCE):
            while not lines or lines[-1][3:4] == "-":
                octets = await self.reader.readline()
                if not octets:
                    break
                lines.append(octets.decode("utf-8", "replace").rstrip("\r\n"))
                self.said.append(f"S: {lines[-1]}")
        return "\n".join(lines)


@asynccontextmanager
async def dialogue(
    caller: Host, address: str, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Dialogue]:
    """A connection that leaves from `caller`: opened in one of its tasks, since there its network is."""
    opened = await caller.spawn(_open(address, port, tls, host if tls else None), name="dialogue")
    if isinstance(opened, OSError):
        raise Unmet(f"{host} to take a connection on port {port}", _refusal(opened))
    reader, writer = opened
    try:
        yield Dialogue(host, reader, writer)
    finally:
        writer.close()


async def _open(
    address: str, port: int, tls: ssl.SSLContext | None, name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | OSError:
    """The error is returned: a host's task that raises one counts as a defect of the lab."""
    try:
        return await asyncio.open_connection(address, port, ssl=tls, server_hostname=name)
    except OSError as error:
        return error


def _refusal(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
