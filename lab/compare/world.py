"""A case as a mini-Internet: its topology, and the scripted receivers in the place of mail hosts.

The rule: the topology is a file like any other, so that what the table shows can be looked at with the lab's own
verbs. What is wrong in it is wrong on purpose, and listed so.
"""

from __future__ import annotations

from dataclasses import replace

from lab import topology
from lab.compare.cases import DOMAIN, OTHER_NAME, OWN_ADDRESSES, SENDER, Case
from lab.compare.receiver import Heard, Receiver, script
from lab.fabric.base import Boot, Host
from lab.names import DomainName
from lab.topology.plan import Plan

_ON_PURPOSE = ("T011", "T021", "T022", "T025", "T026", "T039", "T041")


def written(case: Case, policy: str = "rfc5321") -> str:
    """The topology file of a case."""
    lines = [
        f"name: {case.name}",
        "ranges: [198.18.0.0/15, '2001:db8::/32']",
        f"faults_on_purpose: [{', '.join(_ON_PURPOSE)}]",
        "registries:",
        f"  ch: {{records: [{OTHER_NAME} A {OWN_ADDRESSES[0]}]}}",
        "  be: {records: [dead NS ns.dead, ns.dead A 198.18.9.99, bare TXT nothing]}",
        "domains:",
        "  uni.ch:",
        f"    mx: [10 {SENDER}]",
        "    people: [ann]",
        "    hosts:",
        f"      {SENDER}: {{address: {list(OWN_ADDRESSES)}, mail: {{policy: {policy}}}}}",
        f"  {DOMAIN}:",
    ]
    if case.receivers:
        lines.append("    hosts:")
        lines += [f"      {label}.{DOMAIN}: {address!r}" for label, (address, _) in case.receivers.items()]
    if case.zone:
        lines += ["    records:", *(f"      - '{record}'" for record in case.zone)]
    return "\n".join([*lines, ""])


def planned(case: Case) -> Plan:
    return topology.loads(written(case), f"{case.name}.yaml")


def under(plan: Plan, policy: str, seed: str) -> Plan:
    """The same plan with another policy of the sending host."""
    hosts = [
        replace(host, mail=replace(host.mail, policy=policy)) if host.mail and host.name == SENDER else host
        for host in plan.hosts
    ]
    return replace(plan, hosts=tuple(hosts), seed=seed)


def with_receivers(boot: Boot, case: Case, heard: Heard) -> Boot:
    """As usual, but for the case's receivers."""
    receivers = {
        DomainName(f"{label}.{DOMAIN}"): (label, script(words)) for label, (_, words) in case.receivers.items()
    }

    async def start(host: Host) -> None:
        if host.name in receivers:
            label, script = receivers[host.name]
            await Receiver(host, script, label, heard, SENDER).listen()
        else:
            await boot(host)

    return start
