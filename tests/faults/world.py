"""The shipped mini-Internet of the exercise, for faults to be put in it: on sim in virtual time, or on sockets."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from lab.clock import VirtualTime, WarpedTime
from lab.events import ConnectionFailed, Event, FaultStruck, HopAnswered, ReplyReceived
from lab.fabric.base import Boot, Fabric
from lab.fabric.local import LocalFabric
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.scenario import Net
from lab.topology import loads
from tests.fabric.forked import in_namespace

BELGIUM = Path("topologies/belgium.yaml").read_text(encoding="utf-8")
TLS = BELGIUM.replace(
    "  unige.ch:\n", "  unige.ch:\n    hosts: {mail.unige.ch: {mail: {settings: {tls: may}}}}\n", 1
)
"""The same, and the university sends in TLS to whoever offers it."""
ZONE = "belgiannews.com"
NEWS, RELAY, UNIGE = "mail.belgiannews.com", "relay.eunet.be", "mail.unige.ch"

E = TypeVar("E", bound=Event)
Story = Callable[[Net], Awaitable[None]]


def play(story: Story, topology: str = BELGIUM) -> None:
    """In memory."""
    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        runner.run(_scene(story, lambda boot, ranges: SimFabric(ranges, boot), topology))


def on_sockets(story: Story, topology: str = BELGIUM) -> None:
    """In a private network, on the kernel's sockets."""

    def inside() -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner,
        ):
            root = Path(folder)
            runner.run(_scene(story, lambda boot, ranges: LocalFabric(ranges, boot, root=root), topology))

    in_namespace(inside)


async def _scene(story: Story, make: Callable[[Boot, tuple[str, ...]], Fabric], topology: str) -> None:
    plan = loads(topology, "faults.yaml")
    internet = Internet(plan, lambda boot: make(boot, plan.ranges))
    await internet.up()
    try:
        await story(Net(internet))
    finally:
        await internet.down()
    assert not getattr(internet.fabric, "crashes", [])


def told(net: Net, kind: type[E], host: str = "") -> list[E]:
    """The events of a kind so far, of one host or of all."""
    return [
        entry.event for entry in net.internet.log if isinstance(entry.event, kind) and host in ("", entry.host)
    ]


async def resolved(net: Net, name: str = ZONE) -> str:
    """What the student's resolver makes of a name, out of an empty memory."""
    await net.flush()
    return (await net.dig(name, "MX")).rcode


def outcomes(net: Net, zone: str = ZONE) -> list[str]:
    """What the servers of a zone were for the resolvers, in the order in which they were so first."""
    hops = [event for event in told(net, HopAnswered) if event.zone == zone]
    return list(dict.fromkeys(event.outcome for event in hops))


def struck(net: Net) -> list[str]:
    return [f"{event.fault} ({event.about})" for event in told(net, FaultStruck)]


def failures(net: Net, host: str = UNIGE) -> list[str]:
    """How the connections of a host broke: "mail.belgiannews.com data timed out"."""
    return [f"{event.exchanger} {event.stage} {event.failure}" for event in told(net, ConnectionFailed, host)]


def replies(net: Net, host: str = UNIGE) -> list[str]:
    """What a host was refused with: "rcpt 451"."""
    return [f"{event.stage} {event.code}" for event in told(net, ReplyReceived, host) if event.code >= 400]
