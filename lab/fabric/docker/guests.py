"""Software of the user's own: a container of any image in a host's place.

The rule: the lab knows a guest's addresses and its faults, and nothing else. It has the lab's names (resolv.conf)
and trust, Docker's usual rights, and its own log (`docker logs`); the lab asks it nothing. `down` stops it,
`paused` freezes it, and what stands in its way stands in its packet filter, as everyone's does. A `command:`
without an `image:` runs in the image of the lab's own hosts.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.errors import MachineSaidNo
from lab.fabric.docker.engine import LABEL, NO_RESOLVER, Engine
from lab.fabric.docker.layout import Container
from lab.fabric.faults import Crash, Down, Fault, Paused
from lab.topology.plan import HostPlan

_AT_ONCE_S = 0.5
_LINES = 8
"""Of a guest's log, when it has ended at once."""


def is_guest(plan: HostPlan) -> bool:
    """Whether what runs there is neither the lab's nor one of the servers that it knows."""
    return plan.is_foreign and not plan.software


def make(
    engine: Engine, name: str, network: str, box: Container, binds: Mapping[str, str], owner: str, usual: str
) -> str:
    """A guest's container, started; its id. `usual` is the lab's own image. MachineSaidNo (H045) with its last
    words where it has ended at once."""
    plan, api = box.hosts[0], engine.api
    host_config = api.create_host_config(
        network_mode=network,
        binds={source: {"bind": target, "mode": "ro"} for target, source in binds.items()},
        dns=[*map(str, plan.resolvers)] or ["127.0.0.1"],
        dns_opt=[NO_RESOLVER],
    )
    with engine.plainly():
        made = api.create_container(
            plan.image or usual,
            list(plan.command) or None,
            hostname=plan.name[:63],
            detach=True,
            name=name,
            labels={LABEL: owner},
            host_config=host_config,
            networking_config=api.create_networking_config({network: engine.endpoint(box)}),
        )["Id"]
        api.start(made)
    status = engine.status_within(made, _AT_ONCE_S)
    if status is not None:
        raise ended(engine, plan, made, status)
    return str(made)


def ended(engine: Engine, plan: HostPlan, container: str, status: int) -> MachineSaidNo:
    said = engine.api.logs(container, tail=_LINES).decode("utf-8", "replace").rstrip()
    words = "\n".join(f"   {line}" for line in said.splitlines())
    return MachineSaidNo(
        f"{plan.name}: what runs there ended at once, with status {status}",
        remedy=f"Its last words:\n{words}" if words else "It said nothing.",
        code="H045",
    )


def fail(engine: Engine, container: str, fault: Fault) -> None:
    with engine.plainly():
        if isinstance(fault, Crash):
            engine.api.kill(container)
        elif isinstance(fault, Down):
            engine.api.stop(container, timeout=1)
        elif isinstance(fault, Paused):
            engine.api.pause(container)


def heal(engine: Engine, container: str) -> None:
    """As it was, whatever it was."""
    with engine.plainly():
        state = engine.api.inspect_container(container)["State"]
        if state["Paused"]:
            engine.api.unpause(container)
        elif not state["Running"]:
            engine.api.start(container)
