"""A mail program that reads by IMAP, as a scenario drives it.

    async with net.imap("ed@belgiannews.com") as imap:
        await imap.select("INBOX")
        start = await imap.fetch(1, "BODY.PEEK[2]<0.1000>")
        await imap.says("MOVE 1 Archive")

The rule: a command goes out as it is written, its tag put before it; an answer that is not OK is Unmet, with the
whole dialogue. `octets` counts what the server has sent, so that ways of reading can be compared.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field

from lab.scenario.unmet import Unmet
from lab.values import dataclass

_PATIENCE = 600.0
"""Lab seconds to wait for an answer."""
_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


@dataclass(slots=True)
class Imap:
    """An open session, logged in."""

    host: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    said: list[str] = field(default_factory=list)
    octets: int = 0
    _count: int = 0

    async def select(self, folder: str = "INBOX") -> int:
        """Open a folder; how many messages there are."""
        return _number(await self.says(f"SELECT {_quoted(folder)}"), b"EXISTS")

    async def folders(self) -> list[str]:
        """Every folder's name."""
        lines = await self.says('LIST "" *')
        return [
            line.split(b' "/" ')[1].decode().strip().strip('"') for line in lines if line.startswith(b"* LIST")
        ]

    async def fetch(self, number: int, what: str) -> bytes:
        """One piece of a message, `BODY[]` or `BODY.PEEK[HEADER]`: its octets."""
        for line in await self.says(f"FETCH {number} ({what})"):
            found = re.search(rb"\{(\d+)\}\r\n", line)
            if line.startswith(b"* %d FETCH" % number) and found:
                return line[found.end() : found.end() + int(found[1])]
        raise Unmet(f"{self.host} to send {what} of message {number}", "nothing of that", "\n".join(self.said))

    async def search(self, keys: str) -> list[int]:
        """The numbers of the messages that fit."""
        lines = [line for line in await self.says(f"SEARCH {keys}") if line.startswith(b"* SEARCH")]
        return [int(word) for line in lines for word in line.split()[2:]]

    async def flags(self, number: int) -> str:
        """A message's flags, as they stand in the parentheses."""
        lines = b"".join(await self.says(f"FETCH {number} FLAGS"))
        found = re.search(rb"FLAGS \(([^)]*)\)", lines)
        return found[1].decode() if found else ""

    async def says(self, command: str) -> list[bytes]:
        """Type a command; what the server said before its OK."""
        tag = await self.begins(command)
        return await self.ends(tag, command)

    async def begins(self, command: str) -> bytes:
        """Type a command and leave it open, IDLE for one; its tag."""
        self._count += 1
        tag = f"a{self._count}"
        self.said.append(f"C: {tag} {command if not command.startswith('LOGIN') else 'LOGIN …'}")
        self.writer.write(f"{tag} {command}\r\n".encode())
        return tag.encode()

    async def ends(self, tag: bytes, command: str = "") -> list[bytes]:
        """Hear a command's answer to its end."""
        lines: list[bytes] = []
        while not (line := await self.hears()).startswith(tag + b" "):
            if not line:
                raise Unmet(f"{self.host} to answer {command}", "it hung up", "\n".join(self.said))
            lines.append(line)
        if not line.startswith(tag + b" OK"):
            answer = line.decode("utf-8", "replace").strip()
            raise Unmet(f"{self.host} to say OK to {command}", answer, "\n".join(self.said))
        return lines

    async def hears(self) -> bytes:
        """The next response, its literals in place; b"" when the server has hung up."""
        said = b""
        async with asyncio.timeout(_PATIENCE):
            while True:
                line = await self.reader.readline()
                said += line
                found = _LITERAL.search(line)
                if found is None:
                    break
                said += await self.reader.readexactly(int(found[1]))
        self.octets += len(said)
        self.said.append(f"S: {said[:200].decode('utf-8', 'replace').rstrip()}")
        return said

    @asynccontextmanager
    async def idle(self) -> AsyncIterator[None]:
        """Inside the block news come by themselves: `hears` them."""
        tag = await self.begins("IDLE")
        await self.hears()
        yield
        self.said.append("C: DONE")
        self.writer.write(b"DONE\r\n")
        await self.ends(tag, "IDLE")

    def hang_up(self) -> None:
        """The connection breaks: no LOGOUT."""
        self.said.append("C: (hangs up)")
        self.writer.transport.abort()


def _number(lines: list[bytes], word: bytes) -> int:
    return next((int(line.split()[1]) for line in lines if line.rstrip().endswith(word)), 0)


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@asynccontextmanager
async def reading(imap: Imap, login: str, password: str) -> AsyncIterator[Imap]:
    """Log in, and say LOGOUT when all went well."""
    await imap.hears()
    await imap.says(f"LOGIN {_quoted(login)} {_quoted(password)}")
    yield imap
    if not imap.writer.transport.is_closing():
        await imap.says("LOGOUT")
