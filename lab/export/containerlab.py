"""A lab for containerlab: a node of kind `linux` for each host, wired to one more that is their switch.

The rule: no management network and no bridge of the machine's own. The switch is a container with a bridge in it,
so that the lab's addresses exist in containers only, and what containerlab makes it takes away again. Addresses
are given by `exec`, once the links are there; the hosts' programs have bound them already (IP_FREEBIND).
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.export.papers import COMMAND, HOME, Export, Files, addressing, below, host_files, refuse, world_files
from lab.export.text import labels, row, yaml
from lab.fabric.docker.papers import TRUSTED
from lab.topology.plan import HostPlan

SWITCH = "switch"
_LONGEST = 40


def containerlab(export: Export) -> Files:
    """The files of the folder, without the README."""
    refuse(export.plan, "containerlab")
    files = below("world", world_files(export)) | {"switch.sh": _SWITCH.format(last=len(export.hosts))}
    for host in export.hosts:
        files |= below(f"hosts/{host.name}", host_files(export, host))
    return {topology_file(export): "".join(_lines(export)), **files}


def topology_file(export: Export) -> str:
    return f"{lab_name(export)}.clab.yml"


def lab_name(export: Export) -> str:
    return labels([export.plan.name], "-", _LONGEST)[export.plan.name]


def nodes(export: Export) -> dict[str, str]:
    """What containerlab calls each host."""
    names = labels([SWITCH, *(host.name for host in export.hosts)], "-", _LONGEST)
    return {host.name: names[host.name] for host in export.hosts}


def _lines(export: Export) -> Iterator[str]:
    names = nodes(export)
    yield _HEAD.format(
        name=yaml(lab_name(export)), image=yaml(export.image), command=yaml(" ".join(COMMAND)), trusted=TRUSTED
    )
    for host in export.hosts:
        yield _node(export, host, names[host.name])
    yield "  links:\n"
    for port, name in enumerate(names.values(), 1):
        yield f'    - endpoints: ["{name}:eth1", "{SWITCH}:eth{port}"]\n'


def _node(export: Export, host: HostPlan, name: str) -> str:
    return _NODE.format(
        host=host.name,
        runs=" ".join(host.roles),
        name=yaml(name),
        folder=f"hosts/{host.name}",
        home=HOME,
        trusted=TRUSTED,
        given=row(addressing(export.plan, host, "eth1")),
    )


_HEAD = """\
# A mini-Internet, written by `lab export containerlab`. README.md says what to type.

name: {name}

topology:
  kinds:
    linux:
      image: {image}
      image-pull-policy: never
      network-mode: none
      cmd: {command}
      env:
        SSL_CERT_FILE: {trusted}

  nodes:
    # what all hosts are wired to
    switch:
      kind: linux
      cmd: sleep infinity
      binds: [switch.sh:/switch.sh:ro]
      exec: [sh /switch.sh]

"""
_NODE = """\
    # {host}: {runs}
    {name}:
      kind: linux
      binds:
        - world:{home}/world:ro
        - {folder}:{home}/host:ro
        - {folder}/resolv.conf:/etc/resolv.conf:ro
        - world/hosts:/etc/hosts:ro
        - world/ca.pem:{trusted}:ro
      exec: {given}

"""
_SWITCH = """\
# One bridge for all hosts, in the switch's own network.
ip link add lab type bridge
ip link set lab up
for port in $(seq 1 {last}); do ip link set "eth$port" master lab up; done
"""
