"""The door to a Docker engine.

The rule: whatever the engine refuses comes out as a sentence with its remedy. All calls here wait for the engine,
so a loop makes them in a thread. Everything made carries the label `mini-internet-lab`, whose value is the lab it
belongs to: by that label it is found again, by whoever has to take it away.

    DOCKER_HOST, or the current context, says where the engine is; `lab up --engines` names others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from lab.errors import LabError, MachineSaidNo
from lab.fabric.docker.layout import Bridge, Container, Network

if TYPE_CHECKING:
    from collections.abc import Iterator

LABEL = "mini-internet-lab"
OLDEST = (1, 40)
"""The API of Docker 19.03, of 2019."""
_PATIENCE_S = 120
_GOING_S = 20
"""For a container that has ended to be gone."""
_INSTEAD = "The lab also runs without Docker:  lab up"


@dataclass(frozen=True, slots=True)
class Make:
    """How a container is made, besides its place in the network."""

    image: str
    command: tuple[str, ...]
    owner: str
    binds: Mapping[str, str] = field(default_factory=dict)
    """Path in the container → path on the engine's machine, read-only."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Path in the container → name of a volume of its own."""
    tmpfs: tuple[str, ...] = ("/tmp", "/run")
    capabilities: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: str = ""
    processes: int = 256
    read_only: bool = True
    entrypoint: tuple[str, ...] | None = ()


class Missing(MachineSaidNo):
    """The engine has no such thing (any more)."""


class Engine:
    """One engine. `url`: where it is; "" as the environment and the user's context have it."""

    def __init__(self, url: str = "") -> None:
        self.url = url or os.environ.get("DOCKER_HOST") or _context()

    def __str__(self) -> str:
        return self.url

    @cached_property
    def api(self) -> Any:
        """The SDK's client. MachineSaidNo (H040 to H042) when nobody answers, or somebody too old."""
        from docker import APIClient
        from docker.errors import DockerException

        try:
            api = APIClient(self.url, version="auto", timeout=_PATIENCE_S, num_pools=64)
        except DockerException as error:
            raise unanswered(self.url, str(error)) from None
        version = tuple(int(part) for part in api.api_version.split("."))
        if version < OLDEST:
            raise MachineSaidNo(
                f"The Docker engine at {self.url} is too old: it speaks version {api.api_version} of its API.",
                remedy=f"Docker 19.03 or later is needed. {_INSTEAD}",
                code="H042",
            )
        return api

    # -- networks and volumes --------------------------------------------------------------------------------

    def make_network(self, name: str, bridge: Bridge, labels: Mapping[str, str]) -> str:
        """An internal bridge on which the machine itself has no address; its id."""
        from docker.types import IPAMConfig, IPAMPool

        pools = [
            IPAMPool(subnet=str(subnet), gateway=gateway)
            for subnet, gateway in zip(bridge.subnets, bridge.gateways, strict=True)
        ]
        try:
            with self.plainly():
                made = self.api.create_network(
                    name,
                    driver="bridge",
                    internal=True,
                    ipam=IPAMConfig(pool_configs=pools),
                    options={"com.docker.network.bridge.inhibit_ipv4": "true"},
                    labels=dict(labels),
                    enable_ipv6=len(pools) > 1,
                    check_duplicate=True,
                )
        except MachineSaidNo as error:
            if error.code == "H043":
                error.sentence += f" ({', '.join(self._in_the_way(bridge)) or 'it is not to be seen'})"
            raise
        return str(made["Id"])

    def _in_the_way(self, bridge: Bridge) -> list[str]:
        """Networks that have some of its addresses."""
        return [
            network["Name"]
            for network in self.api.networks()
            for pool in (network["IPAM"]["Config"] or [])
            if any(
                subnet.overlaps(ip_network(pool["Subnet"])) for subnet in bridge.subnets if _alike(subnet, pool)
            )
        ]

    def make_volume(self, name: str, labels: Mapping[str, str]) -> str:
        """A volume; the path of its files on the engine's machine."""
        with self.plainly():
            self.api.create_volume(name, labels=dict(labels))
            return str(self.api.inspect_volume(name)["Mountpoint"])

    def fill_volume(self, volume: str, image: str, archive: bytes, labels: Mapping[str, str]) -> None:
        """Unpack a tar into a volume, by way of a container that never runs."""
        with self.plainly():
            mount = self.api.create_host_config(binds=[f"{volume}:/papers"], network_mode="none")
            made = self.api.create_container(
                image, ["true"], labels=dict(labels), entrypoint=[], host_config=mount
            )
            try:
                self.api.put_archive(made["Id"], "/papers", archive)
            finally:
                self.api.remove_container(made["Id"], force=True)

    # -- containers ------------------------------------------------------------------------------------------

    def make_container(self, name: str, hostname: str, network: str, box: Container, make: Make) -> str:
        """A container, not started; its id. It is gone when it ends, or when nobody holds its line any more."""
        from docker.types import LogConfig, Mount

        api = self.api
        labels = {LABEL: make.owner}
        host_config = api.create_host_config(
            auto_remove=True,
            read_only=make.read_only,
            cap_drop=["ALL"],
            cap_add=[*dict.fromkeys((*box.capabilities, *make.capabilities))],
            security_opt=["no-new-privileges"] if make.read_only else None,
            network_mode=network,
            binds={source: {"bind": target, "mode": "ro"} for target, source in make.binds.items()},
            mounts=[Mount(target, source, labels=labels) for target, source in make.volumes.items()],
            tmpfs=dict.fromkeys(make.tmpfs, ""),
            # Whoever asks Docker's resolver all the same is led to the lab's, from inside (CVE-2024-29018).
            dns=list(make.resolvers) or ["127.0.0.1"],
            mem_limit=make.memory or None,
            pids_limit=make.processes,
            log_config=LogConfig(type="none"),
        )
        with self.plainly():
            made = api.create_container(
                make.image,
                list(make.command),
                hostname=hostname[:63],
                stdin_open=True,
                environment=dict(make.environment),
                name=name,
                labels=labels,
                entrypoint=list(make.entrypoint) if make.entrypoint is not None else None,
                host_config=host_config,
                networking_config=api.create_networking_config({network: self.endpoint(box)}),
            )
        return str(made["Id"])

    def endpoint(self, box: Container) -> Any:
        """Its place in the network: the addresses it has from the engine."""
        four, six = _by_family(box)
        return self.api.create_endpoint_config(ipv4_address=four, ipv6_address=six)

    def attach(self, container: str) -> Any:
        """The connection to its standard streams, as the SDK has it; `_sock` is the socket."""
        with self.plainly():
            return self.api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})

    def start(self, container: str) -> None:
        with self.plainly():
            self.api.start(container)

    def status_within(self, container: str, seconds: float) -> int | None:
        """A container's exit status, if it ends so soon."""
        from requests.exceptions import RequestException

        with suppress(RequestException):
            return int(self.api.wait(container, timeout=seconds)["StatusCode"])
        return None

    def remove(self, container: str) -> None:
        """It is gone when this returns; so are those that were gone before."""
        from docker.errors import APIError, NotFound

        try:
            self.api.remove_container(container, force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if "already in progress" not in str(error):
                raise self._refusal(error) from None
            self.await_removal(container)

    def await_removal(self, container: str) -> None:
        """One that has ended removes itself. To remove it meanwhile, too, would leave its endpoint on the network
        for good (seen with Docker 20.10)."""
        from docker.errors import APIError
        from requests.exceptions import RequestException

        with suppress(APIError, RequestException):
            self.api.wait(container, condition="removed", timeout=_GOING_S)

    def run_beside(self, container: str, image: str, command: Sequence[str], capabilities: Sequence[str]) -> str:
        """Run a command in a container's network with capabilities it does not have itself; what it printed."""
        with self.plainly():
            api = self.api
            config = api.create_host_config(
                network_mode=f"container:{container}", cap_drop=["ALL"], cap_add=list(capabilities), read_only=True
            )
            made = api.create_container(
                image, list(command), labels={LABEL: "beside"}, entrypoint=[], host_config=config
            )
            try:
                api.start(made["Id"])
                status = api.wait(made["Id"])["StatusCode"]
                said = api.logs(made["Id"]).decode("utf-8", "replace")
            finally:
                api.remove_container(made["Id"], force=True)
        if status:
            raise MachineSaidNo(
                f"what was to happen in the container's network failed: {said.strip()}", code="H045"
            )
        return str(said)

    def prepare_command(
        self, container: str, command: Sequence[str], environment: Mapping[str, str], folder: str, terminal: bool
    ) -> str:
        """A command to be run in a container that runs; its id."""
        with self.plainly():
            made = self.api.exec_create(
                container,
                list(command),
                stdin=True,
                tty=terminal,
                environment=dict(environment),
                workdir=folder or None,
            )
        return str(made["Id"])

    # -- what there is of a lab ------------------------------------------------------------------------------

    def found(self, owner: str) -> dict[str, list[tuple[str, str]]]:
        """Everything that bears a lab's label: (id, name) of its containers, networks and volumes."""
        label = {"label": f"{LABEL}={owner}"}
        with self.plainly():
            boxes = self.api.containers(all=True, filters=label)
            networks = self.api.networks(filters=label)
            volumes = self.api.volumes(filters=label)["Volumes"] or []
        return {
            "container": [(box["Id"], (box["Names"] or [box["Id"]])[0].lstrip("/")) for box in boxes],
            "network": [(network["Id"], network["Name"]) for network in networks],
            "volume": [(volume["Name"], volume["Name"]) for volume in volumes],
        }

    def owners(self) -> list[str]:
        """Every lab that has something there."""
        with self.plainly():
            things = [*self.api.networks(filters={"label": LABEL})]
            things += self.api.volumes(filters={"label": LABEL})["Volumes"] or []
        return sorted({thing["Labels"][LABEL] for thing in things})

    def take_away(self, kind: str, which: str) -> None:
        removers: dict[str, Callable[[str], object]] = {
            "container": self.remove,
            "network": self._remove_network,
            "volume": lambda name: self.api.remove_volume(name, force=True),
        }
        with suppress(Missing), self.plainly():
            removers[kind](which)

    def _remove_network(self, network: str) -> None:
        """Endpoints that an ended container left on it go with it."""
        for left in self.api.inspect_network(network)["Containers"] or {}:
            self.api.disconnect_container_from_network(left, network, force=True)
        self.api.remove_network(network)

    # -- what it refuses -------------------------------------------------------------------------------------

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """What the engine refuses in this block is said in a sentence."""
        from docker.errors import APIError, DockerException, NotFound
        from requests.exceptions import RequestException

        try:
            yield
        except NotFound as error:
            if "image" in str(error.explanation):
                raise self._refusal(error) from None
            raise Missing(f"The engine at {self.url} says: {error.explanation}", code="H045") from None
        except APIError as error:
            raise self._refusal(error) from None
        except (DockerException, RequestException) as error:
            raise unanswered(self.url, str(error)) from None

    def _refusal(self, error: Any) -> LabError:
        return refusal(str(error.explanation or error), self.url)


def _alike(subnet: Network, pool: Mapping[str, str]) -> bool:
    return ("." in str(subnet)) == ("." in pool["Subnet"])


def _by_family(box: Container) -> tuple[str | None, str | None]:
    four = next((address for address in box.addresses if ":" not in address), None)
    six = next((address for address in box.addresses if ":" in address), None)
    return four, six


def _context() -> str:
    """Where the user's current Docker context leads."""
    from docker import ContextAPI

    with suppress(Exception):  # a broken context file is the command-line client's to explain
        context = ContextAPI.get_current_context()
        if context is not None and context.Host:
            return str(context.Host)
    return "unix:///var/run/docker.sock"


def unanswered(url: str, words: str) -> MachineSaidNo:
    """Why nobody answers at an engine's address, and what to do."""
    if "Permission denied" in words or "PermissionError" in words:
        return MachineSaidNo(
            f"Docker does not answer at {url} (permission denied).",
            remedy=f"{_INSTEAD}        To use Docker: join the group 'docker' and log in again.",
            code="H041",
        )
    why = "nothing is there" if "FileNotFoundError" in words or "No such file" in words else "nobody answers"
    return MachineSaidNo(
        f"Docker does not answer at {url} ({why}).",
        remedy=f"{_INSTEAD}        To use Docker: start its engine (Debian: apt install docker.io).",
        code="H040",
    )


_REFUSALS = (
    ("Pool overlaps", "its addresses are taken by another network of this engine", "H043",
     "Is another lab up there (docker network ls)? Give this one other addresses:  ranges:"),
    ("already in use by container", "a container of that name is there, of another lab of the same name", "H044",
     "Stop that one first, or give this one another  name:"),
    ("already exists", "a network of that name is there, of another lab of the same name", "H044",
     "Stop that one first, or give this one another  name:"),
    ("no space left", "the engine's disk is full", "H048", "docker system df  shows what fills it."),
    ("No such image", "the image of the lab's hosts is not there", "H033", "Build it:  lab image build"),
    ("invalid CapAdd", "this engine does not know a capability that the lab needs", "H042", _INSTEAD),
)  # fmt: skip


def refusal(words: str, url: str) -> MachineSaidNo:
    """An engine's words as a sentence."""
    for theirs, ours, code, remedy in _REFUSALS:
        if theirs.lower() in words.lower():
            return MachineSaidNo(f"The lab cannot come up on {url}: {ours}.", remedy=remedy, code=code)
    return MachineSaidNo(f"The Docker engine at {url} refused: {words.strip()}", remedy=_INSTEAD, code="H045")
