"""NSD 4: nsd.conf. It is a name server and nothing else: nothing is looked up, nothing has to be switched off."""

from __future__ import annotations

from collections.abc import Iterator

from lab.foreign.config.scene import File, Scene, lines
from lab.foreign.config.zones import FOLDER, zone_file, zone_files

PATH = "/etc/nsd/nsd.conf"


def files(scene: Scene) -> tuple[File, ...]:
    return (File(PATH, lines(_main(scene))), *zone_files(scene))


def _main(scene: Scene) -> Iterator[str]:
    yield f"# NSD on {scene.host.name}, made from the lab's topology."
    yield "server:"
    for address in scene.host.addresses:
        yield f"    ip-address: {address}"
    yield "    server-count: 1"
    yield "    username: nsd"
    yield "    # A container is a chroot already."
    yield '    chroot: ""'
    yield f'    zonesdir: "{FOLDER}"'
    yield '    pidfile: "/run/nsd/nsd.pid"'
    yield '    xfrdfile: "/var/lib/nsd/xfrd.state"'
    yield '    zonelistfile: "/var/lib/nsd/zone.list"'
    yield '    xfrdir: "/var/lib/nsd"'
    yield "    hide-version: yes"
    yield "    # A query over UDP never needs fragments (RFC 9715)."
    yield "    ipv4-edns-size: 1232"
    yield "    ipv6-edns-size: 1232"
    yield "    # The log tells when a zone has been read."
    yield "    verbosity: 2"
    yield "    # No limit for one asker: a class behind one address is no attack."
    yield "    rrl-ratelimit: 0"
    yield "remote-control:"
    yield "    # nsd-control, for whoever keeps this host, from the host itself only."
    yield "    control-enable: yes"
    yield '    control-interface: "/run/nsd/control"'
    for zone in scene.own_zones():
        yield "zone:"
        yield f'    name: "{zone.origin}"'
        yield f'    zonefile: "{zone_file(zone.origin)}"'
