"""What the lab tells a node, an order a line.

The rule: orders are values of the same code on both sides (an image carries the lab's own version, and a stamp),
so a line is a pickled order in base64. A node trusts its lab; the lab trusts no node: what comes back is JSON
(`ear`), for in a container a student may be root.

A channel is a visitor's connection through a node: opened by Dial or Post, numbered by the lab.
"""

from __future__ import annotations

import base64
import pickle
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from lab.fabric.breakage import Cut
from lab.fabric.faults import Fault
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link, ZonePlan
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A host that lives elsewhere, as far as the rules of the network look at it. `keeps_rules`: its programs are
    the lab's own, and what they send has passed the rules when it comes here."""

    name: DomainName
    addresses: tuple[Address, ...]
    organisation: str
    keeps_rules: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """Lab time as a process has it: `monotonic() - origin + ahead`. CLOCK_MONOTONIC is its machine's, so each is
    told it in its own count."""

    origin: float
    ahead: float


class Order:
    """What all orders are."""


@dataclass(frozen=True, slots=True)
class Tick(Order):
    """Say what your machine's clock counts. Before Begin only."""

    number: int


@dataclass(frozen=True, slots=True)
class Begin(Order):
    """Who lives here, and in which world. What comes before it, but for Ticks, is done after it."""

    seed: str
    ranges: tuple[str, ...]
    hosts: tuple[HostPlan, ...]
    zones: Mapping[DomainName, ZonePlan]
    neighbours: tuple[Neighbour, ...]
    links: tuple[tuple[str, str, Link], ...]
    identities: Mapping[DomainName, bytes]
    """By host: key, certificate and root in PEM."""
    root: bytes
    moment: Moment
    laid: tuple[Address, ...] = ()
    """Addresses that the node gives itself; it has the others already."""
    onlink: tuple[str, ...] = ()
    """Ranges that are reached over the node's own wire, and that its interface does not know of."""
    known: tuple[tuple[Address, str], ...] = ()
    """Addresses on that wire for which nobody answers there, and the hardware address that has each."""


@dataclass(frozen=True, slots=True)
class Ask(Order):
    number: int
    host: DomainName
    question: str
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fail(Order):
    number: int
    host: DomainName
    fault: Fault


@dataclass(frozen=True, slots=True)
class Lift(Order):
    """Undo this fault of a host."""

    number: int
    host: DomainName
    fault: Fault


@dataclass(frozen=True, slots=True)
class Heal(Order):
    number: int
    host: DomainName


@dataclass(frozen=True, slots=True)
class Connect(Order):
    a: str
    b: str
    link: Link


@dataclass(frozen=True, slots=True)
class Sever(Order):
    cut: Cut


@dataclass(frozen=True, slots=True)
class Join(Order):
    """Undo this cut."""

    cut: Cut


@dataclass(frozen=True, slots=True)
class Heed(Order):
    """Say when lines and cuts are as they were told to you until now."""

    number: int


@dataclass(frozen=True, slots=True)
class Look(Order):
    """Say how far you are, when nothing is ready and the sockets are quiet."""

    number: int


@dataclass(frozen=True, slots=True)
class Stay(Order):
    """Say how far you are, at once, and do nothing more until a Leap comes."""

    number: int


@dataclass(frozen=True, slots=True)
class Leap(Order):
    """Go on; lab time is ahead by so much from now on (`Moment.ahead`)."""

    ahead: float


@dataclass(frozen=True, slots=True)
class Stop(Order):
    """End every host, tell what there is to tell, and go."""


@dataclass(frozen=True, slots=True)
class Dial(Order):
    """A TCP connection from a host here; `local` is the address it leaves from, "" for the host's first."""

    channel: int
    host: DomainName
    address: str
    port: int
    local: str = ""


@dataclass(frozen=True, slots=True)
class Post(Order):
    """A UDP endpoint of a host here, connected to an address."""

    channel: int
    host: DomainName
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Say(Order):
    channel: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class End(Order):
    """No more comes from the visitor. `how`: "eof" half closes, "close" says goodbye, "abort" resets."""

    channel: int
    how: str


@dataclass(frozen=True, slots=True)
class Hold(Order):
    """Read no more from the other end until told otherwise."""

    channel: int
    held: bool


def to_line(order: Order) -> bytes:
    return base64.b64encode(pickle.dumps(order, pickle.HIGHEST_PROTOCOL)) + b"\n"


def from_line(line: bytes) -> Order:
    order = pickle.loads(base64.b64decode(line))
    assert isinstance(order, Order), "only orders come down this line"
    return order
