"""The verbs, asked and answered in JSON: each takes the running Internet and its arguments, and returns its twin.

The rule: a verb reads its arguments, does one thing through `Internet`, and says what came of it; nothing here
is written for a screen. The keys are those that scripts and graders lean on; more may be added, none changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lab.control import accounts, breaking, capturing, explaining, mailing, talking, watching
from lab.control.arguments import Args, flag, optional, text, texts
from lab.control.describe import about, plan_form
from lab.control.running import Lab
from lab.control.server import Switchboard
from lab.errors import BadFile, WrongUse

Form = dict[str, Any]


async def status(lab: Lab, args: Args) -> Form:
    hosts = lab.internet.status()
    if not flag(args, "brief"):
        for row, plan in zip(hosts, lab.internet.plan.hosts, strict=True):
            row |= {"organisation": plan.organisation, "about": about(plan, lab.internet.plan)}
    return {
        "lab": lab.internet.plan.name,
        "fabric": lab.internet.fabric.name,
        "hosts": hosts,
        "now": lab.internet.fabric.clock.now().isoformat(timespec="seconds"),
        "lines": [
            {"between": list(pair), "fault": fault}
            for pair, fault in breaking.broken_lines(lab.internet.log).items()
        ],
        "scheduled": breaking.scheduled(lab),
        "events": len(lab.internet.log),
    }


async def host(lab: Lab, args: Args) -> Form:
    """One host, with what a visitor needs: its addresses and whom it asks for names."""
    plan = lab.internet.host(text(args, "host"))
    return {
        "name": plan.name,
        "addresses": list(plan.addresses),
        "resolvers": list(plan.resolvers),
        "runs": list(plan.roles),
        **lab.internet.fabric.way_in(plan.name),
    }


async def dig(lab: Lab, args: Args) -> Form:
    return await lab.internet.dig(
        text(args, "name"),
        optional(args, "type", "A"),
        server=optional(args, "server"),
        trace=flag(args, "trace"),
        at=optional(args, "from"),
    )


async def zone(lab: Lab, args: Args) -> Form:
    origin = text(args, "origin")
    add, remove = texts(args, "add"), texts(args, "remove")
    if add or remove:
        try:
            await lab.internet.edit_zone(origin, add=add, remove=remove)
        except BadFile as error:
            raise _unreadable([*add, *remove], error) from None
    return await lab.internet.zone(origin)


def _unreadable(lines: list[str], error: BadFile) -> WrongUse:
    """A record on the command line has no file and no line number."""
    problem = error.problems[0]
    line = problem.excerpt or lines[0]
    return WrongUse(
        f"the record '{line}' cannot be read: {problem.sentence}", remedy=problem.hint, code=problem.code
    )


async def config(lab: Lab, args: Args) -> Form:
    """What a host's software reads; of one that runs the lab's own programs, its plan."""
    plan = lab.internet.host(text(args, "host"))
    if plan.software:
        return {
            "host": plan.name,
            "software": list(plan.software),
            **await lab.internet.ask(plan.name, "config", {}),
        }
    return {"host": plan.name, "software": [], "files": [], "plan": plan_form(plan)}


async def queue(lab: Lab, args: Args) -> Form:
    name = optional(args, "host")
    if flag(args, "retry"):
        await lab.internet.retry(name)
        await mailing.pause(lab)
    return {"queue": await lab.internet.queue(name)}


VERBS: Mapping[str, Any] = MappingProxyType(
    {
        "status": status,
        "host": host,
        "dig": dig,
        "zone": zone,
        "queue": queue,
        "config": config,
        "send": mailing.send,
        "mailbox": mailing.mailbox,
        "account": accounts.account,
        "journey": watching.journey,
        "why": explaining.why,
        "fail": breaking.fail,
        "heal": breaking.heal,
        "restore": breaking.restore,
        "clock": breaking.clock,
    }
)

BOARD = Switchboard(
    VERBS,
    MappingProxyType({"watch": watching.watch}),
    MappingProxyType({"talk": talking.talk, "capture": capturing.capture}),
)
"""Everything a running lab can be asked."""
