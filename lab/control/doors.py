"""Which front doors a lab opens on the machine's own loopback, and opening them.

The rule: the ports are free ones of the machine's choice, so that labs stand side by side, unless the user names
one; where each leads is printed by `lab up`. dig from outside reaches a resolver, a mail program the first mail
hosts (to hand mail in, and to fetch it), and whatever speaks SOCKS5 everything, by name.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import cast

from lab.control.talking import SERVICES, port_of
from lab.errors import WrongUse
from lab.fabric.gateway import BoundDoor, Door, Gateway
from lab.fabric.host import Host
from lab.fabric.loop import LabLoop
from lab.internet import STUDENT, Internet
from lab.names import Address
from lab.topology.plan import HostPlan, Plan

_MOST = 4
"""Mail hosts with a door of their own; all the others are reached through SOCKS5."""


def doors_of(plan: Plan) -> list[Door]:
    return [*_name_doors(plan), *_mail_doors(plan), Door("socks", name="everything, by name (SOCKS5)")]


_ASKED = re.compile(r"(\d{1,5})(/udp)?:([^:\s]+):(\w+)")


def asked_door(word: str, plan: Plan) -> Door:
    """A door at a port of the user's own: `2525:mail.belgiannews.com:25`, `5353/udp:dns.eunet.be:53`. WrongUse
    when the word is none, or names no host of the plan."""
    found = _ASKED.fullmatch(word)
    if found is None or int(found[1]) > 65535:
        raise WrongUse(
            f"'{word}' is no front door",
            remedy="Write PORT:HOST:PORT, as in 2525:mail.belgiannews.com:25",
            code="W012",
        )
    host = _host(found[3], plan)
    service = port_of(found[4])
    return Door("udp" if found[2] else "tcp", int(found[1]), host.addresses[0], service, f"{host.name} {found[4]}")


def _host(name: str, plan: Plan) -> HostPlan:
    host = next((host for host in plan.hosts if host.name == name.lower() and host.addresses), None)
    if host is None:
        near = difflib.get_close_matches(name, [str(host.name) for host in plan.hosts[:5000]], n=1)
        remedy = f"Did you mean {near[0]}?" if near else ""
        raise WrongUse(f"there is no host '{name}' in this lab", remedy=remedy, code="W001")
    return host


def _name_doors(plan: Plan) -> Iterator[Door]:
    resolver = next((host for host in plan.hosts if host.resolver and host.addresses), None)
    if resolver is not None:
        yield Door("udp", to=resolver.addresses[0], service=53, name=f"{resolver.name} dns")
        yield Door("tcp", to=resolver.addresses[0], service=53, name=f"{resolver.name} dns")


def _mail_doors(plan: Plan) -> Iterator[Door]:
    hosts: list[HostPlan] = [host for host in plan.hosts if host.mail and host.addresses]
    for host in hosts[:_MOST]:
        yield Door("tcp", to=host.addresses[0], service=25, name=f"{host.name} smtp")
    for host in [host for host in hosts if host.mail and host.mail.mailboxes][:_MOST]:
        for service in ("submission", "pop3", "imap"):
            yield Door("tcp", to=host.addresses[0], service=SERVICES[service], name=f"{host.name} {service}")


async def open_doors(internet: Internet, doors: Sequence[BoundDoor]) -> Gateway:
    """Have the doors lead into the lab; visitors leave from the student's host."""

    async def resolve(name: str) -> list[Address]:
        reply = await internet.dig(name)
        return [Address(each["data"]) for each in reply["answers"] if each["type"] == "A"]

    loop = cast(LabLoop, asyncio.get_running_loop())
    gateway = Gateway(loop, cast(Host, internet.fabric.hosts[STUDENT]), doors, resolve)
    await gateway.open()
    return gateway
