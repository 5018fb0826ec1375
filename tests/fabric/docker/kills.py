"""Containers are killed while mail goes to and fro: `python -m tests.fabric.docker.kills IMAGE KILLS SEED`.

Tells {"kills", "accepted", "lost": [subjects], "twice": [subjects]}: of the messages that a host took, those
that are in no mailbox when everything is well again, and those that are there twice (a host died between its 250
and the sender hearing of it: RFC 1047).
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from lab.errors import LabError
from lab.fabric.distant.moment import SharedTime
from lab.fabric.docker.fabric import DockerFabric
from lab.fabric.loop import LabLoop
from lab.fabric.wish import Wish
from lab.internet import Internet
from lab.names import EmailAddress
from lab.topology import load

TOPOLOGY = Path(__file__).parents[3] / "topologies" / "belgium.yaml"
PEOPLE = [EmailAddress(text) for text in ("ann@unige.ch", "ed@belgiannews.com", "luc@eunet.be")]
HOSTS = ("mail.unige.ch", "mail.belgiannews.com", "relay.eunet.be")
EACH = 8
"""Messages between two kills."""


async def ordeal(image: str, kills: int, seed: str) -> dict[str, object]:
    plan, chance = load(TOPOLOGY), random.Random(seed)
    fabric: list[DockerFabric] = []

    def make(_: object) -> DockerFabric:
        fabric.append(DockerFabric(plan, Wish(image=image)))
        return fabric[0]

    net = Internet(plan, make)
    await net.up()
    try:
        accepted: list[str] = []
        for number in range(kills):
            victim = chance.choice(HOSTS)
            killing = asyncio.create_task(kill(fabric[0], victim, chance.random() * 0.3))
            for turn in range(EACH):
                sender, to = chance.sample(PEOPLE, 2)
                subject = f"{number}-{turn}"
                with suppress(LabError):  # its host is gone: it was not taken
                    taken = await net.send(sender, [to], f"Subject: {subject}\r\n\r\nkeep me\r\n".encode())
                    accepted += [] if taken.refused else [subject]
            await killing
            await net.restore()
            await net.advance(timedelta(minutes=chance.choice((0, 1, 20))))
        await net.advance(timedelta(days=1))
        boxes = [await net.mailbox(who) for who in PEOPLE]
        found = Counter(one["subject"] for box in boxes for one in box["messages"])
    finally:
        await net.down()
    lost = [subject for subject in accepted if not found[subject]]
    twice = [subject for subject in accepted if found[subject] > 1]
    return {"kills": kills, "accepted": len(accepted), "lost": lost, "twice": twice}


async def kill(fabric: DockerFabric, host: str, after: float) -> None:
    await asyncio.sleep(after)
    node = next(node for node in fabric.nodes if node.name == host)
    await asyncio.to_thread(fabric.engine_of(node.name).api.kill, fabric.way_in(node.hosts[0].name)["container"])
    await node.line.gone
    await asyncio.sleep(0)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=lambda: LabLoop(SharedTime())) as runner:
        sys.stdout.write(json.dumps(runner.run(ordeal(sys.argv[1], int(sys.argv[2]), sys.argv[3]))) + "\n")
