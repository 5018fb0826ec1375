"""What can be done to a mini-Internet, as values: a future is a list of these.

The rule: an act is done through `Internet`, as a scenario's verbs are, and takes no chance of its own, so that the
same acts on the same seed tell the same story. What the world refuses (a host is down, a disk is full) is part of
the story; nothing stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from lab.errors import WorldSaidNo
from lab.fabric import breakage
from lab.fabric.breakage import OnHost
from lab.faults import (
    Crash,
    DiskFull,
    Down,
    Fault,
    Hide,
    Paused,
    PowerCut,
    Reply,
    Reset,
    Silent,
    Skew,
    Stall,
    Unreachable,
    bare,
)
from lab.internet import Internet, unheard
from lab.mail.folders import FolderError
from lab.names import EmailAddress
from lab.timing import NOW
from lab.topology.plan import Link
from lab.values import dataclass
from lab.wire.received import read_heading


@dataclass(frozen=True, slots=True)
class Act:
    """What all acts are."""

    @property
    def befalls(self) -> str:
        """What kind of misfortune it is, in the plural; "" when it is none."""
        return ""


@dataclass(frozen=True, slots=True)
class Send(Act):
    """A message handed in at its sender's host, or `via` another. `octets`: the whole of it, where it is not one
    of a subject alone; it has a Message-ID."""

    sender: str
    to: tuple[str, ...]
    subject: str = ""
    size: int = 0
    """Octets that its text has at least."""
    octets: bytes = b""
    via: str = ""

    @property
    def text(self) -> bytes:
        return self.octets or letter(self.subject, self.size)


@dataclass(frozen=True, slots=True)
class Fail(Act):
    host: str
    fault: Fault

    @property
    def befalls(self) -> str:
        return _KINDS.get(type(bare(self.fault)), "name servers that failed")


@dataclass(frozen=True, slots=True)
class Heal(Act):
    """A host, or (where none is named) all hosts and all lines."""

    host: str = ""


@dataclass(frozen=True, slots=True)
class Cut(Act):
    """Nothing passes between two groups of places; see `breakage.Cut`."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    one_way: bool = False
    share: float = 1.0

    @property
    def befalls(self) -> str:
        return "cut lines"


@dataclass(frozen=True, slots=True)
class Lift(Act):
    """One fault of a host is over, and the others stay."""

    host: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Join(Act):
    """One cut is over, and the others stay."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    one_way: bool = False
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Spoil(Act):
    """Another line between two places."""

    a: str
    b: str
    link: Link

    @property
    def befalls(self) -> str:
        return "slow or lossy lines"


@dataclass(frozen=True, slots=True)
class Mend(Act):
    """All cuts and lines as they were."""


@dataclass(frozen=True, slots=True)
class Advance(Act):
    """So many seconds of lab time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SlowDisks(Act):
    """From now on a trip to a disk takes its time."""


@dataclass(frozen=True, slots=True)
class Retry(Act):
    """What waits at a host (or anywhere) is due now."""

    host: str = ""


@dataclass(frozen=True, slots=True)
class Flush(Act):
    """A resolver's cache, or all of them, emptied."""

    host: str = ""


@dataclass(frozen=True, slots=True)
class EditZone(Act):
    origin: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account(Act):
    """What `lab account` does."""

    do: str
    address: str
    more: tuple[tuple[str, Any], ...] = ()


Acts = Sequence[Act]

_KINDS: Mapping[type[Fault], str] = MappingProxyType(
    {
        Down: "hosts that stopped",
        Crash: "crashes",
        PowerCut: "power cuts",
        Skew: "clocks that went wrong",
        Silent: "hosts that fell silent",
        Unreachable: "hosts out of reach",
        Paused: "hosts that stood still",
        DiskFull: "full disks",
        Reply: "refusals by a server",
        Stall: "stalled dialogues",
        Reset: "dialogues that broke off",
        Hide: "hidden extensions",
    }
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that a host took responsibility for, and when (lab seconds)."""

    message_id: str
    recipients: tuple[str, ...]
    at: float


def letter(subject: str, size: int = 0) -> bytes:
    """A message that nobody mistakes for another: its subject is its Message-ID, and its last line.

    >>> letter("m1")
    b'Message-ID: <m1@future>\\r\\nSubject: m1\\r\\n\\r\\nend of m1\\r\\n'
    """
    text = f"{'x' * 70}\r\n" * -(-size // 72)
    return f"Message-ID: <{subject}@future>\r\nSubject: {subject}\r\n\r\n{text}end of {subject}\r\n".encode()


async def do(internet: Internet, act: Act) -> Taken | None:
    """Do it; the message, where it was one and was taken."""
    if isinstance(act, Send):
        return await offer(internet, act)
    with suppress(WorldSaidNo, OSError, FolderError):
        await _do(internet, act)
    return None


PATIENCE = 60.0
"""Lab seconds that who hands a message in waits for an answer: a host that stands still gives none."""


async def offer(internet: Internet, send: Send) -> Taken | None:
    """Hand a message in; None where the host is down, does not want it, or does not answer for a minute. In that
    case it may take it all the same, when it goes on."""
    recipients = [EmailAddress(address) for address in send.to]
    begun, sender = internet.fabric.clock.elapsed(), EmailAddress(send.sender) if send.sender else None
    handing = asyncio.ensure_future(internet.send(sender, recipients, send.text, via=send.via))
    answered, _ = await asyncio.wait([handing], timeout=PATIENCE)
    if not answered:
        handing.add_done_callback(unheard)
        return None
    with suppress(WorldSaidNo, OSError, FolderError):
        given = handing.result()
        if given.queue_id:
            message_id = read_heading(send.text).message_id or f"<{given.queue_id}@{given.host}>"
            return Taken(message_id, send.to, begun)
    return None


async def _do(internet: Internet, act: Act) -> None:
    match act:
        case Advance(seconds):
            await internet.advance(timedelta(seconds=seconds))
        case Fail(host, fault):
            await internet.fail(host, fault)
        case Heal(host):
            await internet.heal(host)
        case Lift(host, fault):
            await internet.mend_one(OnHost(internet.host(host).name, fault))
        case Cut(a, b, one_way, share):
            await internet.break_down(breakage.Cut(a, b, one_way, share), NOW)
        case Join(a, b, one_way, share):
            await internet.mend_one(breakage.Cut(a, b, one_way, share))
        case Spoil(a, b, link):
            internet.connect(a, b, link)
        case Mend():
            internet.mend()
        case SlowDisks():
            internet.slow_disks()
        case _:
            await _keep(internet, act)


async def _keep(internet: Internet, act: Act) -> None:
    """What an administrator does."""
    match act:
        case Retry(host):
            await internet.retry(host)
        case Flush(host):
            await internet.flush(host)
        case EditZone(origin, add, remove):
            await internet.edit_zone(origin, add=add, remove=remove)
        case Account(what, address, more):
            await internet.account(what, EmailAddress(address), **dict(more))
