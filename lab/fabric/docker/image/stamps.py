"""What an image was made from, in a word per layer: which image is up to date, and what of another is not.

The rule: a stamp is a digest of inputs, not of results. So it is known before anything is built, from files and
names alone; the versions of Debian's packages are no part of it (`lab image build --fresh` takes today's).
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.errors import WrongUse
from lab.fabric.docker.image import apt, contents, recipe
from lab.fabric.docker.image.base import PACKAGES
from lab.fabric.docker.image.recipe import LAYERS, SOURCE_OF_BASE, STAMP, VARIANT
from lab.fabric.docker.image.tarball import File
from lab.fabric.docker.image.variants import TOOLS, Variant, named
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Stamps:
    """Of each layer of an image, and the source of its base; `software` is "" where there is none."""

    source: str
    base: str
    libraries: str
    software: str
    lab: str

    @property
    def image(self) -> str:
        return recipe.stamp(self.base, self.libraries, self.software, self.lab)

    @property
    def label(self) -> str:
        """As an image bears it; a change of the lab's code changes its last word."""
        return f"base={self.base} libraries={self.libraries} software={self.software} lab={self.lab}"


def stamps(variant: Variant, source: str, architecture: str) -> Stamps:
    """What an image that is built now would bear."""
    base = recipe.stamp(
        source,
        architecture,
        apt.release() if source == PACKAGES else "",
        recipe.ESSENTIAL,
        TOOLS,
        recipe.DPKG,
        recipe.POLICY,
        recipe.BOOTSTRAP,
    )
    return Stamps(
        source=source,
        base=base,
        libraries=recipe.stamp(base, recipe.COMPILE, *_told(contents.libraries())),
        software=recipe.stamp(base, variant.packages, recipe.INSTALL) if variant.packages else "",
        lab=recipe.stamp(base, recipe.COMPILE, *_told(contents.source())),
    )


def _told(files: list[File]) -> list[str | bytes]:
    return [part for file in files for part in (file.path, file.octets)]


def is_current(labels: Mapping[str, str], architecture: str) -> bool:
    """Whether an image with these labels is what would be built now from its source."""
    if STAMP not in labels:
        return False
    try:
        variant = named(labels.get(VARIANT, ""))
    except WrongUse:
        return False
    return labels[STAMP] == stamps(variant, labels.get(SOURCE_OF_BASE, PACKAGES), architecture).image


def is_current_below(labels: Mapping[str, str], wanted: Stamps) -> bool:
    """Whether nothing but the lab's own layer differs."""
    return labels.get(LAYERS, "").startswith(wanted.label.rpartition(" ")[0] + " ")
