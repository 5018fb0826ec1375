"""Images in a real engine."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import MachineSaidNo
from lab.fabric.docker.image import contents, recipe
from lab.fabric.docker.image.collection import images, listed
from lab.fabric.docker.image.ensure import ensure
from lab.fabric.docker.image.shelf import Shelf
from lab.fabric.docker.image.variants import HOST, SOFTWARE, named
from lab.fabric.docker.image.workshop import Bench, Workshop, debian_architecture

pytestmark = pytest.mark.engine


def said(api: Any, image: str, script: str) -> str:
    """What a container of the image says when it runs this."""
    with Workshop(api, "", Shelf(Path("nowhere")), print).container(image, ["sh", "-c", script]) as bench:
        bench.run("a test")
        return str(api.logs(bench.id).decode().strip())


@pytest.fixture
def apart(shelf: Shelf, host_image: str, tmp_path: Path) -> Shelf:
    """A shelf for this test alone, with what the common one has."""
    for path in shelf.folder.iterdir():
        if path.suffix in (".tar", ".json"):
            os.link(path, tmp_path / path.name)
    return Shelf(tmp_path)


def a_change(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """As if somebody had worked on the lab."""
    first, *others = contents.source()
    changed = replace(first, octets=first.octets + f"\n# {word}\n".encode())
    monkeypatch.setattr(contents, "source", lambda: [changed, *others])


def layers(api: Any, image: str) -> list[str]:
    found: list[str] = api.inspect_image(image)["RootFS"]["Layers"]
    return found


def at_work(api: Any, shelf: Shelf) -> list[Any]:
    """Containers that builds with this shelf have left."""
    mark = Workshop(api, "", shelf, print).mark
    found: list[Any] = api.containers(all=True, filters={"label": f"{recipe.SHELF}={mark}"})
    return found


def test_a_host_has_the_lab_and_what_it_imports(api: Any, host_image: str) -> None:
    assert said(api, host_image, "python3 -c 'import lab.mail.host, lab.dns.authority; print(1 + 1)'") == "2"


def test_a_person_finds_tools_there(api: Any, host_image: str) -> None:
    tools = "dig nslookup curl ip ss nft openssl s-nail swaks telnet python3"
    assert len(said(api, host_image, f"which {tools}").split()) == len(tools.split())
    assert "swaks version" in said(api, host_image, "swaks --version")


def test_the_lab_is_compiled_there_for_good(api: Any, host_image: str) -> None:
    """With an unchecked hash in it: PEP 552."""
    script = f"cd /{recipe.SOURCE}/lab/__pycache__ && od -An -tx1 -j4 -N4 names.*.pyc"
    assert said(api, host_image, script).split() == ["01", "00", "00", "00"]


def test_an_image_that_is_up_to_date_is_taken_as_it_is(api: Any, host_image: str, shelf: Shelf) -> None:
    told: list[str] = []
    assert ensure(api, HOST, told.append, shelf=shelf) == host_image
    assert told == []


def test_a_change_of_the_lab_rebuilds_its_last_layer(
    api: Any, host_image: str, apart: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    a_change(monkeypatch, "another day")
    newer = ensure(api, HOST, told.append, shelf=apart)
    assert told == [
        "the image is older than the lab: rebuilding its last layer",
        "compiling the lab for the image",
    ]
    assert newer != host_image
    assert layers(api, newer)[:-1] == layers(api, host_image)[:-1]
    assert at_work(api, apart) == []


def test_the_same_inputs_are_the_same_image(api: Any, host_image: str, apart: Shelf) -> None:
    apart.clear("lab")
    apart.clear("libraries")
    labels = api.inspect_image(host_image)["Config"]["Labels"]
    before = layers(api, host_image)
    again = _built_again(api, apart)
    assert again == host_image
    assert (layers(api, again), api.inspect_image(again)["Config"]["Labels"]) == (before, labels)


def _built_again(api: Any, shelf: Shelf) -> str:
    """As if the engine had not got it."""
    from lab.fabric.docker.image.build import build
    from lab.fabric.docker.image.stamps import stamps

    architecture = debian_architecture(api)
    return build(Workshop(api, architecture, shelf, print), HOST, stamps(HOST, "packages", architecture))


def test_a_step_that_fails_is_told_with_its_last_words_and_leaves_nothing(
    api: Any, apart: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "COMPILE", "echo there is no compiler; exit 3")
    before = {image["Id"] for image in images(api, f"{recipe.LABEL}=build")}
    with pytest.raises(MachineSaidNo, match=r"exit status 3\):\nthere is no compiler") as told:
        ensure(api, HOST, print, shelf=apart)
    assert told.value.code == "H037"
    assert at_work(api, apart) == []
    assert {image["Id"] for image in images(api, f"{recipe.LABEL}=build")} <= before


def test_ctrl_c_leaves_no_container_and_no_image(api: Any, apart: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(bench: Bench, step: str) -> None:
        api.start(bench.id)
        raise KeyboardInterrupt

    a_change(monkeypatch, "a change that is given up")
    monkeypatch.setattr(Bench, "run", interrupted)
    before = {image["Id"] for image in images(api) if image["Labels"].get(recipe.VARIANT) == "host"}
    with pytest.raises(KeyboardInterrupt):
        ensure(api, HOST, print, shelf=apart)
    assert at_work(api, apart) == []
    assert {image["Id"] for image in images(api) if image["Labels"].get(recipe.VARIANT) == "host"} <= before


def test_what_a_killed_build_left_the_next_one_removes(
    api: Any, host_image: str, apart: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(api, "", apart, print)
    left = api.create_container(host_image, ["true"], labels={recipe.LABEL: "build", recipe.SHELF: shop.mark})[
        "Id"
    ]
    a_change(monkeypatch, "after a power cut")
    ensure(api, HOST, print, shelf=apart)
    assert left not in {container["Id"] for container in at_work(api, apart)}


def test_everything_bears_the_label(api: Any, host_image: str) -> None:
    (kept,) = [image for image in listed(api) if image.id == host_image]
    assert (kept.variant, kept.source) == ("host", "packages")
    assert kept.octets > 50e6


PROGRAMS = {
    "bind": "named",
    "dovecot": "dovecot",
    "exim": "exim4",
    "knot": "knotd",
    "nsd": "nsd",
    "opensmtpd": "smtpd",
    "postfix": "postfix",
    "powerdns": "pdns_server",
    "unbound": "unbound",
}
TOGETHER = "+".join(sorted({*SOFTWARE} - {"exim", "opensmtpd"}))
"""All software in as few images as there can be, for each takes its time."""


def test_every_software_is_looked_for() -> None:
    assert {*SOFTWARE} <= {*PROGRAMS}


@pytest.mark.parametrize("names", [TOGETHER, *sorted({*SOFTWARE} & {"exim", "opensmtpd"})])
def test_an_image_has_the_software_it_is_for(api: Any, shelf: Shelf, names: str) -> None:
    image = ensure(api, named(names), print, shelf=shelf)
    programs = [PROGRAMS[name] for name in names.split("+")]
    found = said(api, image, f"which {' '.join(programs)}").split()
    assert found == [f"/usr/sbin/{program}" for program in programs]
    assert said(api, image, "dpkg --audit; test ! -e /build") == ""


def test_a_registry_that_does_not_answer_is_told(api: Any, apart: Shelf) -> None:
    nobody = "127.0.0.1:1/python:3-slim"
    with pytest.raises(MachineSaidNo, match=r"127\.0\.0\.1:1/python:3-slim") as told:
        ensure(api, HOST, print, source=nobody, shelf=apart)
    assert told.value.code == "H039"
    assert "--source packages" in told.value.remedy
