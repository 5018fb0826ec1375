"""`lab image`: the images that the containers of `lab up --fabric docker` run in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, table
from lab.errors import WrongUse

if TYPE_CHECKING:
    from lab.fabric.docker.image.collection import Kept


def image(
    do: str = "list",
    variant: str = "host",
    /,
    *,
    fresh: bool = False,
    source: str = "",
    engine: str = "",
    json: Json = False,
) -> int:
    """The images that containers run in. `lab up --fabric docker` makes what is missing by itself.

    lab image list                     which there are, and whether they are up to date
    lab image build                    the image of the lab's own hosts
    lab image build postfix+dovecot    of a host that runs these
    lab image build --fresh            from the beginning, with today's packages
    lab image build --source registry  on python:3-slim, where there is no apt
    lab image rm                       all of them, and the layers kept for them

    Parameters
    ----------
    do
        list, build or rm; list, if not told otherwise.
    variant
        Of build: the host's software, with + between two; host, if not told otherwise.
    fresh
        Of build: nothing is taken from what was built before.
    source
        Of build: packages (of this machine's apt), registry, or an image's name in a registry.
    engine
        Another Docker engine than your own:  --engine ssh://a
    """
    from lab.fabric.docker.engine import Engine
    from lab.fabric.docker.image.workshop import plainly

    verbs = {"list": _list, "build": _build, "rm": _remove}
    if do not in verbs:
        raise WrongUse(f"'{do}' is none of {', '.join(verbs)}", remedy="lab image --help", code="W011")
    from lab.fabric.docker.image.variants import named

    wish = {"variant": named(variant), "fresh": fresh, "source": source}
    with closing(Engine(engine)) as reached, plainly(reached.api):
        verbs[do](reached.api, wish, json)
    return 0


def _list(api: Any, _: dict[str, Any], json: bool) -> None:
    from lab.fabric.docker.image.collection import listed

    found = listed(api)
    emit({"images": [_form(each) for each in found]}) if json else show(screen(found))


def _form(kept: Kept) -> dict[str, Any]:
    return {
        "id": kept.id,
        "name": kept.name,
        "variant": kept.variant,
        "source": kept.source,
        "octets": kept.octets,
        "current": kept.is_current,
    }


def screen(found: Sequence[Kept]) -> list[Line]:
    if not found:
        return [plain(" There is none in this engine.        lab image build  makes one.")]
    return table([list(_row(each)) for each in found])


def _row(kept: Kept) -> Iterator[tuple[str, str]]:
    yield kept.name or "(replaced)", "place" if kept.name else "dim"
    yield kept.id.removeprefix("sha256:")[:12], "id"
    yield f"{kept.octets / 1e6:,.0f} MB", ""
    yield ("✓ up to date", "good") if kept.is_current else ("○ older than the lab", "wait")


def _build(api: Any, wish: dict[str, Any], json: bool) -> None:
    from lab.fabric.docker.image.base import REGISTRY
    from lab.fabric.docker.image.ensure import ensure

    source = REGISTRY if wish["source"] == "registry" else wish["source"]
    tell = _quiet if json else _told
    made = ensure(api, wish["variant"], tell, source=source, fresh=wish["fresh"])
    size = api.inspect_image(made)["Size"]
    if json:
        emit({"id": made, "variant": wish["variant"].name, "octets": size})
    else:
        name = f"The image '{wish['variant'].name}' is up to date"
        show([plain(f" ✓ {name}: {made.removeprefix('sha256:')[:12]}, {size / 1e6:,.0f} MB.", "good")])


def _told(sentence: str) -> None:
    show([plain(f" … {sentence}", "dim")])


def _quiet(sentence: str) -> None:
    """JSON is for programs: they get the end of it."""


def _remove(api: Any, _: dict[str, Any], json: bool) -> None:
    from lab.fabric.docker.image.collection import remove_all
    from lab.fabric.docker.image.shelf import usual

    done = list(remove_all(api))
    usual().clear()
    if json:
        emit({"removed": [_form(kept) for kept, why in done if not why], "kept": [k.id for k, why in done if why]})
        return
    gone = sum(not why for _, why in done)
    show([plain(f" {gone} image{'' if gone == 1 else 's'} removed, and all layers that were kept for them.")])
    for kept, why in done:
        if why:
            show([((f" ○ {kept.name or kept.id[:19]} stays: ", "wait"), (why, ""))])
