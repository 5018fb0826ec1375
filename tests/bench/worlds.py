"""Small worlds that the rows run: a plan on the simulated fabric, and one piece of work in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from lab.clock import VirtualTime
from lab.events import MailDelivered
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.names import EmailAddress
from lab.topology import load, loads
from lab.topology.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
Result = TypeVar("Result")

REFUSED = """\
name: refused
domains:
  here.example: {mx: [10 mail.here.example], people: [ann]}
  dead.example: {mx: [10 mail.dead.example], people: [ed]}
"""


def run(plan: Plan, work: Callable[[Internet], Awaitable[Result]]) -> Result:
    """Bring the plan up in memory and do the work in it."""

    async def main() -> Result:
        net = Internet(plan, lambda boot: SimFabric(plan.ranges, boot, seed=plan.seed))
        await net.up()
        return await work(net)

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        return runner.run(main())


def letter(subject: str) -> bytes:
    return f"From: ann@here.example\r\nTo: ed@dead.example\r\nSubject: {subject}\r\n\r\nhello\r\n".encode()


def refused_for_five_days(messages: int) -> float:
    """CPU seconds from the first send to the last bounce in the sender's mailbox.

    A world of its own goes ahead: what a process loads at its first mail is in the figure of `first_mail`.
    """
    _refused(1)
    return _refused(messages)


def _refused(messages: int) -> float:
    from tests.bench.rows import cpu

    async def work(net: Internet) -> float:
        ann, ed = EmailAddress("ann@here.example"), EmailAddress("ed@dead.example")
        await net.fail(net.home(ed).name)
        begun = cpu()
        for number in range(messages):
            await net.send(ann, [ed], letter(str(number)))
        await net.advance(timedelta(days=6))
        took = cpu() - begun
        bounced = sum(isinstance(entry.event, MailDelivered) for entry in net.log)
        assert bounced >= messages, f"{bounced} of {messages} came back"
        return took

    return run(loads(REFUSED, "refused.yaml"), work)


def end_to_end(domains: int, messages: int) -> float:
    """Messages a CPU second: each looked up from the root by a resolver, sent by SMTP, and put in a mailbox.

    One message goes ahead: what a process loads at its first mail is in the figure of `first_mail`.
    """
    from tests.bench.rows import cpu

    plan = loads(f"name: traffic\npopulation: {domains}\n", "traffic.yaml")
    homes = [host for host in plan.hosts if host.mail and host.mail.mailboxes]

    async def send(net: Internet, number: int) -> None:
        sender = homes[number % len(homes)].mail.mailboxes[0].address  # type: ignore[union-attr]
        to = homes[(number * 7 + 1) % len(homes)].mail.mailboxes[0].address  # type: ignore[union-attr]
        await net.send(sender, [to], letter(str(number)))

    async def work(net: Internet) -> float:
        await send(net, messages)
        await net.advance(timedelta(minutes=1))
        begun = cpu()
        for number in range(messages):
            await send(net, number)
        await net.advance(timedelta(minutes=10))
        took = cpu() - begun
        arrived = sum(isinstance(entry.event, MailDelivered) for entry in net.log)
        assert arrived == 1 + messages, f"{arrived} of {1 + messages} arrived"
        return messages / took

    return run(plan, work)


def first_mail() -> None:
    async def work(net: Internet) -> None:
        ann, ed = EmailAddress("ann@unige.ch"), EmailAddress("ed@belgiannews.com")
        await net.send(ann, [ed], letter("first"))
        await net.advance(timedelta(minutes=1))
        assert any(isinstance(entry.event, MailDelivered) for entry in net.log)

    run(load(ROOT / "topologies" / "belgium.yaml"), work)
