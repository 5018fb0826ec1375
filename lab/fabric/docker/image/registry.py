"""A base from a registry: the image `python:3-slim`, which is Debian with a Python of its own.

The rule: asked only when told to, or when this machine has no packages itself; and never for longer than a minute
without a word from the engine. What was pulled for a base is removed again once the base is a layer of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from lab.errors import MachineSaidNo
from lab.fabric.docker.image.workshop import Workshop
from lab.values import dataclass

_SILENCE_S = 60
"""How long the engine may say nothing while it asks a registry."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """`epoch`: when it was made, in seconds since 1970; `release`: of its Debian."""

    id: str
    epoch: int
    release: str


@contextmanager
def pulled(shop: Workshop, name: str) -> Iterator[Pulled]:
    """The image of that name, pulled now. MachineSaidNo (H039) where no registry gives it."""
    before = _inspect(shop.api, name)
    _pull(shop.api, name)
    image = _inspect(shop.api, name)
    try:
        created = datetime.fromisoformat(image["Created"][:19] + "+00:00")
        yield Pulled(image["Id"], int(created.timestamp()), _release(shop, image["Id"]))
    finally:
        if before.get("Id") != image["Id"]:
            shop.api.remove_image(name)


def _inspect(api: Any, name: str) -> dict[str, Any]:
    from docker.errors import ImageNotFound

    try:
        found: dict[str, Any] = api.inspect_image(name)
    except ImageNotFound:
        return {}
    return found


def _pull(api: Any, name: str) -> None:
    """The SDK's own pull waits for ever."""
    from requests.exceptions import ReadTimeout

    image, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    url = f"{api.base_url}/v{api.api_version}/images/create"
    try:
        with api.post(url, params={"fromImage": image, "tag": tag}, stream=True, timeout=_SILENCE_S) as said:
            words = [json.loads(line) for line in said.iter_lines() if line]
    except ReadTimeout:
        raise _silent(name, f"no answer within {_SILENCE_S} s") from None
    errors = [word.get("error") or word.get("message", "") for word in words]
    if any(errors) or not said.ok:
        raise _silent(name, next(filter(None, errors), said.reason))


def _silent(name: str, reason: str) -> MachineSaidNo:
    return MachineSaidNo(
        f"no registry gives the engine the image {name}: {reason}",
        remedy="On Debian and Ubuntu none is needed:  lab image build --source packages",
        code="H039",
    )


def _release(shop: Workshop, image: str) -> str:
    with shop.container(image, ["true"]) as bench:
        (file,) = bench.take("/usr/lib/os-release")
    lines = file.octets.decode("utf-8", "replace").splitlines()
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME=")), "")
