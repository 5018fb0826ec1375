"""How each layer of an image is made, and in which order they lie.

    base        Debian, Python and a person's tools   from packages (apt), or from a registry's python:3-slim
    libraries   what a node imports from outside      from this environment
    software    Debian's packages of a variant        from packages; not in `host`
    lab         the lab itself, compiled              from this very code

The rule: what changes most lies on top. A change of the lab's code makes one layer anew, in seconds.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from typing import IO, cast

from lab.fabric.docker.image import contents, recipe
from lab.fabric.docker.image.base import base
from lab.fabric.docker.image.install import installed
from lab.fabric.docker.image.recipe import LABEL, LAYERS, REPOSITORY, SOURCE_OF_BASE, STAMP, VARIANT
from lab.fabric.docker.image.shelf import Layer
from lab.fabric.docker.image.stamps import Stamps
from lab.fabric.docker.image.tarball import File, Sink, normalise, pack
from lab.fabric.docker.image.variants import Variant
from lab.fabric.docker.image.workshop import Bench, Workshop, spooled


def build(shop: Workshop, variant: Variant, wanted: Stamps) -> str:
    """The image of the variant, whole and named; its id. Layers that are on the shelf are taken from there."""
    lowest = base(shop, wanted.source, wanted.base)
    layers = [lowest, _modules(shop, lowest, "libraries", wanted.libraries, contents.libraries())]
    if variant.packages:
        layers.append(_software(shop, lowest, variant, wanted.software))
    layers.append(_modules(shop, lowest, "lab", wanted.lab, contents.source()))
    labels = {
        LABEL: "image",
        VARIANT: variant.name,
        STAMP: wanted.image,
        LAYERS: wanted.label,
        SOURCE_OF_BASE: wanted.source,
    }
    return shop.load(layers, labels, f"{REPOSITORY}:{variant.name.replace('+', '-')}")


def _modules(shop: Workshop, base: Layer, purpose: str, stamp: str, files: Sequence[File]) -> Layer:
    def fill(sink: Sink) -> tuple[int, str]:
        shop.tell(f"compiling the {purpose} for the image")
        pack(_compiled(shop, base, files), sink, base.epoch)
        return base.epoch, ""

    return shop.shelf.make(purpose, stamp, fill)


def _compiled(shop: Workshop, base: Layer, files: Sequence[File]) -> list[File]:
    """The files, and what the Python of the base makes of them."""
    with shop.container(shop.image_of(base), ["sh", "-c", recipe.COMPILE]) as bench:
        bench.put(files)
        bench.run("compiling")
        return bench.take(f"/{recipe.HOME}")


def _software(shop: Workshop, base: Layer, variant: Variant, stamp: str) -> Layer:
    """A variant's packages, as what they change in the base."""

    def fill(sink: Sink) -> tuple[int, str]:
        with installed(shop, shop.image_of(base), base.note, variant.packages) as (bench, made):
            epoch = max(base.epoch, made)
            _changes(bench, epoch, sink)
        return epoch, ""

    return shop.shelf.make(variant.name, stamp, fill)


def _changes(bench: Bench, epoch: int, sink: Sink) -> None:
    """What the container's disk has that its image has not: the topmost layer of a commit."""
    name, _, tag = bench.half_done.partition(":")
    image = bench.api.commit(bench.id, name, tag, changes=f"LABEL {LABEL}=build")["Id"]
    try:
        with spooled(bench.api.get_image(image)) as saved, tarfile.open(fileobj=saved) as tar:
            manifest = json.load(cast(IO[bytes], tar.extractfile("manifest.json")))
            normalise(cast(IO[bytes], tar.extractfile(manifest[0]["Layers"][-1])), sink, epoch)
    finally:
        bench.api.remove_image(image, force=True)
