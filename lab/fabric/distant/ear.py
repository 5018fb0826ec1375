"""A node's ear and mouth: orders in on standard input, reports out on standard output, a line each.

The rule: what is said is said in the order in which it happened: an event before the answer that follows from it.
When nobody speaks any more (the lab ended, or crashed) the node ends too, and leaves nothing running.

Reports are JSON: an event as its log entry {"n", "t", "host", "event", …}, and else one of

    {"tick": number, "tock": count}         its machine's monotonic clock
    {"ready": hosts}                        every host serves
    {"refused": {sentence, remedy, code}}   it could not begin; the node ends
    {"answer": number, "t": …, and one of "value", "missing": true, "error": {…}}
    {"look": number, "t", "stirred", "due", "afloat"}        see `pace`
    {"open"|"data"|"eof"|"lost"|"hold"|"go": channel, …}     see `tunnel`
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.errors import LabError, WorldSaidNo, form_of
from lab.fabric.base import Boot
from lab.fabric.distant.moment import SharedTime
from lab.fabric.distant.node import NodeFabric, NodeLoop
from lab.fabric.distant.orders import (
    Ask,
    Begin,
    Connect,
    Dial,
    End,
    Fail,
    Heal,
    Heed,
    Hold,
    Join,
    Leap,
    Lift,
    Look,
    Order,
    Post,
    Say,
    Sever,
    Stay,
    Stop,
    Tick,
    from_line,
    to_line,
)
from lab.fabric.distant.tunnel import Tunnels
from lab.names import DomainName
from lab.topology.plan import ZonePlan

MakeBoot = Callable[[Mapping[DomainName, ZonePlan]], Boot]
Report = Callable[[dict[str, Any]], None]


def serve(make_boot: MakeBoot, root: Path) -> int:
    """Be a node until the lab says Stop or says nothing any more; the exit status."""
    outward = os.dup(1)
    os.dup2(2, 1)  # what a program prints is no report
    source = SharedTime()
    with asyncio.Runner(loop_factory=lambda: NodeLoop(source)) as runner:
        return runner.run(_live(make_boot, root, os.dup(0), outward))


async def _live(make_boot: MakeBoot, root: Path, inward: int, outward: int) -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, NodeLoop)
    orders = Orders(inward)
    await loop.connect_read_pipe(lambda: orders, os.fdopen(inward, "rb"))
    mouth = await Mouth.open(outward)
    begin = await _first(orders, mouth.report)
    if not isinstance(begin, Begin):
        return 0
    loop.shared.join(begin.moment)
    try:
        fabric = NodeFabric(begin, make_boot(begin.zones), root)
        fabric.log.subscribe(lambda entry: mouth.say(entry.line()))
        await fabric.up()
    except Exception as error:
        mouth.report({"refused": refusal(error)})
        await mouth.close()
        return 1
    mouth.report({"ready": len(fabric.hosts)})
    await Ear(fabric, loop, mouth, orders).listen()
    await fabric.down()
    await mouth.close()
    return 0


async def _first(orders: Orders, report: Report) -> Order:
    """What it is to be; Stop when nobody says so. What all nodes are told meanwhile is for later, but for leaps:
    Begin says how far lab time is."""
    early: list[Order] = []
    while not isinstance(order := await orders.next(), Begin | Stop):
        match order:
            case Tick(number):
                report({"tick": number, "tock": time.monotonic()})
            case Leap():
                early = [one for one in early if not isinstance(one, Stay)]  # nobody waits for those any more
            case _:
                early.append(order)
    orders.put_first(early)
    return order


def refusal(error: Exception) -> dict[str, Any]:
    """Why a node could not begin, as a form; of a defect, the traceback goes to standard error."""
    if isinstance(error, LabError):
        return form_of(error)
    traceback.print_exception(error)
    why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    return form_of(WorldSaidNo(f"its programs could not start: {why}", code="H045"))


class Orders(asyncio.Protocol):
    """Standard input. Stop when nobody is left to give any."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self._over = False
        self._came = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(lines)
        self._came.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._over = True
        self._came.set()

    async def next(self) -> Order:
        while not (self._lines or self._over):
            self._came.clear()
            await self._came.wait()
        return from_line(self._lines.popleft()) if self._lines else Stop()

    def put_first(self, orders: Iterable[Order]) -> None:
        """These come next."""
        self._lines.extendleft(map(to_line, reversed([*orders])))

    def await_leap(self) -> Leap | Stop:
        """The next Leap, waited for with the whole process: no timer and no socket has its turn meanwhile. Orders
        that come before it keep their places."""
        kept: list[bytes] = []
        while True:
            while self._lines:
                line = self._lines.popleft()
                if isinstance(order := from_line(line), Leap | Stop):
                    self._lines.extendleft(reversed(kept))
                    return order
                kept.append(line)
            select.select([self._number], [], [])
            data = os.read(self._number, 1 << 16)
            if not data:
                return Stop()
            self.data_received(data)


class Mouth(asyncio.BaseProtocol):
    """Standard output: what is said in one turn of the loop leaves in one write."""

    _transport: asyncio.WriteTransport

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._over = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, number: int) -> Mouth:
        pipe = os.fdopen(number, "wb", buffering=0)
        transport, mouth = await asyncio.get_running_loop().connect_write_pipe(cls, pipe)
        mouth._transport = transport
        return mouth

    def connection_lost(self, error: Exception | None) -> None:
        self._over.set_result(None)

    def report(self, form: dict[str, Any]) -> None:
        self.say(json.dumps(form, ensure_ascii=False, separators=(",", ":")))

    def say(self, line: str) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._speak)
        self._waiting.append(line)

    def _speak(self) -> None:
        if self._waiting:
            self._transport.write(("\n".join(self._waiting) + "\n").encode())
            self._waiting.clear()

    def has_spoken(self) -> bool:
        """Say what is left, now; whether all of it went."""
        self._speak()
        return self._transport.get_write_buffer_size() == 0

    async def close(self) -> None:
        """Say what is left."""
        self._speak()
        self._transport.close()
        await self._over


class Ear:
    """Does what it is told."""

    def __init__(self, fabric: NodeFabric, loop: NodeLoop, mouth: Mouth, orders: Orders) -> None:
        self._fabric = fabric
        self._loop = loop
        self._mouth = mouth
        self._orders = orders
        self._report = mouth.report
        self._tunnels = Tunnels(fabric.hosts, mouth.report)
        self._in_turn = asyncio.Lock()
        self._doing: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        while not isinstance(order := await self._orders.next(), Stop):
            if isinstance(order, Stay):
                if not self._stayed(order):
                    return
            else:
                self._obey(order)

    def _stayed(self, order: Stay) -> bool:
        """Stand still until the next Leap; False when there will be none."""
        self._say_standing(order.number)
        if not self._mouth.has_spoken():
            return True  # the lab will not hear it in time, and is in no hurry then
        leap = self._orders.await_leap()
        if isinstance(leap, Leap):
            self._obey(leap)
        return isinstance(leap, Leap)

    def _obey(self, order: Order) -> None:
        match order:
            case Ask() | Fail() | Lift() | Heal():
                self._soon(self._answer(order))
            case Look():
                self._soon(self._look(order))
            case Leap(ahead):
                self._loop.shared.ahead = ahead
            case Connect(a, b, link):
                self._fabric.connect(a, b, link)
            case Heed(number):
                self._report({"answer": number, "t": self._loop.time(), "value": {}})
            case Sever(cut):
                self._fabric.cut(cut)
            case Join(cut):
                self._fabric.join(cut)
            case Dial() | Post() | Say() | End() | Hold():
                self._tunnels.obey(order)

    def _soon(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _answer(self, order: Ask | Fail | Lift | Heal) -> None:
        try:
            value = await self._do(order)
            said: dict[str, Any] = {"value": value}
        except KeyError:
            said = {"missing": True}
        except LabError as error:
            said = {"error": form_of(error)}
        except Exception as error:
            traceback.print_exception(error)
            said = {
                "error": form_of(WorldSaidNo(f"a defect of the lab: {type(error).__name__}: {error}", code="X001"))
            }
        self._report({"answer": order.number, "t": self._loop.time(), **said})

    async def _do(self, order: Ask | Fail | Lift | Heal) -> dict[str, Any]:
        if isinstance(order, Ask):
            return await self._fabric.ask(order.host, order.question, dict(order.request))
        async with self._in_turn:
            if isinstance(order, Fail):
                await self._fabric.fail(order.host, order.fault)
            elif isinstance(order, Lift):
                await self._fabric.lift(order.host, order.fault)
            else:
                await self._fabric.heal(order.host)
        return {}

    async def _look(self, order: Look) -> None:
        await self._loop.leap_to(self._loop.time())
        self._say_standing(order.number)

    def _say_standing(self, number: int) -> None:
        loop = self._loop
        standing = {"stirred": loop.stirred, "due": loop.next_due(), "afloat": self._fabric.afloat}
        self._report({"look": number, "t": loop.time(), **standing})
