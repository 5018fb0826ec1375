"""The process that a running lab is: it makes the fabric, brings the Internet up, and serves the verbs.

The rule: what comes first can still be refused without a trace: the home's lock, the topology, the front
doors' ports, the private network, the hosts. Only then does the lab show itself (`lab.json`, the socket), and only
when it can be asked does it say that it is ready.

    python -m lab.control.daemon '{"home": "/…", "ready": 5, "order": {"topology": "belgium.yaml", …}}'
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab import topology
from lab.clock import PacedTime, TimeSource, WarpedTime
from lab.control.client import error_form
from lab.control.describe import people, row
from lab.control.doors import asked_door, doors_of, open_doors
from lab.control.home import Home, listen
from lab.control.launch import Order, already_up
from lab.control.running import lab_of
from lab.control.server import serve
from lab.control.verbs import BOARD
from lab.errors import LabError, MachineSaidNo, WrongUse
from lab.fabric.base import Boot, Fabric
from lab.fabric.gateway import BoundDoor, bind
from lab.fabric.loop import LabLoop
from lab.internet import Internet
from lab.topology.plan import Plan

_SHOWN = 40
"""Hosts that `lab up` lists; `lab status` has them all."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where this lab stands: how its fabric is made, and what drives its time."""

    source: TimeSource
    make: Callable[[Boot], Fabric]


class Teller:
    """The pipe to whoever started the daemon. They may have gone; the lab runs all the same."""

    def __init__(self, number: int) -> None:
        self._number = number

    def tell(self, **form: Any) -> None:
        with suppress(BrokenPipeError):
            os.write(self._number, json.dumps(form).encode() + b"\n")

    def close(self) -> None:
        os.close(self._number)


def main(words: Sequence[str]) -> int:
    form = json.loads(words[0])
    where, order, teller = Home(Path(form["home"])), Order(**form["order"]), Teller(form["ready"])
    try:
        run(where, order, teller)
    except LabError as error:
        teller.tell(error={**error_form(error), "sentence": error.sentence})
        return error.exit_status
    except Exception as error:
        traceback.print_exc()
        teller.tell(error=error_form(_defect(where, error)))
        return 1
    return 0


def _defect(where: Home, error: Exception) -> MachineSaidNo:
    return MachineSaidNo(
        f"the lab could not start: {error}", remedy=f"The report is in {where.diary}", code="X001"
    )


def run(where: Home, order: Order, teller: Teller) -> None:
    if not where.hold():
        raise already_up(where)
    if where.state.exists():
        teller.tell(remark="The lab that ran here before ended without 'lab down'; what it left is cleared away.")
    where.clear()
    try:
        plan = load(order)
        wanted = [asked_door(word, plan) for word in order.door]
        doors = bind([*wanted, *(doors_of(plan) if order.doors else ())])
        ground = choose(order, plan, where, teller)
        with asyncio.Runner(loop_factory=lambda: LabLoop(ground.source)) as runner:
            runner.run(live(where, order, plan, ground, doors, teller))
    finally:
        where.clear()


def load(order: Order) -> Plan:
    plan = topology.load(Path(order.topology))
    return replace(plan, seed=order.seed) if order.seed else plan


def choose(order: Order, plan: Plan, where: Home, teller: Teller) -> Ground:
    """The fabric that was asked for; without a wish, local where the machine allows it, and else sim."""
    if order.fabric == "sim":
        return sim(order, plan)
    if order.fabric not in ("", "local"):
        raise WrongUse(f"there is no fabric '{order.fabric}'", remedy="Choose local or sim.", code="W012")
    try:
        return local(plan, where)
    except MachineSaidNo as error:
        if order.fabric:
            raise
        teller.tell(remark=f"{error.sentence} The lab runs simulated instead, with front doors.   {error.code}")
        return sim(order, plan)


def sim(order: Order, plan: Plan) -> Ground:
    from lab.fabric.sim import SimFabric

    return Ground(PacedTime(order.pace), lambda boot: SimFabric(plan.ranges, boot, seed=plan.seed))


def local(plan: Plan, where: Home) -> Ground:
    from lab.fabric.local import LocalFabric
    from lab.fabric.namespace import enter

    enter()
    return Ground(WarpedTime(), lambda boot: LocalFabric(plan.ranges, boot, seed=plan.seed, root=where.path))


async def live(
    where: Home, order: Order, plan: Plan, ground: Ground, doors: Sequence[BoundDoor], teller: Teller
) -> None:
    """The whole life of a lab that came so far."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    internet = Internet(plan, ground.make)
    await internet.up()
    try:
        gateway = await open_doors(internet, doors)
        server = await serve(lab_of(internet), listen(where.socket), BOARD)
        where.write(state(internet, order, doors))
        teller.tell(ready=first_screen(internet, order, doors))
        teller.close()
        await ending.wait()
        server.close()
        await gateway.close()
    finally:
        await internet.down()
        with where.last_run.open("w", encoding="utf-8") as file:
            internet.log.save(file)


def state(internet: Internet, order: Order, doors: Sequence[BoundDoor]) -> dict[str, Any]:
    """What stands in `lab.json` while the lab runs."""
    return {
        "lab": internet.plan.name,
        "fabric": internet.fabric.name,
        "topology": order.topology,
        "pid": os.getpid(),
        "seed": internet.plan.seed,
        "pace": order.pace,
        "ranges": list(internet.plan.ranges),
        "doors": [{"kind": each.door.kind, "port": each.port, "to": each.door.name} for each in doors],
    }


def first_screen(internet: Internet, order: Order, doors: Sequence[BoundDoor]) -> dict[str, Any]:
    hosts = internet.plan.hosts
    return {
        **state(internet, order, doors),
        "hosts": len(hosts),
        "dashboard": None,
        "people": people(internet.plan),
        "rows": [row(host, internet.plan) for host in hosts[:_SHOWN]],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
