"""BIND 9: named.conf for a name server, and for a resolver.

The rule: it serves its zones to everyone, or looks names up for those it is to serve, and believes in no root but
the lab's. What is switched off is what BIND knows of the real Internet by itself: its trust anchor, and empty
zones that would answer for private addresses (RFC 6303).
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.foreign.config.scene import File, Scene, lines
from lab.foreign.config.zones import HINTS, hints_file, zone_file, zone_files

PATH = "/etc/bind/named.conf"
KEY_FILE = "/etc/bind/rndc.key"


def files(scene: Scene) -> tuple[File, ...]:
    resolver = scene.host.resolver
    hints = (hints_file(resolver),) if resolver is not None else ()
    return (File(PATH, lines(_main(scene))), *hints, *zone_files(scene))


def _main(scene: Scene) -> Iterator[str]:
    yield f"// BIND on {scene.host.name}, made from the lab's topology."
    yield "options {"
    yield '    directory "/var/cache/bind";'
    yield '    pid-file "/run/named/named.pid";'
    yield f"    listen-on {{ {_addresses(scene, 4)} }};"
    yield f"    listen-on-v6 {{ {_addresses(scene, 6)} }};"
    yield "    // Nothing is signed here, and the real root's key has no meaning."
    yield "    dnssec-validation no;"
    yield "    // The lab has reverse zones for its own addresses (RFC 6303's would hide them)."
    yield "    empty-zones-enable no;"
    yield "    // A query over UDP never needs fragments (RFC 9715)."
    yield "    edns-udp-size 1232;"
    yield "    max-udp-size 1232;"
    yield "    minimal-responses no;"
    yield "    version none;"
    yield from _recursion(scene)
    yield "};"
    yield from _control()
    yield from _zones(scene)


def _addresses(scene: Scene, version: int) -> str:
    found = [address for address in scene.host.addresses if (":" in address) == (version == 6)]
    return " ".join(f"{address};" for address in found) or "none;"


def _recursion(scene: Scene) -> Iterator[str]:
    resolver = scene.host.resolver
    if resolver is None:
        yield "    // A name server answers for its zones, and looks nothing up for anybody (RFC 5358)."
        yield "    recursion no;"
        yield "    allow-query { any; };"
        yield "    allow-transfer { none; };"
        yield "    notify no;"
        return
    served = " ".join(f"{network};" for network in (*resolver.serves, *scene.host.addresses))
    yield "    recursion yes;"
    yield f"    allow-recursion {{ {served if resolver.serves else 'any;'} }};"
    yield f"    allow-query {{ {served if resolver.serves else 'any;'} }};"
    if resolver.forwards_to:
        yield f"    forwarders {{ {' '.join(f'{address};' for address in resolver.forwards_to)} }};"
        yield "    forward only;"
    if resolver.stale:
        yield "    stale-answer-enable yes;"


def _control() -> Iterator[str]:
    yield "// rndc, for whoever keeps this host, from the host itself only."
    yield f'include "{KEY_FILE}";'
    yield 'controls { inet 127.0.0.1 port 953 allow { 127.0.0.1; } keys { "rndc-key"; }; };'


def _zones(scene: Scene) -> Iterator[str]:
    if scene.host.resolver is not None and not scene.host.resolver.forwards_to:
        yield f'zone "." {{ type hint; file "{HINTS}"; }};'
    for zone in scene.own_zones():
        yield f'zone "{zone.origin}" {{ type primary; file "{zone_file(zone.origin)}"; check-names ignore; }};'
