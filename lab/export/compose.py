"""A lab for Docker Compose: a service for each host, on an internal network with fixed addresses.

The rule: as `lab up --fabric docker` makes its containers (`lab.fabric.docker.engine`), in Compose's words: no
capability but that for low ports, a read-only root, no gateway, no name of Docker's. See compose-spec.io.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.export.papers import COMMAND, DISK, HOME, Export, Files, below, has_ipv6, host_files, refuse, world_files
from lab.export.text import labels, row, yaml
from lab.fabric.docker.layout import Bridge, Container, bridge, containers, docker_name
from lab.fabric.docker.papers import TRUSTED


def compose(export: Export) -> Files:
    """The files of the folder, without the README."""
    plan = export.plan
    refuse(plan, "compose")
    where = bridge(plan.ranges, plan.hosts)
    boxes = containers(plan.hosts, plan.ranges, 1, where)
    files = below("world", world_files(export))
    for box in boxes:
        files |= below(f"hosts/{box.name}", host_files(export, box.hosts[0], box.laid, box.onlink))
    return {"compose.yaml": "".join(_lines(export, where, boxes)), **files}


def project(export: Export) -> str:
    """The name that Compose takes: lower-case letters, digits, dashes, underscores."""
    return labels([export.plan.name], "-", 63)[export.plan.name]


def _lines(export: Export, where: Bridge, boxes: list[Container]) -> Iterator[str]:
    yield _HEAD.format(
        name=yaml(project(export)), image=yaml(export.image), command=row(COMMAND), home=HOME, trusted=TRUSTED
    )
    for box in boxes:
        yield _service(box)
    yield _NETWORK
    if has_ipv6(export.plan):
        yield "    enable_ipv6: true\n"
    yield "    ipam:\n      config:\n"
    spares = (where.spare, *("" for _ in where.subnets[1:]))
    for subnet, gateway, spare in zip(where.subnets, where.gateways, spares, strict=True):
        its_own = f", ip_range: {yaml(spare)}" if spare else ""  # from which an engine takes what it needs itself
        yield f"        - {{subnet: {yaml(str(subnet))}, gateway: {yaml(gateway)}{its_own}}}  # that nobody has\n"
    yield "\nvolumes:\n"
    for box in boxes:
        yield f"  {yaml(_disk(box))}:\n"


def _service(box: Container) -> str:
    (host,) = box.hosts
    more = [name for name in box.capabilities if name != "NET_BIND_SERVICE"]
    families = {6 if ":" in address else 4: address for address in box.addresses}
    addresses = ", ".join(f"ipv{family}_address: {yaml(address)}" for family, address in families.items())
    return _SERVICE.format(
        host=yaml(host.name),
        hostname=yaml(host.name[:63]),
        runs=" ".join(host.roles),
        dns=row(host.resolvers or ("127.0.0.1",)),
        capabilities=f"    cap_add: {row(['NET_BIND_SERVICE', *more])}\n" if more else "",
        network=f"{{{addresses}}}",
        folder=f"./hosts/{host.name}",
        home=HOME,
        disk=_disk(box),
        kept=DISK,
        trusted=TRUSTED,
    )


def _disk(box: Container) -> str:
    return docker_name("disk", box.name)


_HEAD = """\
# A mini-Internet, written by `lab export compose`. README.md says what to type.

name: {name}

x-host: &host
  image: {image}
  command: {command}
  environment:
    SSL_CERT_FILE: {trusted}
  cap_drop: [ALL]
  cap_add: [NET_BIND_SERVICE]
  security_opt: ["no-new-privileges:true"]
  read_only: true
  tmpfs: [/tmp, /run]
  pids_limit: 256
  restart: "no"

services:
"""
_SERVICE = """\
  # {runs}
  {host}:
    <<: *host
    hostname: {hostname}
{capabilities}\
    dns: {dns}
    networks:
      lab: {network}
    volumes:
      - ./world:{home}/world:ro
      - {folder}:{home}/host:ro
      - {folder}/resolv.conf:/etc/resolv.conf:ro
      - ./world/hosts:/etc/hosts:ro
      - ./world/ca.pem:{trusted}:ro
      - {disk}:{kept}

"""
_NETWORK = """\
networks:
  lab:
    internal: true  # no way out
    driver_opts:
      com.docker.network.bridge.inhibit_ipv4: "true"  # and none from the machine
"""
