"""Images in a real engine."""

from __future__ import annotations

from typing import Any

import pytest

from lab.fabric.docker.image.ensure import ensure
from lab.fabric.docker.image.shelf import Shelf
from lab.fabric.docker.image.variants import HOST
from lab.fabric.docker.image.workshop import container, run

pytestmark = pytest.mark.engine


def said(api: Any, image: str, script: str) -> str:
    """What a container of the image says when it runs this."""
    with container(api, image, ["sh", "-c", script]) as made:
        run(api, made, "a test")
        return api.logs(made).decode().strip()


def test_a_host_has_the_lab_and_what_it_imports(api: Any, host_image: str) -> None:
    assert said(api, host_image, "python3 -c 'import lab.mail.host, lab.dns.authority; print(1 + 1)'") == "2"


def test_an_image_that_is_up_to_date_is_taken_as_it_is(api: Any, host_image: str, shelf: Shelf) -> None:
    told: list[str] = []
    assert ensure(api, HOST, told.append, shelf=shelf) == host_image
    assert told == []
