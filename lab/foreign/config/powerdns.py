"""PowerDNS Authoritative Server 4: pdns.conf, and its zones as BIND would have them (its `bind` back end).

The rule: zones are master files here too, so that a student finds the same file whichever server has it; the list
of them is in named.conf's form. https://doc.powerdns.com/authoritative/
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.foreign.config.scene import File, Scene, lines
from lab.foreign.config.zones import zone_file, zone_files

FOLDER = "/etc/powerdns"


def files(scene: Scene) -> tuple[File, ...]:
    return (
        File(f"{FOLDER}/pdns.conf", lines(_main(scene))),
        File(f"{FOLDER}/zones.conf", lines(_zones(scene))),
        *zone_files(scene),
    )


def _main(scene: Scene) -> Iterator[str]:
    yield f"# PowerDNS on {scene.host.name}, made from the lab's topology."
    yield "launch=bind"
    yield f"bind-config={FOLDER}/zones.conf"
    yield "# An edited file is read when the lab says so, not by itself."
    yield "bind-check-interval=0"
    yield f"local-address={', '.join(scene.host.addresses)}"
    yield "local-port=53"
    yield "setuid=pdns"
    yield "setgid=pdns"
    yield "socket-dir=/run/pdns"
    yield "# An answer is never remembered: an edit shows at once."
    yield "cache-ttl=0"
    yield "query-cache-ttl=0"
    yield "negquery-cache-ttl=0"
    yield "zone-cache-refresh-interval=0"
    yield "# A query over UDP never needs fragments (RFC 9715)."
    yield "udp-truncation-threshold=1232"
    yield "version-string=anonymous"
    yield "security-poll-suffix="
    yield "loglevel=6"
    yield "log-timestamp=yes"


def _zones(scene: Scene) -> Iterator[str]:
    yield "// The zones of this server, as named.conf(5) lists them."
    for zone in scene.own_zones():
        yield f'zone "{zone.origin}" {{ type master; file "{zone_file(zone.origin)}"; }};'
