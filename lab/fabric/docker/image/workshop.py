"""Containers that something is built in, and the images they start from.

The rule: everything goes through the engine's API, for the engine may be on another machine; and nothing stays.
A container is removed however the work ends, Ctrl-C included; an image made here has no name, and goes too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from lab.errors import MachineSaidNo
from lab.fabric.docker.image.recipe import LABEL

_LAST = 12
"""Lines of a failed step that are shown."""
_HALF_AN_HOUR_S = 1800


@contextmanager
def container(api: Any, image: str, command: Sequence[str], network: str = "none") -> Iterator[str]:
    """A container that is created, not started; its id."""
    made = api.create_container(
        image,
        list(command),
        labels={LABEL: "build"},
        entrypoint=[],
        user="0",
        host_config=api.create_host_config(network_mode=network),
    )["Id"]
    try:
        yield made
    finally:
        remove(api, made)


def remove(api: Any, container: str) -> None:
    from docker.errors import APIError

    with suppress(APIError):
        api.remove_container(container, force=True, v=True)


def run(api: Any, container: str, step: str) -> None:
    """Start it and wait for its end. MachineSaidNo (H037) with its last lines where that is not a good one."""
    api.start(container)
    status = api.wait(container, timeout=_HALF_AN_HOUR_S)["StatusCode"]
    if status:
        said = api.logs(container, tail=_LAST).decode("utf-8", "replace").strip()
        raise MachineSaidNo(
            f"a step of the image's build failed ({step}, exit status {status}):\n{said}",
            remedy="Try again from the beginning:  lab image build --fresh",
            code="H037",
        )


@contextmanager
def pulled(chunks: Iterator[bytes]) -> Iterator[IO[bytes]]:
    """What the engine sends, in a temporary file that can be read from its start."""
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        yield file
