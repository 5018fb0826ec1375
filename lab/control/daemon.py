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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab import topology
from lab.control.describe import first_hosts, people, row
from lab.control.doors import asked_door, doors_of, open_doors
from lab.control.home import Home, listen
from lab.control.launch import Order, already_up
from lab.control.running import lab_of
from lab.control.server import serve
from lab.control.site import choose
from lab.control.verbs import BOARD
from lab.errors import LabError, MachineSaidNo, form_of
from lab.fabric.gateway import BoundDoor, bind
from lab.fabric.loop import LabLoop
from lab.fabric.site import Site
from lab.internet import Internet
from lab.topology.plan import Plan


class Teller:
    """The pipe to whoever started the daemon. They may have gone; the lab runs all the same."""

    def __init__(self, number: int) -> None:
        self._pipe = os.fdopen(number, "wb", buffering=0)

    def tell(self, **form: Any) -> None:
        with suppress(BrokenPipeError, ValueError):  # their end, or ours, is closed
            self._pipe.write(json.dumps(form).encode() + b"\n")

    def remark(self, sentence: str) -> None:
        self.tell(remark=sentence)

    def progress(self, done: int, of: int) -> None:
        self.tell(progress=[done, of])

    @property
    def is_closed(self) -> bool:
        """Whether all has been told: the lab was up."""
        return self._pipe.closed

    def close(self) -> None:
        self._pipe.close()


def main(words: Sequence[str]) -> int:
    form = json.loads(words[0])
    os.umask(0o077)  # whatever the folder's own mode: what the lab writes is its owner's alone
    where, order, teller = Home(Path(form["home"])), Order(**form["order"]), Teller(form["ready"])
    try:
        run(where, order, teller)
    except LabError as error:
        teller.tell(error=form_of(error))
        if teller.is_closed:  # it was up; whoever takes it down is told
            where.farewell.write_text(json.dumps(form_of(error)), encoding="utf-8")
        return error.exit_status
    except Exception as error:
        traceback.print_exc()
        teller.tell(error=form_of(_defect(where, error)))
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
        site = choose(order, plan, where.path, teller.remark, teller.progress)
        with asyncio.Runner(loop_factory=lambda: LabLoop(site.source)) as runner:
            runner.run(live(where, order, plan, site, doors, teller))
    finally:
        where.clear()


def load(order: Order) -> Plan:
    plan = topology.load(Path(order.topology))
    return replace(plan, seed=order.seed) if order.seed else plan


async def live(
    where: Home, order: Order, plan: Plan, site: Site, doors: Sequence[BoundDoor], teller: Teller
) -> None:
    """The whole life of a lab that came so far."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    internet = Internet(plan, site.make)
    if not await _came_up(internet, ending):
        return
    try:
        gateway = await open_doors(internet, doors)
        server = await serve(lab_of(internet), listen(where.socket), BOARD)
        where.root.write_bytes(internet.fabric.root)
        where.write(state(internet, order, doors))
        teller.tell(ready=first_screen(internet, order, doors))
        teller.close()
        await ending.wait()
        server.close()
        await gateway.close()
    finally:
        try:
            await internet.down()
        finally:
            with where.last_run.open("w", encoding="utf-8") as file:
                internet.log.save(file)


async def _came_up(internet: Internet, ending: asyncio.Event) -> bool:
    """Whether it did before somebody wanted the end of it; what had come so far is taken away again then."""
    up, over = (asyncio.ensure_future(work) for work in (internet.up(), ending.wait()))
    await asyncio.wait((up, over), return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    if up.done():
        await up
        return True
    up.cancel()
    with suppress(asyncio.CancelledError):
        await up
    return False


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
        "rows": [
            row(host, internet.plan, internet.state(host.name)) | internet.place(host.name)
            for host in first_hosts(internet.plan)
        ],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
