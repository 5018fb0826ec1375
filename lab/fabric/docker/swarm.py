"""Several engines become one swarm, so that a network can span them; of a swarm the lab wants nothing else.

The rule: a swarm that was there is the user's, and stays as it was; what the lab founded or joined it leaves. So
that whoever sweeps knows which is which, an engine that the lab took into a swarm keeps a mark: a volume with the
lab's name, made before, and one with the node's number, made after.

The engine that founds, or a manager of the swarm that is there, is the keeper: networks are made through it. The
others join as workers: if one of them is lost, nothing is voted upon.

Machines of a swarm talk over 2377/tcp (joining), 7946/tcp and udp (who has which address) and 4789/udp (VXLAN, RFC
7348: the lab's packets, in the clear).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

from lab.errors import LabError, MachineSaidNo
from lab.fabric.docker.engine import MARK, Engine
from lab.values import dataclass

_NODE, _GATEWAY = "mini-internet-lab.node", "mini-internet-lab.gwbridge"
_BRIDGE = "docker_gwbridge"
"""A swarm's way out of a machine. The lab's networks do not use it, and it outlives the swarm."""
_POOLS = ("10.255.255.0/24", "172.31.255.0/24", "192.168.255.0/24", "100.127.255.0/24")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an engine stands to swarms, in its own words; `swarm` is known to managers only."""

    name: str
    state: str = "inactive"
    node: str = ""
    is_manager: bool = False
    swarm: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be done: `keeper` makes the networks, having founded the swarm if it `founds`; `joining` join."""

    keeper: int
    founds: bool
    joining: tuple[int, ...]


def course(standings: Sequence[Standing]) -> Course:
    """What makes one swarm of them. MachineSaidNo (H052) where they are parts of different ones; of workers that
    shows only when the keeper is asked (`require_same`)."""
    for each in standings:
        if each.state not in ("active", "inactive"):
            raise _trouble(f"{each.name} is in a swarm that does not work (it says: {each.state})", each.name)
    active = [number for number, each in enumerate(standings) if each.state == "active"]
    joining = tuple(number for number in range(len(standings)) if number not in active)
    if not active:
        return Course(0, founds=True, joining=joining[1:])
    managers = [number for number in active if standings[number].is_manager]
    if not managers:
        names = " and ".join(standings[number].name for number in active)
        raise MachineSaidNo(
            f"{names}: in a swarm already, but as a worker, and a worker cannot make a network for all.",
            remedy="Name a manager of that swarm among the engines, too.",
            code="H052",
        )
    first = standings[managers[0]]
    for number in managers[1:]:
        if standings[number].swarm != first.swarm:
            raise _different(first.name, standings[number].name)
    return Course(managers[0], founds=False, joining=joining)


def require_same(standings: Sequence[Standing], keeper: int, members: Collection[str]) -> None:
    """Every engine that is in a swarm is a member of the keeper's, or MachineSaidNo (H052)."""
    for each in standings:
        if each.state == "active" and each.node not in members:
            raise _different(standings[keeper].name, each.name)


def _different(one: str, other: str) -> MachineSaidNo:
    return _trouble(f"{one} and {other} are in different swarms", other)


def _trouble(what: str, name: str) -> MachineSaidNo:
    return MachineSaidNo(
        f"The engines cannot share a network: {what}.",
        remedy=f"If nothing needs it at {name}:  docker swarm leave --force   (there)",
        code="H052",
    )


def pool(ranges: Sequence[str]) -> str:
    """Where a new swarm takes addresses of its own from (for its ingress network, which the lab never uses): none
    of the lab's. Docker's usual choice, 10.0.0.0/24, is in the ranges of many a lab."""
    taken = [network for network in map(ip_network, ranges) if isinstance(network, IPv4Network)]
    free = [each for each in map(IPv4Network, _POOLS) if not any(each.overlaps(other) for other in taken)]
    return str(free[0]) if free else _POOLS[0]


def usable(address: str) -> str:
    """An address at which another machine can be told to look, "" if this is none."""
    with suppress(ValueError):
        parsed = ip_address(address.partition("%")[0])
        if not (parsed.is_loopback or parsed.is_unspecified or parsed.is_link_local):
            return str(parsed)
    return ""


# -- deeds ----------------------------------------------------------------------------------------------------


def standing(engine: Engine) -> Standing:
    with engine.plainly():
        swarm = engine.api.info()["Swarm"]
    cluster = swarm.get("Cluster") or {}
    return Standing(
        str(engine), swarm["LocalNodeState"], swarm["NodeID"], swarm["ControlAvailable"], cluster.get("ID", "")
    )


def gather(engines: Sequence[Engine], addresses: Sequence[str], owner: str, ranges: Sequence[str]) -> Engine:
    """Make one swarm of them; its keeper. `addresses`: where each says that others reach it, "" for what it finds
    itself. MachineSaidNo (H052, H053) where that does not go."""
    standings = [standing(engine) for engine in engines]
    todo = course(standings)
    keeper, address = engines[todo.keeper], addresses[todo.keeper]
    if todo.founds:
        own = {"default_addr_pool": [pool(ranges)], "subnet_size": 24}
        _enter(keeper, owner, lambda: keeper.api.init_swarm(advertise_addr=address or None, **own))
    else:
        require_same(standings, todo.keeper, _members(keeper))
    for number in todo.joining:
        _join(engines[number], owner, _door(keeper), addresses[number])
    return keeper


def _members(keeper: Engine) -> set[str]:
    with keeper.plainly():
        return {node["ID"] for node in keeper.api.nodes()}


def _door(keeper: Engine) -> tuple[str, str]:
    """Where one joins, and the word that lets a worker in."""
    with keeper.plainly():
        swarm = keeper.api.info()["Swarm"]
        token = keeper.api.inspect_swarm()["JoinTokens"]["Worker"]
    managers = {manager["NodeID"]: manager["Addr"] for manager in swarm["RemoteManagers"] or []}
    return managers[swarm["NodeID"]], token


def _join(engine: Engine, owner: str, door: tuple[str, str], address: str) -> None:
    where, token = door
    try:
        _enter(engine, owner, lambda: engine.api.join_swarm([where], token, advertise_addr=address or None))
    except MachineSaidNo as error:
        if error.code == "H053":
            raise
        raise MachineSaidNo(
            f"{engine} cannot join the other engines at {where}: {error.sentence}",
            remedy="Are 2377/tcp, 7946/tcp+udp and 4789/udp open between them? The address at which others reach "
            "an engine is said so:  --engines ENGINE=ADDRESS,…",
            code="H052",
        ) from None


def _enter(engine: Engine, owner: str, step: Callable[[], object]) -> None:
    """Into a swarm, with a mark before and another after."""
    with engine.plainly():
        had_bridge = any(each["Name"] == _BRIDGE for each in engine.api.networks(names=[_BRIDGE]))
    mark = {MARK: owner, _GATEWAY: "the user's" if had_bridge else "the lab's"}
    engine.make_volume(f"lab.swarm.{owner}", mark)
    try:
        with engine.plainly():
            step()
    except LabError as error:
        leave(engine, owner)  # Docker goes on trying
        if "address to advertise" in str(error) or "advertise address" in str(error):
            raise _addressless(engine) from None
        raise
    node = standing(engine).node
    engine.make_volume(f"lab.swarm.{owner}.{node}", {**mark, _NODE: node})


def _addressless(engine: Engine) -> MachineSaidNo:
    return MachineSaidNo(
        f"{engine} does not know at which of its addresses other engines reach it.",
        remedy=f"Say it:  --engines {engine}=ADDRESS,…",
        code="H053",
    )


def memberships(engine: Engine, owner: str) -> list[tuple[str, str]]:
    """(node, name) for what the lab took an engine into; the node is "" if the lab was killed at that moment."""
    found = {mark["Labels"].get(_NODE, "") for mark in _marks(engine, owner)}
    return [(node, f"membership {node}".strip()) for node in sorted(found - {""}) or sorted(found)]


def _marks(engine: Engine, owner: str) -> list[Any]:
    with engine.plainly():
        return list(engine.api.volumes(filters={"label": f"{MARK}={owner}"})["Volumes"] or [])


def leave(engine: Engine, owner: str) -> None:
    """Take an engine out of the swarm into which this lab took it, and the marks away."""
    marks = _marks(engine, owner)
    here = standing(engine)
    if here.state != "inactive" and is_ours(here.node, [mark["Labels"] for mark in marks]):
        with engine.plainly():
            engine.api.leave_swarm(force=True)
        if all(mark["Labels"][_GATEWAY] == "the lab's" for mark in marks):
            engine.take_away("network", _BRIDGE)
    for mark in marks:
        engine.take_away("volume", mark["Name"])


def is_ours(node: str, marks: Sequence[Mapping[str, str]]) -> bool:
    """Whether the swarm that an engine is in, as this node, is the one for which the lab marked it. A mark without
    a node is from the moment before; with no other beside it, the lab was killed just then."""
    nodes = {mark[_NODE] for mark in marks if mark.get(_NODE)}
    return bool(marks) and (not nodes or node in nodes)


def strike_off(engines: Sequence[Engine], nodes: Sequence[str]) -> None:
    """Where a swarm goes on without them, it forgets the nodes that the lab took out."""
    for engine in engines:
        with suppress(LabError):
            if nodes and standing(engine).is_manager:
                for node in nodes:
                    engine.strike_off(node)
