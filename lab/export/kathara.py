"""A lab for Kathará: a device for each host, all in one collision domain, their addresses given as they start.

The rule: Kathará wires, and the start-up script of a device does the rest, as in any Kathará lab: the addresses,
the lab's papers in the places where programs look, and the host's program in the background. Device names are of
letters, digits and underscores, thirty at most (lab.conf(5), Kathará 3).
"""

from __future__ import annotations

from lab.export.papers import (
    COMMAND,
    HOME,
    Export,
    Files,
    addressing,
    below,
    has_ipv6,
    host_files,
    refuse,
    world_files,
)
from lab.export.text import labels
from lab.fabric.docker.papers import TRUSTED
from lab.topology.plan import HostPlan

EVENTS, COMPLAINTS = "/var/log/lab.jsonl", "/var/log/lab.err"
_LONGEST = 30


def kathara(export: Export) -> Files:
    """The files of the folder, without the README."""
    refuse(export.plan, "kathara")
    names = devices(export)
    world = below("etc/lab/world", world_files(export))
    files = {"lab.conf": _lab_conf(export)}
    for host in export.hosts:
        device = names[host.name]
        files[f"{device}.startup"] = _startup(export, host)
        files |= below(device, world | below("etc/lab/host", host_files(export, host)))
    return files


def devices(export: Export) -> dict[str, str]:
    """What Kathará calls each host. (`shared` it keeps for itself.)"""
    names = labels(["shared", *(host.name for host in export.hosts)], "_", _LONGEST)
    return {host.name: names[host.name] for host in export.hosts}


def _lab_conf(export: Export) -> str:
    lines = [
        "# A mini-Internet, written by `lab export kathara`. README.md says what to type.",
        "",
        f'LAB_NAME="{export.plan.name}"',
        f'LAB_DESCRIPTION="A mini-Internet of {len(export.hosts)} hosts"',
    ]
    for name, device in devices(export).items():
        lines += ["", f"# {name}", f'{device}[0]="lab"', f'{device}[image]="{export.image}"']
        if has_ipv6(export.plan):
            lines.append(f'{device}[ipv6]="true"')
    return "\n".join(lines) + "\n"


def _startup(export: Export, host: HostPlan) -> str:
    given = [f"{line}\n" for line in addressing(export.plan, host, "eth0")]
    return "".join(given) + _REST.format(
        home=HOME, trusted=TRUSTED, command=" ".join(COMMAND), events=EVENTS, complaints=COMPLAINTS
    )


_REST = """\
cat {home}/host/resolv.conf > /etc/resolv.conf
cat {home}/world/hosts > /etc/hosts
cat {home}/world/ca.pem > {trusted}
SSL_CERT_FILE={trusted} setsid {command} < /dev/null > {events} 2> {complaints} &
"""
