"""A message handed to a host's own SMTP port, as a program on that host would.

The rule: it goes in by the front, from the host's own address, so that the software checks it as it checks all
mail. What a mail program puts into every message (Date, Message-ID) is there, as it is in what programs send (RFC
6409 §8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lab.foreign.readers.reader import reply_in
from lab.names import Address
from lab.values import dataclass
from lab.wire.smtp_reply import Reply, queue_id_in


@dataclass(frozen=True, slots=True)
class Taken:
    queue_id: str = ""
    refused: str = ""


async def hand_in(host: str, address: Address, sender: str, recipients: Sequence[str], octets: bytes) -> Taken:
    """The queue id that it got, or the reply that refused it."""
    reader, writer = await asyncio.open_connection(address, 25)
    try:
        reply = await _heard(reader)
        for line in _commands(host, sender, recipients):
            if reply.code >= 400:
                return Taken(refused=f"{reply.code} {reply.text}")
            writer.write(line)
            reply = await _heard(reader)
        if reply.code != 354:
            return Taken(refused=f"{reply.code} {reply.text}")
        writer.write(_stuffed(octets) + b".\r\n")
        reply = await _heard(reader)
        writer.write(b"QUIT\r\n")
        return Taken(queue_id_in(f"{reply.code} {reply.text}")) if reply.code == 250 else Taken("", reply.text)
    finally:
        writer.close()


def _commands(host: str, sender: str, recipients: Sequence[str]) -> list[bytes]:
    lines = [f"EHLO {host}", f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in recipients), "DATA"]
    return [f"{line}\r\n".encode() for line in lines]


def _stuffed(octets: bytes) -> bytes:
    text = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    text = text.replace(b"\r\n.", b"\r\n..")
    return (b"." if text.startswith(b".") else b"") + text + (b"" if text.endswith(b"\r\n") else b"\r\n")


async def _heard(reader: asyncio.StreamReader) -> Reply:
    """One reply, its lines joined (RFC 5321 §4.2.1)."""
    words: list[str] = []
    while True:
        line = (await reader.readline()).decode("utf-8", "replace").rstrip("\r\n")
        reply = reply_in(line)
        if reply is None:
            return Reply(421, "the connection was closed")
        words.append(reply.text)
        if line[3:4] != "-":
            return Reply(reply.code, " ".join(words))
