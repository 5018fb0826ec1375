"""A lab for Kubernetes: one Pod, a container in it for each host, and a network of the Pod's own.

The rule: addresses of Pods are the cluster's to give, and those of a lab stand in its zones; so it brings its
own network along. All containers share the Pod's; an init container gives it the lab's addresses on `lo` (as the
fabric `local` does in a namespace) and makes the rest of the lab's ranges unreachable, and alone has NET_ADMIN for
it. A NetworkPolicy closes the Pod both ways, besides.

Objects are bounded: a ConfigMap to 1 MiB, any object to what etcd takes (1.5 MiB).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.errors import WrongUse
from lab.export.papers import COMMAND, DISK, HOME, Export, Files, host_files, refuse, world_files
from lab.export.text import block, labels, row, yaml
from lab.fabric.docker.papers import TRUSTED
from lab.names import Address
from lab.topology.plan import HostPlan

_LONGEST = 63
_MOST_OCTETS = 500_000
"""Of one object as YAML. Kubernetes writes its defaults and who owns which field beside it, as much again."""


def kubernetes(export: Export) -> Files:
    """The files of the folder, without the README."""
    refuse(export.plan, "kubernetes")
    objects = [_HEAD.format(space=namespace(export)), _POLICY, *_maps(export), _SERVICE, _pod(export)]
    for text in objects:
        if len(text.encode()) > _MOST_OCTETS:
            raise WrongUse(
                f"{export.plan.name} has {len(export.hosts):,} hosts: more than Kubernetes keeps of a lab in one "
                "object (1 MiB)",
                remedy="The lab itself takes more:  lab up   ·   lab up --fabric docker --pack",
                code="W042",
            )
    return {"lab.yaml": "---\n".join(objects).replace(_HERE, namespace(export))}


def namespace(export: Export) -> str:
    return labels([f"lab-{export.plan.name}"], "-", _LONGEST)[f"lab-{export.plan.name}"]


def containers(export: Export) -> dict[str, str]:
    """What Kubernetes calls each host's container."""
    names = labels(["network", *(host.name for host in export.hosts)], "-", _LONGEST - 5)
    return {host.name: names[host.name] for host in export.hosts}


# -- what they read --------------------------------------------------------------------------------------------


def _maps(export: Export) -> Iterator[str]:
    """A ConfigMap with what all share, one of each host's own, and its key in a Secret."""
    names = containers(export)
    yield _map("ConfigMap", "world", "data", world_files(export) | {"network.sh": _network(export)})
    for host in export.hosts:
        files = host_files(export, host)
        identity = files.pop("identity.pem", "")
        yield _map("ConfigMap", f"host-{names[host.name]}", "data", files)
        if identity:
            yield _map("Secret", f"host-{names[host.name]}", "stringData", {"identity.pem": identity})


def _map(kind: str, name: str, key: str, files: Files) -> str:
    head = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {yaml(name)}, namespace: {_HERE}}}\n{key}:\n"
    return head + "".join(f"  {file}: |\n{block(text, 4)}" for file, text in files.items())


def _network(export: Export) -> str:
    """The script of the init container."""
    plan = export.plan
    visitors = _by_family(export.hosts[-1].addresses)
    given = [address for host in plan.hosts for address in host.addresses]
    lines = [
        "# The lab's network, on this Pod's own loopback.",
        "# Programs that are started by hand come from the student's address.",
        "set -e",
    ]
    for family, address in visitors.items():
        lines.append(f"ip {family} address add {address} dev lo")
    lines += [f"ip {_family(network)} route add unreachable {network}" for network in plan.ranges]
    for address in given:
        source = visitors.get(_family(address))
        lines.append(
            f"ip {_family(address)} route replace local {address} dev lo{f' src {source}' if source else ''}"
        )
    return "\n".join(lines) + "\n"


def _by_family(addresses: Sequence[Address]) -> dict[str, Address]:
    return {_family(address): address for address in reversed(addresses)}


def _family(address: str) -> str:
    return "-6" if ":" in address else "-4"


# -- the Pod ---------------------------------------------------------------------------------------------------


def _pod(export: Export) -> str:
    names = containers(export)
    student = export.hosts[-1]
    return (
        _SET.format(resolvers=row(student.resolvers[:3] or ("127.0.0.1",)), image=yaml(export.image), home=HOME)
        + "".join(_container(export, host, names[host.name]) for host in export.hosts)
        + _VOLUMES
        + "".join(_volume(host, names[host.name]) for host in export.hosts)
    )


def _container(export: Export, host: HostPlan, name: str) -> str:
    return _CONTAINER.format(
        host=host.name,
        runs=" ".join(host.roles),
        name=yaml(name),
        volume=f"host-{name}",
        image=yaml(export.image),
        command=row(COMMAND),
        home=HOME,
        disk=DISK,
        trusted=TRUSTED,
    )


def _volume(host: HostPlan, name: str) -> str:
    secret = f"              - secret: {{name: {yaml(f'host-{name}')}}}\n" if host.mail is not None else ""
    return _VOLUME.format(name=yaml(f"host-{name}")) + secret


_HERE = "@namespace@"
_HEAD = """\
# A mini-Internet, written by `lab export kubernetes`. README.md says what to type.
apiVersion: v1
kind: Namespace
metadata:
  name: {space}
  labels:
    pod-security.kubernetes.io/enforce: privileged  # for NET_ADMIN, in the init container
"""
_POLICY = f"""\
# Nothing in, nothing out.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: {_HERE}}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress, Egress]
"""
_SERVICE = f"""\
# What a StatefulSet has to have; nothing listens on the Pod's own address.
apiVersion: v1
kind: Service
metadata: {{name: lab, namespace: {_HERE}}}
spec:
  clusterIP: None
  selector: {{app: mini-internet-lab}}
"""
_SET = f"""\
apiVersion: apps/v1
kind: StatefulSet
metadata: {{{{name: lab, namespace: {_HERE}}}}}
spec:
  serviceName: lab
  replicas: 1
  selector:
    matchLabels: {{{{app: mini-internet-lab}}}}
  template:
    metadata:
      labels: {{{{app: mini-internet-lab}}}}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      dnsPolicy: None
      dnsConfig:
        nameservers: {{resolvers}}
      initContainers:
        - name: network
          image: {{image}}
          imagePullPolicy: IfNotPresent
          command: [sh, {{home}}/world/network.sh]
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{{{drop: [ALL], add: [NET_ADMIN]}}}}
          volumeMounts:
            - {{{{name: world, mountPath: {{home}}/world}}}}
      containers:
"""
_CONTAINER = """\
        # {host}: {runs}
        - name: {name}
          image: {image}
          imagePullPolicy: IfNotPresent
          command: {command}
          env:
            - {{name: SSL_CERT_FILE, value: {trusted}}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL], add: [NET_BIND_SERVICE]}}
          volumeMounts:
            - {{name: world, mountPath: {home}/world}}
            - {{name: {volume}, mountPath: {home}/host}}
            - {{name: {volume}, mountPath: /etc/resolv.conf, subPath: resolv.conf}}
            - {{name: world, mountPath: {trusted}, subPath: ca.pem}}
            - {{name: disks, mountPath: {disk}, subPath: {name}}}
            - {{name: scratch, mountPath: /tmp, subPath: {name}}}
"""
_VOLUMES = """\
      volumes:
        - name: world
          configMap: {name: world}
        - name: disks
          emptyDir: {}
        - name: scratch
          emptyDir: {medium: Memory}
"""
_VOLUME = """\
        - name: {name}
          projected:
            sources:
              - configMap: {{name: {name}}}
"""
