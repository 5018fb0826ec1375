"""The docker fabric's tap: a lookout beside each container, and what they see as the hosts' frames at lab time.

The rule: a frame is told for the container's own hosts only, at the lab time that it was when the kernel saw the
packet, whatever has leapt since. A container that comes anew gets a new lookout. A lookout that goes although
nobody ended it has nothing to say, like a node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol

from lab.errors import MachineSaidNo
from lab.fabric.distant.moment import SharedTime, moment_at
from lab.fabric.docker.lookout import Kind, Piece, Pieces
from lab.fabric.tap import Frame, Subscriber
from lab.names import DomainName
from lab.wire.packet import NoPacket, read

_KEPT = 2000
"""Octets of a lookout's standard error that are kept."""

Show = Callable[[float, Callable[[], object]], None]
"""Have something happen in the order of lab time."""


class Wire(Protocol):
    """To a lookout's standard input."""

    def write(self, octets: bytes) -> None: ...

    def close(self) -> None: ...


Send = Callable[[str, "Lookout"], Awaitable[Wire | None]]
"""Start a lookout beside a container, and give what it says to `feed`, `grumble` and `lose`. None where no such
container runs now."""


class Lookout:
    """The lab's end of one: `hosts` has those of its container, by address."""

    def __init__(self, name: str, hosts: Mapping[str, DomainName], source: SharedTime) -> None:
        self.name = name
        self.dropped = 0
        self.wire: Wire | None = None
        self.gone = False
        self._hosts = hosts
        self._source = source
        self._offset = 0.0
        self._pieces = Pieces()
        self._asked: list[asyncio.Future[int]] = []
        self._words = b""
        self.tell: Callable[[Frame], None] = lambda frame: None

    # -- what comes -------------------------------------------------------------------------------------------

    def feed(self, octets: bytes) -> None:
        with suppress(ValueError):
            for piece in self._pieces.feed(octets):
                self._hear(piece)

    def grumble(self, octets: bytes) -> None:
        self._words = (self._words + octets)[-_KEPT:]

    def lose(self) -> None:
        self.gone = True
        for asked in self._asked:
            if not asked.done():
                asked.set_exception(self._lost())
        self._asked.clear()

    def _hear(self, piece: Piece) -> None:
        if piece.kind is not Kind.COUNT:
            self._see(piece)
            return
        self.dropped = piece.dropped
        if self._asked:
            asked = self._asked.pop(0)
            if not asked.done():
                asked.set_result(piece.count)

    def _see(self, piece: Piece) -> None:
        try:
            packet = read(piece.octets)
        except NoPacket:
            return
        t = self._source.at(piece.count / 1e9 - self._offset)
        if piece.kind is not Kind.CAME and packet.source[0] in self._hosts:
            self.tell(Frame(t, self._hosts[packet.source[0]], piece.octets, True))
        if piece.kind is not Kind.LEFT and packet.target[0] in self._hosts:
            self.tell(Frame(t, self._hosts[packet.target[0]], piece.octets, False))

    # -- what is asked ----------------------------------------------------------------------------------------

    async def count(self) -> float:
        """Its machine's monotonic clock, when all that it saw before has been told. MachineSaidNo (H015, H046)
        when it does not live to say so."""
        if self.gone or self.wire is None:
            raise self._lost()
        asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self.wire.write(b"?")
        return (await asked) / 1e9

    async def agree(self) -> None:
        """Learn how its machine counts."""
        moment = await moment_at(self.count, self._source)
        self._offset = moment.origin - self._source.moment.origin

    def _lost(self) -> MachineSaidNo:
        words = self._words.decode("utf-8", "replace").strip()
        return MachineSaidNo(
            f"what looks at the packets of {self.name} has ended{words and f': {words}'}",
            remedy="In memory they can always be seen:  lab up --fabric sim",
            code="H015",
        )


class ContainerTap:
    """One tap over containers. `containers`: the hosts of each by address; `show` keeps the order of lab time."""

    def __init__(
        self,
        subscriber: Subscriber,
        containers: Mapping[str, Mapping[str, DomainName]],
        source: SharedTime,
        send: Send,
        show: Show,
    ) -> None:
        self._subscriber = subscriber
        self._containers = containers
        self._source = source
        self._send = send
        self._show = show
        self._lookouts: dict[str, Lookout] = {}
        self._dropped = 0
        self._over = False

    async def see_all(self) -> None:
        """All of them look, and have told what there was. A container that is gone has none."""
        await asyncio.gather(*(self._see_at(name) for name in self._containers))

    async def _see_at(self, name: str) -> None:
        lookout = self._lookouts.get(name)
        if lookout is None:
            await self.follow(name)
        elif not lookout.gone:
            with suppress(MachineSaidNo):
                await lookout.count()

    async def follow(self, name: str) -> None:
        """A container has come: look there. MachineSaidNo where that cannot be."""
        if self._over or name not in self._containers:
            return
        self._forget(name)
        lookout = self._lookouts[name] = Lookout(name, self._containers[name], self._source)
        lookout.tell = self._tell
        try:
            lookout.wire = await self._send(name, lookout)
            if lookout.wire is None:
                self._lookouts.pop(name, None)
            else:
                await lookout.agree()
        except BaseException:
            self._lookouts.pop(name, None)
            raise

    def _tell(self, frame: Frame) -> None:
        self._show(frame.t, lambda: self._subscriber(frame))

    def stop(self) -> int:
        """Look no longer; how many packets were lost for want of room."""
        self._over = True
        for name in list(self._lookouts):
            self._forget(name)
        return self._dropped

    def _forget(self, name: str) -> None:
        lookout = self._lookouts.pop(name, None)
        if lookout is not None:
            self._dropped += lookout.dropped
            if lookout.wire is not None:
                lookout.wire.close()
