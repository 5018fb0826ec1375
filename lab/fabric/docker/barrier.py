"""What a container's kernel loses or refuses, so that programs that are not the lab's meet the same faults.

The rule: the lab's own programs ask the rules (`lab.fabric.rules`) before they send; dig in a shell, or Postfix,
asks nobody. So what stands in a host's way stands in its container's packet filter too, where packets come in:
whoever sends is never told EPERM, it hears nothing, or an ICMP message, as from a router.

    Silent, a cut      everything is lost                          nft: drop
    Unreachable        a new connection or a datagram meets        nft: reject with icmp host-unreachable
                       "no route to host", an open one hangs
    Down, Paused       the kernel does it by itself: nobody listens, or nobody reads
    a line's loss      of what real software says to real          nft: numgen random, drop
                       software; the lab's own programs draw it
    a cut by chance    so, too: a new connection, however often    nft: jhash of its ports, drop
                       it is tried again, or a datagram            nft: numgen random, drop

Delay is left to the lab's own programs: a packet filter holds nothing back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from zlib import crc32

from lab.fabric.breakage import Cut
from lab.fabric.faults import Fault, Silent, Unreachable
from lab.fabric.rules import between
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link
from lab.values import dataclass

TABLE = "mini_internet_lab"
NOTHING = f"table inet {TABLE}\ndelete table inet {TABLE}\n"
"""Whether there was a table or not, there is none then."""
_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class World:
    """All hosts, what is wrong with them, and who is cut off from whom."""

    hosts: Sequence[HostPlan]
    faults: Mapping[DomainName, Sequence[Fault]]
    cuts: Sequence[Cut]
    links: Mapping[tuple[str, str], Link] = field(default_factory=dict)
    """Between places, each in both directions."""


def ruleset(here: Iterable[HostPlan], world: World) -> str:
    """The table for a container with these hosts, as nft(8) reads it. It replaces the one before."""
    rules = [rule for host in here for rule in _rules(host, world)]
    if not rules:
        return NOTHING
    chain = ["chain input {", "type filter hook input priority -10;", 'iifname "lo" accept', *rules, "}"]
    return NOTHING + "\n".join([f"table inet {TABLE} {{", *chain, "}"]) + "\n"


def _rules(host: HostPlan, world: World) -> Iterable[str]:
    kinds = {type(fault) for fault in world.faults.get(host.name, ())}
    for address in host.addresses:
        to = f"{_family(address)} daddr {address}"
        yield from (f"{to} {source} drop" for source in _cut_off(host, address, world))
        if Silent in kinds:
            yield f"{to} drop"
        elif Unreachable in kinds:
            refusal = "reject with icmpx host-unreachable"
            yield f"{to} tcp flags & (syn | ack) == syn {refusal}"
            yield f"{to} meta l4proto udp {refusal}"
            yield f"{to} drop"
        yield from (f"{to} {lost} drop" for lost in _lost(host, address, world))
        yield from (f"{to} {lost} drop" for lost in _unlucky(host, address, world))


def _lost(host: HostPlan, address: Address, world: World) -> Iterable[str]:
    """What chance loses of what comes to this address, between two of whom neither asks the lab's rules."""
    by_loss: dict[int, list[Address]] = {}
    for other in world.hosts:
        link = between(world.links, other, host) if other.is_foreign and host.is_foreign else None
        if link is not None and link.loss and other.name != host.name:
            alike = [each for each in other.addresses if _family(each) == _family(address)]
            by_loss.setdefault(round(link.loss * _PARTS), []).extend(alike)
    for parts, sources in by_loss.items():
        if sources:
            where = f"{_family(address)} saddr {{ {', '.join(sources)} }}"
            yield f"{where} numgen random mod {_PARTS} < {parts}" if parts < _PARTS else where


def _unlucky(host: HostPlan, address: Address, world: World) -> Iterable[str]:
    """What cuts by chance lose of what real software says to real software. The ports of a connection decide, so
    that a SYN that is sent again fares as the first one did."""
    family = _family(address)
    for cut in world.cuts if host.is_foreign else ():
        parts = round(cut.share * _PARTS)
        for far, near in cut.ways:
            if cut.share == 1 or not _is_in(host, near):
                continue
            sources = [each for each in _addresses(far, world, foreign=True) if _family(each) == family]
            others = [each for each in sources if each not in host.addresses]
            if others:
                where, seed = f"{family} saddr {{ {', '.join(others)} }}", crc32(cut.target.encode())
                ports = f"jhash {family} saddr . tcp sport . tcp dport mod {_PARTS} seed {seed:#x} < {parts}"
                yield f"{where} tcp flags & (syn | ack) == syn {ports}"
                yield f"{where} meta l4proto udp numgen random mod {_PARTS} < {parts}"


def _cut_off(host: HostPlan, address: Address, world: World) -> Iterable[str]:
    """From whom nothing comes to this address."""
    for cut in world.cuts:
        for far, near in cut.ways:
            if cut.share == 1 and _is_in(host, near):
                sources = [each for each in _addresses(far, world) if _family(each) == _family(address)]
                others = [each for each in sources if each not in host.addresses]
                if others:
                    yield f"{_family(address)} saddr {{ {', '.join(others)} }}"


def _addresses(group: Sequence[str], world: World, foreign: bool = False) -> list[Address]:
    """Of a group's hosts; `foreign`: of those only that run real software."""
    hosts = [host for host in world.hosts if _is_in(host, group) and (host.is_foreign or not foreign)]
    return [address for host in hosts for address in host.addresses]


def _is_in(host: HostPlan, group: Sequence[str]) -> bool:
    return any(place in group for place in (host.name, host.organisation or host.name, "*"))


def _family(address: str) -> str:
    return "ip6" if ":" in address else "ip"
