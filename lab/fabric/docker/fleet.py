"""The engines of a lab, and what each of them has for all of its containers: the network, the papers, the images.

The rule: what there is once is there once (the network, made by one engine for all), what is files is on every
engine. An engine that does not answer is found out before anything is made on another.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from lab.errors import MachineSaidNo, WrongUse
from lab.fabric.docker.engine import LABEL, Engine
from lab.fabric.docker.layout import Bridge
from lab.fabric.docker.papers import archive
from lab.fabric.docker.placement import Machine, labels
from lab.fabric.docker.swarm import gather, usable
from lab.fabric.docker.sweep import sweep, sweep_the_dead

Tell = Callable[[str], None]
Software = tuple[str, ...]


class Fleet:
    """Of one engine or of several; the first is the user's own. Its calls wait for the engines."""

    def __init__(self, words: Sequence[str], owner: str) -> None:
        self.engines = [Engine(word) for word in words or ("",)]
        self.owner = owner
        self.names: list[str] = []
        """What stands behind a host's @; of one engine, nothing."""
        self.network = ""
        self.papers: list[str] = []
        """By engine, where the papers are on its machine."""
        self._images: list[dict[Software, str]] = []

    @property
    def is_spread(self) -> bool:
        return len(self.engines) > 1

    # -- before the first container ------------------------------------------------------------------------------

    def meet(self) -> list[Machine]:
        """See that all are there, and what they can carry."""
        infos = []
        for engine in self.engines:
            with engine.plainly():
                infos.append(engine.api.info())
        self._require_different(infos)
        if self.is_spread:
            names = zip((engine.place.name for engine in self.engines), infos, strict=True)
            self.names = labels([said or info["Name"] for said, info in names])
        return [Machine(int(info["NCPU"]), int(info["MemTotal"])) for info in infos]

    def _require_different(self, infos: Sequence[Mapping[str, object]]) -> None:
        """WrongUse (W012) where one engine was named twice."""
        seen: dict[object, Engine] = {}
        for engine, info in zip(self.engines, infos, strict=True):
            itself = (info["ID"], info["DockerRootDir"])  # a machine has one ID, for all the engines on it
            if itself in seen:
                raise WrongUse(f"{seen[itself]} and {engine} are one and the same engine", code="W012")
            seen[itself] = engine

    def equip(self, software: Sequence[Sequence[Software]], tell: Tell, image: str = "") -> None:
        """See to it that each has the images for what runs there; `image`: the one to take for plain hosts."""
        self._images = [
            {
                (): image or _built(engine, (), tell),
                **{each: _built(engine, each, tell) for each in wanted if each},
            }
            for engine, wanted in zip(self.engines, software, strict=True)
        ]

    def image(self, at: int, software: Software = ()) -> str:
        return self._images[at][software]

    def clear_up(self, tell: Tell) -> None:
        """Take away what an earlier lab left."""
        sweep_the_dead(self.engines)
        if sweep(self.engines, self.owner):
            tell("What an earlier lab of this home left on the engine is cleared away.")

    def join(self, name: str, bridge: Bridge, ranges: Sequence[str]) -> None:
        """Have the network."""
        labels = {LABEL: self.owner}
        if not self.is_spread:
            self.network = self.engines[0].make_network(name, bridge, labels)
            return
        keeper = gather(self.engines, addresses(self.engines), self.owner, ranges)
        # A swarm's names have no dots. By its name, for by its id a container would not have its hardware address.
        self.network = name.replace(".", "-")
        keeper.make_network(self.network, bridge, labels, spread=True)

    def lay_papers(self, volume: str, texts: dict[str, str]) -> None:
        """Have the papers on every engine, in a volume of this name."""
        labels, tar = {LABEL: self.owner}, archive(texts)
        for at, engine in enumerate(self.engines):
            self.papers.append(engine.make_volume(volume, labels))
            engine.fill_volume(volume, self.image(at), tar, labels)

    # -- after the last ------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Nothing of the lab is left on any engine that answers. MachineSaidNo for one that does not."""
        try:
            sweep(self.engines, self.owner)
        except MachineSaidNo as error:
            if error.code != "H047":
                error.sentence += " The lab is down. What it has there goes when one comes up in this home again."
            raise

    def close(self) -> None:
        for engine in self.engines:
            engine.close()


def _built(engine: Engine, software: Software, tell: Tell) -> str:
    from lab.fabric.docker.image.ensure import ensure
    from lab.fabric.docker.image.variants import variant

    return ensure(engine.api, variant(software), tell)


def addresses(engines: Sequence[Engine]) -> list[str]:
    """Where each says that the others reach it: what was said with its name; the address at which ssh, or a plain
    connection, found it; and for one on this machine, the address from which this machine goes to the others. ""
    where nobody knows: the engine will look for itself."""
    paths = [_path(engine) for engine in engines]
    from_here = next((near for near, _ in paths if near), "")
    return [
        engine.place.address or far or (from_here if engine.place.scheme == "unix" else "")
        for engine, (_, far) in zip(engines, paths, strict=True)
    ]


def _path(engine: Engine) -> tuple[str, str]:
    """The addresses here and there over which an engine is reached, if others can use them."""
    near, far = engine.paths
    if engine.place.scheme in ("tcp", "http"):
        parts = urlsplit(engine.place.url)
        with suppress(OSError), socket.create_connection((parts.hostname or "", parts.port or 2375), 5) as there:
            near, far = there.getsockname()[0], there.getpeername()[0]
    return usable(near), usable(far)
