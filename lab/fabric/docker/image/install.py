"""Debian packages put into an image that has dpkg, in a container.

The rule: this machine fetches what it can, and the container has no network then. Only where the image is of
another Debian than this machine, or this machine has no apt, the container fetches for itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.fabric.docker.image import apt, bootstrap, recipe
from lab.fabric.docker.image.tarball import File
from lab.fabric.docker.image.workshop import NOTHING, OUTWARD, Bench, Workshop

_STATUS = "/var/lib/dpkg/status"


@contextmanager
def installed(shop: Workshop, image: str, release: str, packages: Sequence[str]) -> Iterator[tuple[Bench, int]]:
    """A container of the image that has them now, ended; and when the youngest was made (0: not known).

    `release` is the image's. MachineSaidNo (H036, H037) where they cannot be had."""
    here = can_fetch(release, shop.architecture)
    with shop.container(image, ["sh", "/build/script"], NOTHING if here else OUTWARD) as bench:
        shop.tell(f"fetching {', '.join(packages)}")
        epoch = _fetched_here(bench, packages) if here else 0
        if not here:
            bench.put([File("build/script", recipe.fetch_and_install(packages).encode())])
        bench.put(bootstrap.settings())
        shop.tell(f"installing {', '.join(packages)}")
        bench.run("installing packages")
        yield bench, epoch


def can_fetch(release: str, architecture: str) -> bool:
    """Whether packages of this machine's apt fit there."""
    return apt.is_here() and (apt.release(), apt.architecture()) == (release, architecture)


def _fetched_here(bench: Bench, packages: Sequence[str]) -> int:
    (status,) = bench.take(_STATUS)
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        debs = apt.fetch(packages, status.octets, Path(name))
        files = [File(f"build/rest/{deb.name}", deb.read_bytes()) for deb in debs]
        bench.put([File("build/script", recipe.INSTALL.encode()), *files])
        return bootstrap.epoch(debs)
