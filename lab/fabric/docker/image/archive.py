"""Images put together from layers, and loaded into an engine.

The rule: an image's id is the SHA-256 of its configuration (OCI Image Specification, config.md), which is written
here from the layers and from nothing else: no time of day, no host name. The same layers are the same image on
every engine.

The form is that of `docker save`. Layers that an engine has need not be sent again: an engine that keeps its
layers in a graph driver looks for a layer by its identity before it opens its file. One that keeps them in
containerd wants them all.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from lab.fabric.docker.image.recipe import ENVIRONMENT, LABEL
from lab.fabric.docker.image.shelf import Layer
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """Layers, the lowest first, and what is said about them; `tag` is "" for one without a name."""

    layers: tuple[Layer, ...]
    architecture: str
    labels: Mapping[str, str]
    tag: str = ""

    @property
    def config(self) -> bytes:
        created = _time(max(layer.epoch for layer in self.layers))
        form = {
            "architecture": self.architecture,
            "os": "linux",
            "created": created,
            "config": {
                "Env": [f"{key}={value}" for key, value in ENVIRONMENT.items()],
                "Cmd": ["bash"],
                "Labels": dict(sorted(self.labels.items())),
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]},
            "history": [
                {"created": _time(layer.epoch), "created_by": f"{LABEL}: {layer.purpose} {layer.stamp}"}
                for layer in self.layers
            ],
        }
        return json.dumps(form, sort_keys=True, separators=(",", ":")).encode()

    @property
    def id(self) -> str:
        return f"sha256:{hashlib.sha256(self.config).hexdigest()}"


def load(api: Any, image: Image, paths: Mapping[Layer, Path]) -> str:
    """Put the image into the engine, and return its id there."""
    from docker.errors import APIError, ImageLoadError

    there = present(api, image)
    try:
        _send(api, image, paths, there)
    except (APIError, ImageLoadError):
        if not there:
            raise
        _send(api, image, paths, frozenset())
    return image.id


def present(api: Any, image: Image) -> Collection[Layer]:
    """Layers of the image that the engine has below some image of the lab, and that need not be sent."""
    if any("containerd" in value for _, value in api.info().get("DriverStatus") or ()):
        return frozenset()
    wanted = [layer.diff_id for layer in image.layers]
    known = [api.inspect_image(each["Id"])["RootFS"]["Layers"] for each in api.images(filters={"label": LABEL})]
    depth = max((_common(wanted, layers) for layers in known), default=0)
    return frozenset(image.layers[:depth])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of the lowest layers two images share."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _send(api: Any, image: Image, paths: Mapping[Layer, Path], there: Collection[Layer]) -> None:
    from docker.errors import ImageLoadError

    with tempfile.TemporaryFile() as file:
        _write(file, image, paths, there)
        file.seek(0)
        for word in api.load_image(file):
            if "error" in word:
                raise ImageLoadError(word["error"])


def _write(file: IO[bytes], image: Image, paths: Mapping[Layer, Path], there: Collection[Layer]) -> None:
    config = f"{image.id.removeprefix('sha256:')}.json"
    names = [f"{layer.diff_id.removeprefix('sha256:')}.tar" for layer in image.layers]
    manifest = {"Config": config, "RepoTags": [image.tag] if image.tag else None, "Layers": names}
    with tarfile.open(fileobj=file, mode="w") as tar:
        _add(tar, config, image.config)
        for layer, name in zip(image.layers, names, strict=True):
            if layer not in there:
                tar.add(paths[layer], name)
        _add(tar, "manifest.json", json.dumps([manifest]).encode())


def _add(tar: tarfile.TarFile, name: str, octets: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(octets)
    tar.addfile(entry, BytesIO(octets))


def _time(seconds: int) -> str:
    """
    >>> _time(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
