"""The lab's images in an engine: which there are, which of them anybody would ask for, and how they go.

The rule: what the lab made it knows by its label, and touches nothing else. An image that a container runs from
stays, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.fabric.docker.image.recipe import LABEL, SOURCE_OF_BASE, VARIANT
from lab.fabric.docker.image.stamps import is_current
from lab.fabric.docker.image.workshop import debian_architecture
from lab.values import dataclass

_GRACE = timedelta(minutes=10)
"""How long an image that another has replaced stays: a lab that is just starting may be about to use it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that is there. `name` is "" when a newer one has taken it; `source` is of its base."""

    id: str
    name: str
    variant: str
    source: str
    octets: int
    is_current: bool


def images(api: Any, label: str = LABEL) -> list[dict[str, Any]]:
    """Every image with that label, as the engine tells of it; those whose name another has now come last."""
    return sorted(api.images(filters={"label": label}), key=lambda image: not _names(image))


def labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return image.get("Labels") or {}


def _names(image: Mapping[str, Any]) -> list[str]:
    return [name for name in image.get("RepoTags") or () if name != "<none>:<none>"]


def listed(api: Any) -> list[Kept]:
    """The same, in order of their variants, as a person wants to know it."""
    architecture = debian_architecture(api)
    kept = [_kept(image, architecture) for image in images(api)]
    return sorted(kept, key=lambda each: (each.variant, not each.is_current, each.id))


def _kept(image: Mapping[str, Any], architecture: str) -> Kept:
    said = labels(image)
    names = _names(image)
    return Kept(
        id=image["Id"],
        name=names[0] if names else "",
        variant=said.get(VARIANT) or said.get(LABEL, ""),
        source=said.get(SOURCE_OF_BASE, ""),
        octets=image["Size"],
        is_current=bool(names) if said.get(LABEL) == "base" else is_current(said, architecture),
    )


def sweep(api: Any, keep: str) -> None:
    """Remove images that nobody would ask for any more, but for those in use or of the last minutes."""
    from docker.errors import APIError

    found = listed(api)
    named = {image.variant for image in found if image.is_current and image.name}
    for image in found:
        if image.id != keep and not (image.is_current and (image.name or image.variant not in named)):
            with suppress(APIError):
                if _named(api.inspect_image(image.id)) < datetime.now(UTC) - _GRACE:
                    api.remove_image(image.id)


def _named(image: Mapping[str, Any]) -> datetime:
    """When it got its name, by the engine's clock: just now, if it never had one. An engine that loads an image
    names it last, so that is one that somebody is building."""
    at = datetime.fromisoformat(image["Metadata"]["LastTagTime"][:19]).replace(tzinfo=UTC)
    return at if at.year > 1 else datetime.now(UTC)


def remove_all(api: Any) -> Iterator[tuple[Kept, str]]:
    """Remove every image of the lab; each one, and why it stays ("" when it is gone)."""
    from docker.errors import APIError, ImageNotFound

    for image in listed(api):
        try:
            api.remove_image(image.name or image.id)
        except ImageNotFound:
            yield image, ""
        except APIError as error:
            yield image, str(error.explanation or error)
        else:
            yield image, ""
