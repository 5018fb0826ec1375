"""Which front doors a lab opens on the machine's own loopback, and opening them.

The rule: the ports are free ones of the machine's choice, so that labs stand side by side; where each leads is
printed by `lab up`. A mail program outside reaches the first mail host that has mailboxes; dig the student's
resolver; whatever speaks SOCKS5 reaches everything, by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import cast

from lab.fabric.gateway import BoundDoor, Door, Gateway
from lab.fabric.host import Host
from lab.fabric.loop import LabLoop
from lab.internet import STUDENT, Internet
from lab.names import Address
from lab.topology.plan import HostPlan, Plan

_MOST = 8
"""Mail hosts with a door of their own; all the others are reached through SOCKS5."""


def doors_of(plan: Plan) -> list[Door]:
    return [*_name_doors(plan), *_mail_doors(plan), Door("socks", name="everything, by name (SOCKS5)")]


def _name_doors(plan: Plan) -> Iterator[Door]:
    resolver = next((host for host in plan.hosts if host.resolver and host.addresses), None)
    if resolver is not None:
        yield Door("udp", to=resolver.addresses[0], service=53, name=f"{resolver.name} dns")
        yield Door("tcp", to=resolver.addresses[0], service=53, name=f"{resolver.name} dns")


def _mail_doors(plan: Plan) -> Iterator[Door]:
    hosts: list[HostPlan] = [host for host in plan.hosts if host.mail and host.addresses]
    for host in hosts[:_MOST]:
        yield Door("tcp", to=host.addresses[0], service=25, name=f"{host.name} smtp")


async def open_doors(internet: Internet, doors: Sequence[BoundDoor]) -> Gateway:
    """Have the doors lead into the lab; visitors leave from the student's host."""

    async def resolve(name: str) -> list[Address]:
        reply = await internet.dig(name)
        return [Address(each["data"]) for each in reply["answers"] if each["type"] == "A"]

    loop = cast(LabLoop, asyncio.get_running_loop())
    gateway = Gateway(loop, cast(Host, internet.fabric.hosts[STUDENT]), doors, resolve)
    await gateway.open()
    return gateway
