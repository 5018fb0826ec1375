"""Knot DNS 3: knot.conf. It is a name server and nothing else: there is no resolver in it to be switched off."""

from __future__ import annotations

from collections.abc import Iterator

from lab.foreign.config.scene import File, Scene, lines
from lab.foreign.config.zones import FOLDER, zone_file, zone_files

PATH = "/etc/knot/knot.conf"


def files(scene: Scene) -> tuple[File, ...]:
    return (File(PATH, lines(_main(scene))), *zone_files(scene))


def _main(scene: Scene) -> Iterator[str]:
    yield f"# Knot DNS on {scene.host.name}, made from the lab's topology."
    yield "server:"
    yield '    rundir: "/run/knot"'
    yield "    user: knot:knot"
    yield f"    listen: [{', '.join(f'{address}@53' for address in scene.host.addresses)}]"
    yield "    # Nobody needs to know which program this is."
    yield '    version: ""'
    yield "    # A query over UDP never needs fragments (RFC 9715)."
    yield "    udp-max-payload: 1232"
    yield "    udp-workers: 1"
    yield "    tcp-workers: 1"
    yield "    background-workers: 1"
    yield "log:"
    yield "  - target: stderr"
    yield "    any: info"
    yield "database:"
    yield '    storage: "/var/lib/knot"'
    yield "template:"
    yield "  - id: default"
    yield f'    storage: "{FOLDER}"'
    yield "    # The file counts, and is never written by the server."
    yield "    zonefile-sync: -1"
    yield "    zonefile-load: whole"
    yield "    journal-content: none"
    yield "    semantic-checks: off"
    yield "zone:"
    for zone in scene.own_zones():
        yield f'  - domain: "{zone.origin.fqdn}"'
        yield f'    file: "{zone_file(zone.origin)}"'
