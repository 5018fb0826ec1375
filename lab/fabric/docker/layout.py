"""Which containers a plan needs, and how they are wired: values, before any engine is asked.

The rule: one bridge, internal, with no address of the machine on it. A container has the first address of its
first host from the engine; what else it answers to (a second address, the other hosts of a packed one, an address
out of another range) its node gives itself, and for that, and nothing else, needs NET_ADMIN in its own network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from lab.errors import WrongUse
from lab.names import Address
from lab.topology.plan import HostPlan

MOST_ON_A_BRIDGE = 1000
"""Ports of one bridge (BR_PORT_BITS is 10 in Linux)."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Container:
    """`laid`: addresses its node gives itself; `onlink`: ranges it looks for on its wire too."""

    name: str
    hosts: tuple[HostPlan, ...]
    addresses: tuple[Address, ...]
    """From the engine: one of each family at most."""
    laid: tuple[Address, ...] = ()
    onlink: tuple[str, ...] = ()

    @property
    def capabilities(self) -> tuple[str, ...]:
        return ("NET_BIND_SERVICE", *(("NET_ADMIN",) if self.laid or self.onlink else ()))


@dataclass(frozen=True, slots=True)
class Bridge:
    """The network's subnets, one of each family at most, and the gateways that nobody has."""

    subnets: tuple[Network, ...]
    gateways: tuple[Address, ...]


def bridge(ranges: Sequence[str], plans: Iterable[HostPlan]) -> Bridge:
    """The first range of each family is the bridge's own; the gateway that the engine wants stays a number."""
    taken = {address for plan in plans for address in plan.addresses}
    subnets = tuple(_first_of_each_family(ranges, taken))
    return Bridge(subnets, tuple(_nobodys(subnet, taken) for subnet in subnets))


def _first_of_each_family(ranges: Sequence[str], taken: Iterable[str]) -> Iterable[Network]:
    """IPv6 only where somebody has such an address."""
    networks = [ip_network(text) for text in ranges]
    yield next(network for network in networks if network.version == 4)
    if any(":" in address for address in taken):
        yield next(network for network in networks if network.version == 6)


def _nobodys(subnet: Network, taken: set[Address]) -> Address:
    """The last address of a subnet that no host has."""
    last = int(subnet.broadcast_address) - (subnet.version == 4)
    found = (Address(str(ip_address(number))) for number in range(last, int(subnet.network_address), -1))
    return next(address for address in found if address not in taken)


def containers(
    plans: Sequence[HostPlan], ranges: Sequence[str], share: int | str, where: Bridge
) -> list[Container]:
    """One for each host; or, `share` being a number, for so many hosts; or for each "organisation"."""
    groups = _groups(plans, share)
    if len(groups) > MOST_ON_A_BRIDGE:
        raise WrongUse(
            f"{len(groups)} containers are more than one bridge takes ({MOST_ON_A_BRIDGE})",
            remedy="Put many hosts into each:  lab up --fabric docker --pack",
            code="H049",
        )
    onlink = tuple(text for text in ranges if ip_network(text) not in where.subnets and _is_needed(text, plans))
    return [_container(name, hosts, onlink, where) for name, hosts in groups]


def _groups(plans: Sequence[HostPlan], share: int | str) -> list[tuple[str, tuple[HostPlan, ...]]]:
    if share == 1:
        return [(plan.name, (plan,)) for plan in plans]
    if isinstance(share, int):
        parts = [tuple(plans[start : start + share]) for start in range(0, len(plans), share)]
        return [(f"pack-{number}", hosts) for number, hosts in enumerate(parts, 1)]
    found: dict[str, list[HostPlan]] = {}
    for plan in plans:
        found.setdefault(plan.organisation or plan.name, []).append(plan)
    return [(name, tuple(hosts)) for name, hosts in found.items()]


def _container(name: str, hosts: tuple[HostPlan, ...], onlink: tuple[str, ...], where: Bridge) -> Container:
    everything = [address for host in hosts for address in host.addresses]
    given = tuple(_given(everything, where))
    return Container(name, hosts, given, tuple(a for a in everything if a not in given), onlink)


def _given(addresses: Sequence[Address], where: Bridge) -> Iterable[Address]:
    for subnet in where.subnets:
        yield from [address for address in addresses if ip_address(address) in subnet][:1]


def _is_needed(range_: str, plans: Iterable[HostPlan]) -> bool:
    network = ip_network(range_)
    return any(ip_address(address) in network for plan in plans for address in plan.addresses)


def docker_name(*parts: str) -> str:
    """What the engine takes as a name: letters, digits, and `_.-` between them."""
    return re.sub(r"[^a-zA-Z0-9_.-]+", "-", ".".join(parts)).strip("._-")
