"""Which containers a plan needs, and how they are wired: values, before any engine is asked.

The rule: one network, internal, with no address of the machine on it: a bridge, or an overlay over several
engines. A container has the first address of its first host from the engine; what else it answers to (a second
address, the other hosts of a packed one, an address out of another range) its node gives itself, and for that, and
nothing else, needs NET_ADMIN in its own network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from lab.errors import WrongUse
from lab.names import Address
from lab.topology.plan import HostPlan
from lab.values import dataclass

MOST_ON_A_BRIDGE = 1000
"""Ports of one bridge (BR_PORT_BITS is 10 in Linux)."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Container:
    """`laid`: addresses its node gives itself; `onlink`: ranges it looks for on its wire too; `known`: at which
    hardware address others are found that no engine has heard of."""

    name: str
    hosts: tuple[HostPlan, ...]
    addresses: tuple[Address, ...]
    """From the engine: one of each family at most."""
    laid: tuple[Address, ...] = ()
    onlink: tuple[str, ...] = ()
    mac: str = ""
    """Its own; "" leaves it to the engine."""
    known: tuple[tuple[Address, str], ...] = ()

    @property
    def capabilities(self) -> tuple[str, ...]:
        return ("NET_BIND_SERVICE", *(("NET_ADMIN",) if self.laid or self.onlink or self.known else ()))

    @property
    def lays_ipv6(self) -> bool:
        """Whether it needs IPv6 on an interface to which the engine gives no such address."""
        engines_own = any(":" in address for address in self.addresses)
        return not engines_own and any(":" in text for text in (*self.laid, *self.onlink))


@dataclass(frozen=True, slots=True)
class Bridge:
    """The network's subnets, one of each family at most, and the gateways that nobody has."""

    subnets: tuple[Network, ...]
    gateways: tuple[Address, ...]
    spare: str = ""
    """Where engines find addresses for themselves, in the first subnet; "" where they need none."""


def bridge(ranges: Sequence[str], plans: Sequence[HostPlan], engines: int = 1) -> Bridge:
    """The first range of each family is the bridge's own; the gateway that the engine wants stays a number.

    An overlay over several engines is IPv4's alone, for there engines give IPv6 addresses as they please, two of
    them the same one (seen with Docker 20.10); and every engine takes an address of the subnet for itself."""
    taken = {address for plan in plans for address in plan.addresses}
    subnets = tuple(_first_of_each_family(ranges, taken))[: 1 if engines > 1 else 2]
    gateways = tuple(_nobodys(subnet, taken) for subnet in subnets)
    wanted = sum(not _given(plan.addresses, subnets) for plan in plans) + (2 * engines if engines > 1 else 0)
    return Bridge(subnets, gateways, _spare(subnets[0], taken.union(gateways), wanted) if wanted else "")


def _first_of_each_family(ranges: Sequence[str], taken: Iterable[str]) -> Iterable[Network]:
    """IPv6 only where somebody has such an address."""
    networks = [ip_network(text) for text in ranges]
    yield next(network for network in networks if network.version == 4)
    if any(":" in address for address in taken):
        yield next(network for network in networks if network.version == 6)


def _nobodys(subnet: Network, taken: set[Address]) -> Address:
    """The last address of a subnet that no host has."""
    last = int(subnet.broadcast_address) - 1  # in IPv6 too: Docker 20.10 has no room for the very last
    found = (Address(str(ip_address(number))) for number in range(last, int(subnet.network_address), -1))
    return next(address for address in found if address not in taken)


def _spare(subnet: Network, taken: set[Address], wanted: int) -> str:
    """The last block of a subnet that has room for so many, and in which nobody lives."""
    length = subnet.max_prefixlen - max(wanted - 1, 1).bit_length()
    lived_in = {int(ip_address(address)) for address in taken if ip_address(address) in subnet}
    size = 1 << (subnet.max_prefixlen - length)
    for start in range(int(subnet.broadcast_address) + 1 - size, int(subnet.network_address), -size):
        if not any(start <= number < start + size for number in lived_in):
            return f"{ip_address(start)}/{length}"
    raise WrongUse(
        f"{subnet} has no {size} addresses in a row that no host has, for the engines themselves",
        remedy="Give the topology larger  ranges:",
        code="H043",
    )


def containers(
    plans: Sequence[HostPlan], ranges: Sequence[str], share: int | str, where: Bridge, engines: int = 1
) -> list[Container]:
    """One for each host; or, `share` being a number, for so many hosts; or for each "organisation"."""
    groups = _groups(plans, share)
    if len(groups) > MOST_ON_A_BRIDGE * engines:
        raise WrongUse(
            f"{len(groups)} containers are more than one bridge takes ({MOST_ON_A_BRIDGE})",
            remedy="Put many hosts into each:  lab up --fabric docker --pack",
            code="H049",
        )
    onlink = tuple(text for text in ranges if ip_network(text) not in where.subnets and _is_needed(text, plans))
    boxes = [_container(name, hosts, onlink, where) for name, hosts in groups]
    return _acquainted(boxes) if engines > 1 else boxes


def _acquainted(boxes: Sequence[Container]) -> list[Container]:
    """Nobody's question who has an address crosses an overlay: engines answer it, and know only the addresses that
    they gave. What nodes gave themselves, each is told of."""
    boxes = [replace(box, mac=_mac(number)) for number, box in enumerate(boxes, 1)]
    known = tuple((address, box.mac) for box in boxes for address in box.laid)
    return [replace(box, known=known) for box in boxes]


def _mac(number: int) -> str:
    """Of our own making: the second bit of the first octet says so (IEEE 802)."""
    return ":".join(f"{octet:02x}" for octet in b"\x02\x6c\x61" + number.to_bytes(3))


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
    given = tuple(_given(everything, where.subnets))
    return Container(name, hosts, given, tuple(a for a in everything if a not in given), onlink)


def _given(addresses: Sequence[Address], subnets: Iterable[Network]) -> list[Address]:
    """The first in each subnet."""
    found = ([address for address in addresses if ip_address(address) in subnet][:1] for subnet in subnets)
    return [address for first in found for address in first]


def _is_needed(range_: str, plans: Iterable[HostPlan]) -> bool:
    network = ip_network(range_)
    return any(ip_address(address) in network for plan in plans for address in plan.addresses)


def docker_name(*parts: str) -> str:
    """What the engine takes as a name: letters, digits, and `_.-` between them."""
    return re.sub(r"[^a-zA-Z0-9_.-]+", "-", ".".join(parts)).strip("._-")
