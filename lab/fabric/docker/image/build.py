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
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from lab.fabric.docker.image import apt, bootstrap, contents, recipe
from lab.fabric.docker.image.archive import Image, load
from lab.fabric.docker.image.recipe import LABEL, REPOSITORY
from lab.fabric.docker.image.shelf import Layer, Shelf
from lab.fabric.docker.image.tarball import File, Sink, normalise, pack
from lab.fabric.docker.image.variants import TOOLS, Variant
from lab.fabric.docker.image.workshop import container, pulled, run

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Works:
    """Where images are built: an engine, its architecture, finished layers, and who is told of progress."""

    api: Any
    architecture: str
    shelf: Shelf
    tell: Tell

    def load(self, layers: Sequence[Layer], labels: dict[str, str], tag: str = "") -> str:
        image = Image(tuple(layers), self.architecture, labels, tag)
        return load(self.api, image, {layer: self.shelf.path(layer) for layer in layers})

    def start_from(self, base: Layer) -> str:
        """The image of the base alone, to build in."""
        return self.load([base], {LABEL: "base"}, f"{REPOSITORY}:base")


def base(works: Works, stamp: str) -> Layer:
    """Debian from packages."""

    def fill(sink: Sink) -> tuple[int, str]:
        with tempfile.TemporaryDirectory(prefix="lab-") as name:
            folder = Path(name)
            works.tell(f"fetching the packages of the base ({apt.release()})")
            first = apt.fetch(recipe.ESSENTIAL, b"", folder)
            every = apt.fetch([*recipe.ESSENTIAL, *TOOLS], b"", folder)
            works.tell(f"installing {len(every)} packages")
            return _bootstrapped(works, first, [deb for deb in every if deb not in set(first)], sink)

    return works.shelf.make("base", stamp, fill)


def _bootstrapped(works: Works, first: Sequence[Path], rest: Sequence[Path], sink: Sink) -> tuple[int, str]:
    epoch = bootstrap.epoch([*first, *rest])
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        shelf = Shelf(Path(name))

        def laid(sink: Sink) -> tuple[int, str]:
            bootstrap.first_stage(first, rest, sink)
            return epoch, ""

        layer = shelf.make("stage", "1", laid)
        image = Works(works.api, works.architecture, shelf, works.tell).load([layer], {LABEL: "build"})
    try:
        with container(works.api, image, ["sh", "/build/script"]) as made:
            run(works.api, made, "installing the base")
            with pulled(works.api.export(made)) as root:
                normalise(root, sink, epoch)
    finally:
        works.api.remove_image(image, force=True)
    return epoch, ""


def libraries(works: Works, base: Layer, stamp: str) -> Layer:
    """What nodes import from outside the lab."""
    return _modules(works, base, "libraries", stamp, contents.libraries())


def lab(works: Works, base: Layer, stamp: str) -> Layer:
    """The lab itself."""
    return _modules(works, base, "lab", stamp, contents.source())


def _modules(works: Works, base: Layer, purpose: str, stamp: str, files: Sequence[File]) -> Layer:
    def fill(sink: Sink) -> tuple[int, str]:
        pack(_compiled(works, base, files), sink, base.epoch)
        return base.epoch, ""

    return works.shelf.make(purpose, stamp, fill)


def _compiled(works: Works, base: Layer, files: Sequence[File]) -> list[File]:
    """The files, and what the Python of the base makes of them."""
    with container(works.api, works.start_from(base), ["sh", "-c", recipe.COMPILE]) as made:
        put(works.api, made, files)
        run(works.api, made, "compiling")
        chunks, _ = works.api.get_archive(made, f"/{recipe.HOME}")
        with pulled(chunks) as tree, tarfile.open(fileobj=tree) as tar:
            above = recipe.HOME.rpartition("/")[0]
            return [
                File(f"{above}/{entry.name}", cast(IO[bytes], tar.extractfile(entry)).read())
                for entry in tar
                if entry.isreg()
            ]


def put(api: Any, container: str, files: Sequence[File]) -> None:
    """Put files into a container, below its root."""
    octets = BytesIO()
    pack(files, octets, 0)
    api.put_archive(container, "/", octets.getvalue())


def software(works: Works, base: Layer, variant: Variant, stamp: str) -> Layer:
    """A variant's packages, as what they change in the base."""

    def fill(sink: Sink) -> tuple[int, str]:
        image = works.start_from(base)
        with container(works.api, image, ["sh", "/build/script"]) as made:
            epoch = max(base.epoch, _stock(works, made, variant))
            works.tell(f"installing {', '.join(variant.packages)}")
            run(works.api, made, f"installing {variant.name}")
            _last_layer(works.api, made, sink, epoch)
        return epoch, ""

    return works.shelf.make(variant.name, stamp, fill)


def _stock(works: Works, container: str, variant: Variant) -> int:
    """Put the packages there; returns their epoch."""
    works.tell(f"fetching the packages of {variant.name}")
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        installed = _read(works.api, container, "/var/lib/dpkg/status")
        debs = apt.fetch(variant.packages, installed, Path(name))
        files = [File(f"build/rest/{deb.name}", deb.read_bytes()) for deb in debs]
        put(works.api, container, [File("build/script", recipe.INSTALL.encode()), *files])
        return bootstrap.epoch(debs)


def _read(api: Any, container: str, path: str) -> bytes:
    chunks, _ = api.get_archive(container, path)
    with pulled(chunks) as tree, tarfile.open(fileobj=tree) as tar:
        return cast(IO[bytes], tar.extractfile(tar.next() or path)).read()


def _last_layer(api: Any, container: str, sink: Sink, epoch: int) -> None:
    """What the container's disk has that its image has not: the topmost layer of a commit."""
    image = api.commit(container, changes=f"LABEL {LABEL}=build")["Id"]
    try:
        with pulled(api.get_image(image)) as saved, tarfile.open(fileobj=saved) as tar:
            manifest = json.load(cast(IO[bytes], tar.extractfile("manifest.json")))
            normalise(cast(IO[bytes], tar.extractfile(manifest[0]["Layers"][-1])), sink, epoch)
    finally:
        api.remove_image(image, force=True)
