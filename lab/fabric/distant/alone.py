"""A node without a lab: a host that begins from files, in real time, and tells whoever listens what happens.

The rule: what it needs to know stands in one folder that a person can read: JSON (`topology.plan_json`) and PEM.
Nobody leads it: nothing leaps and nothing fails but by itself, and it ends on SIGTERM. Events go to standard
output, a log entry a line; lab time is the wall's (`moment.by_the_wall`), so that the lines of many nodes, put
together and sorted, are one log (`lab replay -`).

    host/host.json       this host: a `Sheet`              world/world.json   what all hosts know: a `World`
    host/identity.pem    its key and certificate, for TLS  world/ca.pem       whom it trusts
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TextIO, TypeVar

from lab.errors import LabError, WrongUse
from lab.fabric.distant.ear import MakeBoot, refusal
from lab.fabric.distant.moment import by_the_wall
from lab.fabric.distant.node import NodeFabric, NodeLoop
from lab.fabric.distant.orders import Begin, Moment, Neighbour
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, LinkPlan, ZonePlan
from lab.topology.plan_json import BadPlan, read
from lab.values import dataclass

WORLD, ROOT = "world/world.json", "world/ca.pem"
SHEET, IDENTITY = "host/host.json", "host/identity.pem"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """What every host of a lab knows: who has which address, and which lines are not as fast as can be."""

    lab: str
    seed: str
    ranges: tuple[str, ...]
    hosts: tuple[Neighbour, ...]
    links: tuple[LinkPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One host's own part. `laid` and `onlink`: see `orders.Begin`."""

    host: HostPlan
    zones: Mapping[DomainName, ZonePlan] = field(default_factory=dict)
    laid: tuple[Address, ...] = ()
    onlink: tuple[str, ...] = ()


def serve_alone(make_boot: MakeBoot, folder: Path, disks: Path) -> int:
    """Be the host of this folder until SIGTERM or SIGINT; the exit status. `disks`: where its disk is."""
    outward = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a program prints is no event
    source = by_the_wall()
    try:
        begin = begin_from(folder, source.moment)
        with asyncio.Runner(loop_factory=lambda: NodeLoop(source)) as runner:
            runner.run(_live(begin, make_boot, disks, outward))
    except Exception as error:
        sys.stderr.write(f"{refusal(error)['sentence']}\n")
        return error.exit_status if isinstance(error, LabError) else 1
    return 0


async def _live(begin: Begin, make_boot: MakeBoot, disks: Path, outward: TextIO) -> None:
    enough = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, enough.set)
    fabric = NodeFabric(begin, make_boot(begin.zones), disks)
    teller = Teller(outward)
    fabric.log.subscribe(lambda entry: teller.tell(entry.line()))
    try:
        await fabric.up()
        await enough.wait()
        await fabric.down()
    finally:
        teller.speak()


class Teller:
    """Standard output: what happened in one turn of the loop leaves in one write."""

    def __init__(self, outward: TextIO) -> None:
        self._outward = outward
        self._waiting: list[str] = []

    def tell(self, line: str) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.speak)
        self._waiting.append(f"{line}\n")

    def speak(self) -> None:
        """Say what waits."""
        lines, self._waiting = self._waiting, []
        self._outward.write("".join(lines))
        self._outward.flush()


# -- from files ------------------------------------------------------------------------------------------------


def begin_from(folder: Path, moment: Moment) -> Begin:
    """What a lab would have told this node first. WrongUse (W014, W041) when its files do not say."""
    world, sheet = _read(World, folder / WORLD), _read(Sheet, folder / SHEET)
    host = sheet.host
    root = _octets(folder / ROOT)
    return Begin(
        # Another start draws other numbers: ids of messages that are on its disk already must not come again.
        seed=f"{world.seed}@{moment.ahead:.6f}",
        ranges=world.ranges,
        hosts=(host,),
        zones=sheet.zones,
        neighbours=tuple(other for other in world.hosts if other.name != host.name),
        links=tuple((line.a, line.b, line.link) for line in world.links),
        identities={host.name: _octets(folder / IDENTITY)} if host.mail else {},
        root=root,
        moment=moment,
        laid=sheet.laid,
        onlink=sheet.onlink,
    )


def _read(kind: type[T], path: Path) -> T:
    try:
        form: Any = json.loads(_octets(path))
        return read(kind, form)
    except json.JSONDecodeError as error:
        sentence = f"{path}:{error.lineno}:{error.colno}: this is not JSON: {error.msg.lower()}"
        raise WrongUse(sentence, code="W041") from None
    except UnicodeDecodeError:
        raise WrongUse(f"{path}: this is not UTF-8 text", code="W041") from None
    except BadPlan as error:
        raise WrongUse(f"{path}: {error.sentence}", code=error.code) from None


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {(error.strerror or '').lower()}", code="W014") from None
