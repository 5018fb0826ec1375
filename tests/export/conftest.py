"""Exports whose every octet is known: with papers that no chance had a part in."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

from lab.export.papers import Export
from lab.topology import load
from lab.topology.plan import Plan
from tests.fabric.docker.conftest import api, engine, host_image, shelf

__all__ = ["api", "engine", "host_image", "shelf"]

HERE = Path(__file__).parent
TOPOLOGIES = sorted(path.stem for path in (HERE / "input").glob("*.yaml"))


class PaperAuthority:
    """Vouches for everybody, in so many words."""

    root = b"the root\n"

    @property
    def client(self) -> ssl.SSLContext:
        raise AssertionError("nobody speaks TLS while files are written")

    def server(self, names: Sequence[str]) -> ssl.SSLContext:
        raise AssertionError("nobody speaks TLS while files are written")

    def papers(self, names: Sequence[str]) -> bytes:
        return f"key, certificate and root for {' '.join(names)}\n".encode()


def planned(name: str) -> Plan:
    """Of a file in input/ or here, or one that comes with the lab."""
    places = (HERE / "input", HERE, HERE.parent.parent / "topologies")
    return load(next(path for place in places if (path := place / f"{name}.yaml").is_file()))


def exported(plan: Plan) -> Export:
    return Export(plan, PaperAuthority(), "mini-internet-lab:host")
