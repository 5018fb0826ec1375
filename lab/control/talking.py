"""`talk`: a person's own words on a connection of the lab.

The rule: after the first line ({"connected": …}) the socket of the asker *is* the connection: octets go through
unread in both directions, and each side hears when the other has said its last.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import MappingProxyType

from lab.control.arguments import Args, optional, text
from lab.control.running import Lab
from lab.control.server import Line
from lab.errors import WorldSaidNo, WrongUse
from lab.internet import STUDENT
from lab.topology.plan import HostPlan

SERVICES = MappingProxyType(
    {"smtp": 25, "dns": 53, "domain": 53, "http": 80, "pop3": 110, "imap": 143, "submission": 587}
)
_AT_ONCE = 64 * 1024


async def talk(lab: Lab, args: Args, line: Line) -> None:
    internet = lab.internet
    host, port = internet.host(text(args, "host")), port_of(optional(args, "port", "smtp"))
    caller = internet.fabric.hosts[internet.host(optional(args, "from", STUDENT)).name]
    # A task of the caller's own: the connection leaves from there. It returns its error, because a task of a host
    # that raises one counts as a defect of the lab.
    refused = await caller.spawn(_talk(host, port, line), name="talk")
    if refused is not None:
        raise refused


async def _talk(host: HostPlan, port: int, line: Line) -> WorldSaidNo | None:
    try:
        reader, writer = await asyncio.open_connection(host.addresses[0], port)
    except OSError as error:
        return _refusal(host, port, error)
    await line.tell({"connected": host.name, "address": host.addresses[0], "port": port})
    outward = asyncio.ensure_future(_pump(line.reader, writer))
    try:
        await _pump(reader, line.writer)
    finally:
        outward.cancel()
        writer.close()
    return None


def _refusal(host: HostPlan, port: int, error: OSError) -> WorldSaidNo:
    return WorldSaidNo(
        f"{host.name} port {port}: {_reason(error)}",
        remedy=f"It runs {', '.join(host.roles)};  lab status  shows what has failed.",
        code="W007",
    )


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused (nothing listens there, or the host is down)"
    if isinstance(error, TimeoutError):
        return "no answer (the host is silent, or cut off)"
    return (error.strerror or str(error)).lower()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while octets := await reader.read(_AT_ONCE):
            writer.write(octets)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def port_of(word: str) -> int:
    """A port by number or by its service's name. WrongUse otherwise."""
    if word.lower() in SERVICES:
        return SERVICES[word.lower()]
    if word.isdecimal() and 0 < int(word) < 65536:
        return int(word)
    raise WrongUse(f"'{word}' is no port", remedy=f"A number, or one of {', '.join(SERVICES)}.", code="W012")
