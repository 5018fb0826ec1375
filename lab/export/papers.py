"""What a host of an exported lab finds in /etc/lab: two folders, the same for every engine.

The rule: a node needs nothing else (`lab.fabric.distant.alone`). Everything may be read by whoever has the folder,
passwords and keys too: a lab keeps no secrets, and a container's root has no right to other people's files.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from lab.errors import WrongUse
from lab.fabric.distant.alone import Sheet, World
from lab.fabric.distant.orders import Neighbour
from lab.fabric.docker.papers import HOSTS_TEXT, resolv_text
from lab.fabric.host import Authority, certified
from lab.names import Address
from lab.topology.plan import HostPlan, Plan
from lab.topology.plan_json import text, to_form
from lab.values import dataclass

HOME = "/etc/lab"
COMMAND = ("python3", "-m", "lab.node", "--alone", HOME)
DISK = "/var/lib/lab"
MOST_HOSTS = 1000
"""A Linux bridge has 1024 ports (BR_PORT_BITS is 10), and whatever joins the containers is one, but in a Pod."""

Files = dict[str, str]
"""Texts by their path in the folder."""


@dataclass(frozen=True, slots=True)
class Export:
    """What a format is made from."""

    plan: Plan
    authority: Authority
    image: str

    @property
    def hosts(self) -> tuple[HostPlan, ...]:
        return self.plan.hosts


def refuse(plan: Plan, format: str, most: int = MOST_HOSTS) -> None:
    """WrongUse (W042) for a plan that cannot be exported."""
    foreign = [host.name for host in plan.hosts if host.is_foreign]
    if foreign:
        raise WrongUse(
            f"{', '.join(foreign[:3])}: software other than the lab's own is not exported",
            remedy="Leave out  software:  and  image:  or run it here:  lab up --fabric docker",
            code="W042",
        )
    if plan.faults:
        raise WrongUse(
            f"{plan.name} breaks on purpose (faults:), and without the lab nobody breaks and heals",
            remedy="Leave out  faults:  or run it here:  lab up",
            code="W042",
        )
    if len(plan.hosts) > most:
        raise WrongUse(
            f"{plan.name} has {len(plan.hosts):,} hosts; {most:,} is the most that {format} takes",
            remedy="The lab itself takes more:  lab up   ·   lab up --fabric docker --pack",
            code="W042",
        )


def world_files(export: Export) -> Files:
    """What all hosts share: world.json, ca.pem, and an /etc/hosts that answers nothing."""
    plan = export.plan
    neighbours = tuple(Neighbour(host.name, host.addresses, host.organisation) for host in plan.hosts)
    world = World(plan.name, plan.seed, plan.ranges, neighbours, plan.links)
    return {"world.json": as_json(world), "ca.pem": export.authority.root.decode(), "hosts": HOSTS_TEXT}


def host_files(export: Export, host: HostPlan, laid: Sequence[Address] = (), onlink: Sequence[str] = ()) -> Files:
    """A host's own: host.json, resolv.conf, and where it speaks TLS identity.pem."""
    zones = {origin: export.plan.zones[origin] for origin in host.zones}
    files = {
        "host.json": as_json(Sheet(host, zones, tuple(laid), tuple(onlink))),
        "resolv.conf": resolv_text(host.resolvers),
    }
    if host.mail is not None:
        files["identity.pem"] = export.authority.papers(certified(host)).decode()
    return files


def as_json(value: World | Sheet) -> str:
    return text(to_form(value)) + "\n"


def below(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": text for name, text in files.items()}


def addressing(plan: Plan, host: HostPlan, interface: str) -> list[str]:
    """The commands that give a host its addresses, and lead it to the lab's other ranges, all on one wire."""
    addresses = [ip_address(address) for address in host.addresses]
    ranges = [ip_network(text) for text in plan.ranges]
    own = [next(network for network in ranges if address in network) for address in addresses]
    given = [
        f"ip address add {address}/{network.prefixlen} dev {interface}{' nodad' if address.version == 6 else ''}"
        for address, network in zip(addresses, own, strict=True)
    ]
    families = {address.version for address in addresses}
    others = [network for network in ranges if network not in own and network.version in families]
    return given + [f"ip route add {network} dev {interface}" for network in others]


def has_ipv6(plan: Plan) -> bool:
    return any(":" in address for host in plan.hosts for address in host.addresses)
