"""Which engines a lab can be exported for, and what the README of each says.

The rule: one table; whoever adds an engine adds a row. `write` makes a folder's files complete.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from lab.errors import WrongUse
from lab.export import compose, containerlab, kathara, kubernetes
from lab.export.papers import Export, Files
from lab.export.readme import Manual, readme
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """`make` gives the files; `manual` what the README says; `start` is the first command, in one line."""

    make: Callable[[Export], Files]
    manual: Callable[[Export], Manual]
    start: Callable[[Export], str]


def named(name: str) -> Format:
    """The format of that name; WrongUse (W043) with what is near."""
    if name not in FORMATS:
        near = difflib.get_close_matches(name.lower(), FORMATS, n=1, cutoff=0.4)
        known = f"There are: {', '.join(FORMATS)}."
        remedy = f"Did you mean  lab export {near[0]} ?  {known}" if near else known
        raise WrongUse(f"nothing is exported as '{name}'", remedy=remedy, code="W043")
    return FORMATS[name]


def files(export: Export, format: Format) -> Files:
    """Every file of the folder by its path, README.md among them. WrongUse (W042) where the plan cannot be had."""
    made = format.make(export)
    return {"README.md": readme(export, format.manual(export)), **made}


def _of_compose(export: Export) -> Manual:
    student = export.hosts[-1].name
    other = export.hosts[-2].name
    return Manual(
        engine="Docker Compose",
        image="Elsewhere, bring it along:",
        start="docker compose up -d\ndocker compose ps",
        inside=f"docker compose exec -T {student}",
        shell=f"docker compose exec {student} bash",
        logs="docker compose logs | lab replay -\ndocker compose logs | lab replay - --id J-0001",
        break_=f"docker compose stop {other}\ndocker compose start {other}\ndocker compose pause {other}\n"
        f"docker compose unpause {other}",
        stop="docker compose down --volumes      # without --volumes, mail and queues are there again next time",
        notes=(
            "Least privilege: a read-only root and no capability but NET_BIND_SERVICE (NET_ADMIN, within its own "
            "network, only for a host with a second address).",
            "A subnet is one engine's once: beside a `lab up --fabric docker` of the same topology it is refused. "
            "Give one of the two other `ranges:`.",
        ),
    )


def _of_kathara(export: Export) -> Manual:
    names = kathara.devices(export)
    student, other = names[export.hosts[-1].name], names[export.hosts[-2].name]
    return Manual(
        engine="Kathará",
        image="Kathará takes it from there. Elsewhere, bring it along:",
        start="kathara lstart --noterminals\nkathara list",
        inside="",
        shell=f"kathara connect {student}",
        logs=f"for device in *.startup; do kathara exec ${{device%.startup}} -- cat {kathara.EVENTS}; done \\\n"
        "  | lab replay -",
        break_=f"kathara exec {other} -- ip link set eth0 down\nkathara exec {other} -- ip link set eth0 up",
        stop="kathara lclean",
        notes=(
            "One collision domain, `lab`, for all devices; a device's name is its host's, with underscores.",
            f"Events are in {kathara.EVENTS} of each device, complaints in {kathara.COMPLAINTS}; "
            "Kathará's console stays free for a shell.",
            "Mail and queues last as long as the device: `kathara lclean` takes them away.",
        ),
    )  # fmt: skip


def _of_containerlab(export: Export) -> Manual:
    names, lab = containerlab.nodes(export), containerlab.lab_name(export)
    student, other = (f"clab-{lab}-{names[host.name]}" for host in export.hosts[:-3:-1])
    file = containerlab.topology_file(export)
    return Manual(
        engine="containerlab",
        image="containerlab takes it from there. Elsewhere, bring it along:",
        start=f"sudo containerlab deploy -t {file}",
        inside=f"docker exec -i {student}",
        shell=f"docker exec -it {student} bash",
        logs=f"for node in $(docker ps -q --filter label=containerlab={lab}); do docker logs $node; done \\\n"
        "  | lab replay -",
        break_=f"docker exec {other} ip link set eth1 down\ndocker exec {other} ip link set eth1 up",
        stop=f"sudo containerlab destroy -t {file} --cleanup",
        notes=(
            "No management network: the lab's wires are all there is. "
            f"The node `{containerlab.SWITCH}` has a bridge in its own network, to which every host is wired; "
            "the machine gets no bridge and no address.",
            "A node's name is its host's, with dashes. containerlab runs its nodes privileged.",
            "Delay and loss, for one host:  "
            f"`containerlab tools netem set -n {other} -i eth1 --delay 100ms --loss 5`.",
            "Mail and queues last as long as the node: `destroy` takes them away.",
        ),
    )


def _of_kubernetes(export: Export) -> Manual:
    names, space = kubernetes.containers(export), kubernetes.namespace(export)
    student = names[export.hosts[-1].name]
    other = names[export.hosts[-2].name]
    return Manual(
        engine="Kubernetes",
        image="The nodes of the cluster have to have it: push it to a registry of yours and export with "
        f"`--image NAME`, or load it (`kind load docker-image {export.image}`, "
        f"`minikube image load {export.image}`, `k3s ctr images import`), or bring it along:",
        start=f"kubectl apply --server-side -f lab.yaml\n"
        f"kubectl -n {space} rollout status statefulset/lab",
        inside=f"kubectl -n {space} exec -i lab-0 -c {student} --",
        shell=f"kubectl -n {space} exec -it lab-0 -c {student} -- bash",
        logs=f"kubectl -n {space} logs lab-0 --all-containers --tail=-1 | lab replay -",
        break_=f"kubectl -n {space} exec lab-0 -c {other} -- sh -c 'kill 1'      # the kubelet starts it again",
        stop=f"kubectl delete namespace {space}",
        notes=(
            "All hosts are containers of one Pod, for addresses have to be fixed, as zones tell them, and those "
            "of Pods are the cluster's to give. In one Pod the lab brings its own network along, on the Pod's "
            "loopback: `network.sh` makes it, in an init container that alone has NET_ADMIN.",
            "So lab traffic never leaves the Pod: no Service leads in, and a NetworkPolicy closes it both ways "
            "(where the cluster's network plug-in minds those). Work in it with `kubectl exec`.",
            "Programs that you start in any container come from the student's address.",
            "All containers stand and fall with their Pod, on one node of the cluster. Mail and queues outlive a "
            "container, not the Pod (emptyDir).",
            "IPv6 addresses need a Pod network with IPv6.",
        ),
    )  # fmt: skip


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "compose": Format(compose.compose, _of_compose, lambda _: "docker compose up -d"),
        "kathara": Format(kathara.kathara, _of_kathara, lambda _: "kathara lstart --noterminals"),
        "containerlab": Format(
            containerlab.containerlab,
            _of_containerlab,
            lambda export: f"sudo containerlab deploy -t {containerlab.topology_file(export)}",
        ),
        "kubernetes": Format(
            kubernetes.kubernetes, _of_kubernetes, lambda _: "kubectl apply --server-side -f lab.yaml"
        ),
    }
)
