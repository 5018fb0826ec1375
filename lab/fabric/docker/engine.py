"""The door to a Docker engine.

The rule: whatever the engine refuses comes out as a sentence with its remedy. All calls here wait for the engine,
so a loop makes them in a thread. Everything made carries the label `mini-internet-lab`, whose value is the lab it
belongs to: by that label it is found again, by whoever has to take it away.

    DOCKER_HOST, or the current context, says where the engine is; `lab up --engines` names others (`whereabouts`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field
from functools import cached_property
from ipaddress import ip_network
from threading import RLock
from typing import TYPE_CHECKING, Any

from lab.errors import LabError, MachineSaidNo
from lab.fabric.docker.forward import Forward, nothing_behind
from lab.fabric.docker.layout import Bridge, Container, Network
from lab.fabric.docker.whereabouts import Whereabouts, current, login, whereabouts
from lab.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

LABEL = "mini-internet-lab"
MARK = "mini-internet-lab.swarm"
"""Label of what says that the lab took an engine into a swarm; its value is the lab (`swarm`)."""
OLDEST = (1, 40)
"""The API of Docker 19.03, of 2019."""
_PATIENCE_S = 120
_GOING_S = 60
"""For a container that has ended to be gone: on two cores with a load of 12, fifty at once took over 20."""
NO_RESOLVER = "ndots:none"
"""An option of resolv.conf(5) that cannot be read. With it Docker's resolver does not come to be in a container:
nobody in the lab is to ask it, and it takes a run of dockerd and eleven of iptables, 60 ms of a core (Docker
20.10; a later one that overlooks the option has its resolver as ever)."""
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
    """One engine. `word`: where it is, see `whereabouts`; "" as the environment and the user's context have it.
    Usable from several threads."""

    def __init__(self, word: str = "") -> None:
        self.word = word or os.environ.get("DOCKER_HOST", "")
        self._api: Any = None
        self._forward: Forward | None = None
        self._turn = RLock()

    def __str__(self) -> str:
        return self.word or self.place.url

    @cached_property
    def place(self) -> Whereabouts:
        return whereabouts(self.word) if self.word else current()

    @property
    def url(self) -> str:
        """Where this process reaches it: a socket here, for one behind ssh."""
        with self._turn:
            if self.place.scheme != "ssh":
                return self.place.url
            if self._forward is None or not self._forward.is_open:
                self.close()
                self._forward = Forward(login(self.place.url))
            return f"unix://{self._forward.socket}"

    @property
    def api(self) -> Any:
        """The SDK's client. MachineSaidNo (H040 to H042, H050, H051) when nobody answers, or somebody too old."""
        with self._turn:
            url = self.url
            if self._api is None:
                self._api = self._client(url)
            return self._api

    def _client(self, url: str) -> Any:
        from docker import APIClient
        from docker.errors import DockerException

        try:
            api = APIClient(url, version="auto", timeout=_PATIENCE_S, num_pools=64)
        except DockerException as error:
            raise self._unanswered(str(error)) from None
        version = tuple(int(part) for part in api.api_version.split("."))
        if version < OLDEST:
            raise MachineSaidNo(
                f"The Docker engine at {self} is too old: it speaks version {api.api_version} of its API.",
                remedy=f"Docker 19.03 or later is needed. {_INSTEAD}",
                code="H042",
            )
        return api

    def close(self) -> None:
        """Hang up."""
        with self._turn:
            if self._api is not None:
                self._api.close()
            if self._forward is not None:
                self._forward.close()
            self._api = self._forward = None

    @property
    def folders(self) -> list[str]:
        """What this process has on its disk to reach it."""
        return [] if self._forward is None else [str(self._forward.folder)]

    @property
    def paths(self) -> tuple[str, str]:
        """The addresses here and there over which it is reached; "" where that is no network."""
        forward = self._forward
        return ("", "") if forward is None else (forward.near, forward.far)

    # -- networks and volumes --------------------------------------------------------------------------------

    def make_network(self, name: str, bridge: Bridge, labels: Mapping[str, str], *, spread: bool = False) -> str:
        """An internal network on which the machine itself has no address; its id. A bridge; or, `spread` over the
        engines of a swarm whose manager this one is, an overlay to which any container may be attached."""
        from docker.types import IPAMConfig, IPAMPool

        spares = (bridge.spare or None, *(None for _ in bridge.subnets[1:]))
        pools = [
            IPAMPool(subnet=str(subnet), gateway=gateway, iprange=spare)
            for subnet, gateway, spare in zip(bridge.subnets, bridge.gateways, spares, strict=True)
        ]
        try:
            with self.plainly():
                made = self.api.create_network(
                    name,
                    driver="overlay" if spread else "bridge",
                    internal=True,
                    attachable=spread or None,
                    ipam=IPAMConfig(pool_configs=pools),
                    options=None if spread else {"com.docker.network.bridge.inhibit_ipv4": "true"},
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
            dns_opt=[NO_RESOLVER],
            mem_limit=make.memory or None,
            pids_limit=make.processes,
            sysctls={"net.ipv6.conf.all.disable_ipv6": "0"} if box.lays_ipv6 else None,
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
                mac_address=box.mac or None,
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
        """It is gone when this returns; so are those that were gone before. One that removes itself is let do so:
        to remove it meanwhile, too, would leave its endpoint on the network for good (seen with Docker 20.10)."""
        with suppress(Missing), self.plainly():
            found = self.api.inspect_container(container)
            if found["HostConfig"]["AutoRemove"] and found["State"]["Status"] != "created":
                self._put_down(container, found["State"])
                self.await_removal(container)
            self._take(container)

    def _put_down(self, container: str, state: Mapping[str, Any]) -> None:
        from docker.errors import APIError

        with suppress(APIError):  # it may end at this moment
            if state["Paused"]:
                self.api.unpause(container)
            if state["Running"]:
                self.api.kill(container)

    def _take(self, container: str) -> None:
        from docker.errors import APIError

        try:
            self.api.remove_container(container, force=True, v=True)
        except APIError as error:
            if "already in progress" not in str(error):
                raise
            self.await_removal(container)

    def await_removal(self, container: str) -> None:
        """Until one that removes itself is gone, or the engine has had its time."""
        from docker.errors import APIError
        from requests.exceptions import RequestException

        with suppress(APIError, RequestException):
            self.api.wait(container, condition="removed", timeout=_GOING_S)

    def make_beside(
        self, container: str, image: str, command: Sequence[str], owner: str, capabilities: Sequence[str]
    ) -> str:
        """A container in another's network, with capabilities that the other does not have; not started; its id.
        It is gone when it ends, or when nobody holds its line any more."""
        with self.plainly():
            config = self.api.create_host_config(
                auto_remove=True,
                read_only=True,
                network_mode=f"container:{container}",
                cap_drop=["ALL"],
                cap_add=list(capabilities),
                security_opt=["no-new-privileges"],
                pids_limit=16,
                log_config={"type": "none"},
            )
            made = self.api.create_container(
                image, list(command), labels={LABEL: owner}, entrypoint=[], host_config=config, stdin_open=True
            )
        return str(made["Id"])

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
            boxes = [box for box in self.api.containers(all=True, filters=label) if not self._is_ghost(box)]
            networks = self.api.networks(filters=label)
            volumes = self.api.volumes(filters=label)["Volumes"] or []
        return {
            "container": [(box["Id"], (box["Names"] or [box["Id"]])[0].lstrip("/")) for box in boxes],
            "network": [(network["Id"], network["Name"]) for network in networks],
            "volume": [(volume["Name"], volume["Name"]) for volume in volumes],
        }

    def _is_ghost(self, box: Mapping[str, Any]) -> bool:
        """An engine that was killed may list, until it starts anew, a container that it does not have any more
        (seen with Docker 20.10)."""
        from docker.errors import NotFound

        if box["State"] == "dead":
            try:
                self.api.inspect_container(box["Id"])
            except NotFound:
                return True
        return False

    def owners(self) -> list[str]:
        """Every lab that has something there."""
        with self.plainly():
            things = [*self.api.networks(filters={"label": LABEL})]
            things += self.api.volumes(filters={"label": LABEL})["Volumes"] or []
            marks = self.api.volumes(filters={"label": MARK})["Volumes"] or []
        return sorted({*(thing["Labels"][LABEL] for thing in things), *(mark["Labels"][MARK] for mark in marks)})

    def strike_off(self, node: str) -> None:
        """A node that has left the swarm whose manager this one is."""
        with suppress(Missing), self.plainly():
            self.api.remove_node(node, force=True)

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
            raise Missing(f"The engine at {self} says: {error.explanation}", code="H045") from None
        except APIError as error:
            raise self._refusal(error) from None
        except (DockerException, RequestException) as error:
            raise self._unanswered(str(error)) from None

    def _refusal(self, error: Any) -> LabError:
        return refusal(str(error.explanation or error), str(self))

    def _unanswered(self, words: str) -> MachineSaidNo:
        if self._forward is not None and self._forward.is_open:
            return nothing_behind(self._forward.words, self._forward.login)
        return unanswered(str(self), words)


def _alike(subnet: Network, pool: Mapping[str, str]) -> bool:
    return ("." in str(subnet)) == ("." in pool["Subnet"])


def _by_family(box: Container) -> tuple[str | None, str | None]:
    four = next((address for address in box.addresses if ":" not in address), None)
    six = next((address for address in box.addresses if ":" in address), None)
    return four, six


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
