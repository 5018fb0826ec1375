"""Unbound: a resolver that starts at the lab's root.

The rule: it believes in no root but the lab's. What is switched off is what it knows of the real Internet by
itself: the root's key (no validator), and its own answers for private reverse zones (RFC 6303), which would hide
the lab's.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.foreign.config.scene import File, Scene, lines
from lab.foreign.config.zones import HINTS, hints_file

PATH = "/etc/unbound/unbound.conf"


def files(scene: Scene) -> tuple[File, ...]:
    resolver = scene.host.resolver
    assert resolver is not None
    return (File(PATH, lines(_main(scene))), hints_file(resolver))


def _main(scene: Scene) -> Iterator[str]:
    resolver = scene.host.resolver
    assert resolver is not None
    yield f"# Unbound on {scene.host.name}, made from the lab's topology."
    yield "server:"
    for address in scene.host.addresses:
        yield f"    interface: {address}"
    yield f"    do-ip6: {'yes' if any(':' in one for one in scene.host.addresses) else 'no'}"
    for network in resolver.serves or ("0.0.0.0/0", "::/0"):
        yield f"    access-control: {network} allow"
    for address in scene.host.addresses if resolver.serves else ():
        yield f"    access-control: {address}/{128 if ':' in address else 32} allow"
    yield f'    root-hints: "{HINTS}"'
    yield "    # Look names up, and validate nothing: the lab's zones are not signed."
    yield '    module-config: "iterator"'
    yield "    # Names and addresses that are private elsewhere are ordinary ones here."
    yield "    unblock-lan-zones: yes"
    yield "    do-not-query-localhost: yes"
    yield '    username: "unbound"'
    yield '    chroot: ""'
    yield '    directory: "/etc/unbound"'
    yield '    pidfile: ""'
    yield "    hide-version: yes"
    yield "    num-threads: 1"
    yield "    edns-buffer-size: 1232"
    yield "    use-syslog: no"
    yield '    logfile: ""'
    yield "    # The log tells each server that was asked on the way, and what came of it."
    yield "    verbosity: 2"
    yield "    log-time-ascii: no"
    if resolver.stale:
        yield "    serve-expired: yes"
    yield "remote-control:"
    yield "    # unbound-control, for whoever keeps this host, from the host itself only."
    yield "    control-enable: yes"
    yield "    control-interface: 127.0.0.1"
    yield "    control-use-cert: no"
    if resolver.forwards_to:
        yield "forward-zone:"
        yield '    name: "."'
        for address in resolver.forwards_to:
            yield f"    forward-addr: {address}"
