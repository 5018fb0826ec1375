"""The lowest layer: Debian, Python and a person's tools; from packages, or from a registry.

The rule: one layer, whatever it came from. What was installed in a container is exported whole and made the same
each time, so that an image has no history of its making.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.errors import MachineSaidNo
from lab.fabric.docker.image import apt, bootstrap, recipe
from lab.fabric.docker.image.install import installed
from lab.fabric.docker.image.recipe import LABEL
from lab.fabric.docker.image.registry import Pulled, pulled
from lab.fabric.docker.image.shelf import Layer, Shelf
from lab.fabric.docker.image.tarball import Sink, normalise
from lab.fabric.docker.image.variants import TOOLS
from lab.fabric.docker.image.workshop import Bench, Workshop, spooled

PACKAGES, REGISTRY = "packages", "python:3-slim"
"""Sources of a base: this machine's apt, or an image that a registry has under this (or another) name."""


def base(shop: Workshop, source: str, stamp: str) -> Layer:
    """The base from that source; its note is the release of its packages."""
    fill = _from_packages if source == PACKAGES else _from_registry
    return shop.shelf.make("base", stamp, lambda sink: fill(shop, source, sink))


def _from_packages(shop: Workshop, _: str, sink: Sink) -> tuple[int, str]:
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        folder = Path(name)
        shop.tell(f"fetching the packages of the base ({apt.release()})")
        first = apt.fetch(recipe.ESSENTIAL, b"", folder)
        every = apt.fetch([*recipe.ESSENTIAL, *TOOLS], b"", folder)
        epoch = bootstrap.epoch(every)
        with _first_stage(shop, first, sorted(set(every) - set(first)), epoch) as image:
            shop.tell(f"installing {len(every)} packages, which takes half a minute")
            with shop.container(image, ["sh", "/build/script"]) as bench:
                bench.run("installing the base")
                _export(bench, epoch, sink)
    return epoch, apt.release()


@contextmanager
def _first_stage(shop: Workshop, first: Sequence[Path], rest: Sequence[Path], epoch: int) -> Iterator[str]:
    """An image that can run dpkg, and has all packages below /build."""

    def fill(sink: Sink) -> tuple[int, str]:
        bootstrap.first_stage(first, rest, sink)
        return epoch, ""

    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        shelf = Shelf(Path(name))
        layer = shelf.make("stage", "1", fill)
        here = Workshop(shop.api, shop.architecture, shelf, shop.tell)
        image = here.load([layer], {LABEL: "build"}, shop.half_done)
    try:
        yield image
    finally:
        shop.api.remove_image(image, force=True)


def _from_registry(shop: Workshop, name: str, sink: Sink) -> tuple[int, str]:
    shop.tell(f"asking the registry for {name}")
    with pulled(shop, name) as image:
        _check_python(shop, image)
        try:
            with installed(shop, image.id, image.release, [tool for tool in TOOLS if tool != "python3"]) as done:
                bench, epoch = done
                epoch = max(epoch, image.epoch)
                _export(bench, epoch, sink)
                return epoch, image.release
        except MachineSaidNo as error:
            shop.tell(f"hosts will have no dig, telnet or swaks there: {error.sentence.splitlines()[-1]}")
        with shop.container(image.id, ["true"]) as bench:
            bench.put(bootstrap.settings())
            _export(bench, image.epoch, sink)
    return image.epoch, image.release


def _check_python(shop: Workshop, image: Pulled) -> None:
    with shop.container(image.id, ["sh", "-c", recipe.PYTHON]) as bench:
        bench.run("looking at its Python")


def _export(bench: Bench, epoch: int, sink: Sink) -> None:
    """All of the container's disk."""
    with spooled(bench.api.export(bench.id)) as root:
        normalise(root, sink, epoch)
