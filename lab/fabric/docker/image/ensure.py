"""The image of a variant, there and up to date: what `lab up` asks for before it makes containers.

The rule: an image's stamp is a digest of all that it was made from. One whose stamp is what would be built now is
taken as it is, after one question to the engine; any other is stale, and what changed is built, from the lowest
layer that changed upwards. An image gets its name when it is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lab.fabric.docker.image import apt, build, contents, recipe
from lab.fabric.docker.image.archive import images
from lab.fabric.docker.image.build import Tell, Works
from lab.fabric.docker.image.recipe import LABEL, LAYERS, REPOSITORY, STAMP, VARIANT
from lab.fabric.docker.image.shelf import Layer, Shelf, usual
from lab.fabric.docker.image.tarball import File
from lab.fabric.docker.image.variants import TOOLS, Variant

Source = Literal["packages", "registry"]
_GO = {"arm": "armhf", "386": "i386", "ppc64le": "ppc64el"}
"""Go's names of architectures that Debian calls otherwise."""
_GRACE = timedelta(minutes=10)
"""How long an image that another has replaced stays: a lab that is just starting may be about to use it."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """Of each layer of an image; `software` is "" where there is none."""

    base: str
    libraries: str
    software: str
    lab: str

    @property
    def image(self) -> str:
        return recipe.stamp(self.base, self.libraries, self.software, self.lab)

    @property
    def label(self) -> str:
        return f"base={self.base} libraries={self.libraries} software={self.software} lab={self.lab}"


def stamps(variant: Variant, source: Source, architecture: str) -> Stamps:
    """What an image that is built now will bear."""
    base = recipe.stamp(
        "base", source, architecture, apt.release() if source == "packages" else "",
        recipe.ESSENTIAL, TOOLS, recipe.DPKG, recipe.POLICY, recipe.BOOTSTRAP,
    )  # fmt: skip
    return Stamps(
        base=base,
        libraries=recipe.stamp(base, recipe.COMPILE, *_named(contents.libraries())),
        software=recipe.stamp(base, variant.packages, recipe.INSTALL) if variant.packages else "",
        lab=recipe.stamp(base, recipe.COMPILE, *_named(contents.source())),
    )


def _named(files: list[File]) -> list[str | bytes]:
    return [part for file in files for part in (file.path, file.octets)]


def ensure(api: Any, variant: Variant, tell: Tell, *, shelf: Shelf | None = None) -> str:
    """The id of an image of the variant that is up to date; built now if there is none.

    `api` is a docker.APIClient; `tell` gets a sentence at each step that takes time. MachineSaidNo (H035 to H039)
    where it cannot be built."""
    architecture = debian_architecture(api)
    wanted = stamps(variant, "packages", architecture)
    found = _find(api, wanted)
    if found:
        return found
    works = Works(api, architecture, shelf or usual(), tell)
    _announce(api, variant, wanted, tell)
    with works.shelf.held(lambda: tell("another build is at work: waiting for it")):
        image = _find(api, wanted) or _build(works, variant, wanted)
    sweep(api, variant, image)
    return image


def debian_architecture(api: Any) -> str:
    """The engine's, as Debian names it."""
    name: str = api.version()["Arch"]
    return _GO.get(name, name)


def _find(api: Any, wanted: Stamps) -> str:
    found = api.images(filters={"label": f"{STAMP}={wanted.image}"})
    return str(found[0]["Id"]) if found else ""


def _announce(api: Any, variant: Variant, wanted: Stamps, tell: Tell) -> None:
    old = [labels for labels in map(_labels, images(api)) if labels.get(VARIANT) == variant.name]
    below = wanted.label.rpartition(" ")[0]
    if not old:
        tell(f"there is no image '{variant.name}' in this engine yet: building it")
    elif any(labels.get(LAYERS, "").startswith(f"{below} ") for labels in old):
        tell("the image is older than the lab: rebuilding its last layer")
    else:
        tell(f"the image '{variant.name}' is older than the lab: rebuilding it")


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return image.get("Labels") or {}


def _build(works: Works, variant: Variant, wanted: Stamps) -> str:
    base = build.base(works, wanted.base)
    layers: list[Layer] = [base, build.libraries(works, base, wanted.libraries)]
    if variant.packages:
        layers.append(build.software(works, base, variant, wanted.software))
    layers.append(build.lab(works, base, wanted.lab))
    labels = {LABEL: "image", VARIANT: variant.name, STAMP: wanted.image, LAYERS: wanted.label}
    return works.load(layers, labels, f"{REPOSITORY}:{variant.name.replace('+', '-')}")


def sweep(api: Any, variant: Variant, keep: str) -> None:
    """Remove images of the variant that `keep` has replaced, but for those in use, or of the last minutes."""
    from docker.errors import APIError

    for image in images(api):
        if _labels(image).get(VARIANT) == variant.name and image["Id"] != keep:
            with suppress(APIError):
                if _tagged(api.inspect_image(image["Id"])) < datetime.now(UTC) - _GRACE:
                    api.remove_image(image["Id"])


def _tagged(image: Mapping[str, Any]) -> datetime:
    """When it got its name, by the engine's clock."""
    text = image["Metadata"]["LastTagTime"][:19]
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
