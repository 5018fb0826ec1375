"""The image of a variant, there and up to date: what `lab up` asks for before it makes containers.

The rule: an image's stamp is a digest of all that it was made from. One whose stamp is what would be built now is
taken as it is, after one question to the engine; any other is stale, and what changed is built, from the lowest
layer that changed upwards. An image gets its name when it is whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.fabric.docker.image import apt
from lab.fabric.docker.image.base import PACKAGES, REGISTRY
from lab.fabric.docker.image.build import build
from lab.fabric.docker.image.collection import images, labels, sweep
from lab.fabric.docker.image.recipe import SOURCE_OF_BASE, STAMP, VARIANT
from lab.fabric.docker.image.shelf import Shelf, usual
from lab.fabric.docker.image.stamps import Stamps, is_current_below, stamps
from lab.fabric.docker.image.variants import Variant
from lab.fabric.docker.image.workshop import Tell, Workshop, debian_architecture, plainly


def ensure(
    api: Any, variant: Variant, tell: Tell, *, source: str = "", fresh: bool = False, shelf: Shelf | None = None
) -> str:
    """The id of an image of the variant that is up to date; built now if there is none.

    `api` is a docker.APIClient; `tell` gets a sentence at each step that takes time; `source` of the base is
    "packages" or an image's name, "" whatever is there or can be had; `fresh`: from the beginning, with today's
    packages. MachineSaidNo (H035 to H039, or what the engine refuses: H040 to H048) where it cannot be built."""
    with plainly(api):
        shop = Workshop(api, debian_architecture(api), shelf or usual(), tell)
        there = [said for said in map(labels, images(api)) if said.get(VARIANT) == variant.name]
        wanted = _wanted(shop, variant, source, there)
        found = "" if fresh else _find(api, wanted)
        if found:
            return found
        tell(f"building the image '{variant.name}' from the beginning" if fresh else _why(variant, wanted, there))
        with shop.shelf.held(lambda: tell("another build is at work: waiting for it")):
            shop.tidy()
            if fresh:
                shop.shelf.clear()
            image = (not fresh and _find(api, wanted)) or build(shop, variant, wanted)
        sweep(api, keep=image)
    return image


def _wanted(shop: Workshop, variant: Variant, source: str, there: Sequence[Mapping[str, str]]) -> Stamps:
    """Of the source that was asked for, or of that of an image which is there, or of what this machine can."""
    sources = {said.get(SOURCE_OF_BASE, PACKAGES): said.get(STAMP) for said in there}
    if not source:
        for each, stamp in sources.items():
            wanted = stamps(variant, each, shop.architecture)
            if wanted.image == stamp:
                return wanted
    return stamps(variant, source or next(iter(sources), "") or _possible(shop), shop.architecture)


def _possible(shop: Workshop) -> str:
    if apt.is_here() and apt.architecture() == shop.architecture:
        return PACKAGES
    shop.tell("this machine has no packages for that engine (no apt, or another processor): asking a registry")
    return REGISTRY


def _find(api: Any, wanted: Stamps) -> str:
    found = images(api, f"{STAMP}={wanted.image}")
    return str(found[0]["Id"]) if found else ""


def _why(variant: Variant, wanted: Stamps, there: Sequence[Mapping[str, str]]) -> str:
    if not there:
        return f"there is no image '{variant.name}' in this engine yet: building it"
    if all(said.get(SOURCE_OF_BASE) != wanted.source for said in there):
        return f"there is no image '{variant.name}' with a base from {wanted.source} yet: building it"
    if any(is_current_below(said, wanted) for said in there):
        return "the image is older than the lab: rebuilding its last layer"
    return f"the image '{variant.name}' is older than the lab: rebuilding it"
