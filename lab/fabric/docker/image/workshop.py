"""Where images are built: an engine, finished layers, and containers that something is done in.

The rule: everything goes through the engine's API, for the engine may be on another machine; and nothing stays.
A container is removed however the work ends, Ctrl-C included; one that a killed build left is removed by the next.
What the engine refuses comes out as a sentence.
"""

from __future__ import annotations

import socket
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from types import MappingProxyType
from typing import IO, Any, cast

from lab.errors import MachineSaidNo
from lab.fabric.docker.engine import refusal, unanswered
from lab.fabric.docker.image import recipe
from lab.fabric.docker.image.archive import Image, load
from lab.fabric.docker.image.recipe import LABEL, REPOSITORY
from lab.fabric.docker.image.shelf import Layer, Shelf
from lab.fabric.docker.image.tarball import File, pack
from lab.values import dataclass

Tell = Callable[[str], None]
"""Gets a sentence at each step that takes time."""
_LAST = 12
"""Lines of a failed step that are shown."""
_PATIENCE_S = 1800
NOTHING, OUTWARD = "none", "default"
"""A container's network: none, or the engine's usual one, with a way out."""


_GO = MappingProxyType({"arm": "armhf", "386": "i386", "ppc64le": "ppc64el"})
"""Go's names of architectures that Debian calls otherwise."""


def debian_architecture(api: Any) -> str:
    """The engine's, as Debian names it."""
    name: str = api.version()["Arch"]
    return _GO.get(name, name)


@dataclass(frozen=True, slots=True)
class Workshop:
    """`api` is a docker.APIClient; `architecture` is the engine's, in Debian's words."""

    api: Any
    architecture: str
    shelf: Shelf
    tell: Tell

    def load(self, layers: Sequence[Layer], labels: dict[str, str], tag: str = "") -> str:
        """Put an image of these layers into the engine; its id."""
        image = Image(tuple(layers), self.architecture, labels, tag)
        return load(self.api, image, {layer: self.shelf.path(layer) for layer in layers})

    def image_of(self, base: Layer) -> str:
        """The image of the base alone, to build in."""
        return self.load([base], {LABEL: "base"}, f"{REPOSITORY}:base")

    @property
    def half_done(self) -> str:
        """The name of an image that is there only while one is built; should it be left, it is known by it."""
        return f"{REPOSITORY}:build-{self.mark}"

    @contextmanager
    def container(self, image: str, command: Sequence[str], network: str = NOTHING) -> Iterator[Bench]:
        """A container that is created, not started."""
        made = self.api.create_container(
            image,
            list(command),
            hostname=LABEL,  # packages write it into their settings; the engine's would be chance
            labels={LABEL: "build", recipe.SHELF: self.mark},
            entrypoint=[],
            user="0",
            host_config=self.api.create_host_config(network_mode=network),
        )["Id"]
        try:
            yield Bench(self.api, made, self.half_done)
        finally:
            self._remove(made)

    def tidy(self) -> None:
        """Remove containers that a build of ours left when it was killed. Only for who holds the shelf."""
        for left in self.api.containers(all=True, filters={"label": f"{recipe.SHELF}={self.mark}"}):
            self._remove(left["Id"])

    @property
    def mark(self) -> str:
        """Whose builds these are: of this machine's one shelf, one at a time."""
        return recipe.stamp(socket.gethostname(), str(self.shelf.folder.absolute()))

    def _remove(self, container: str) -> None:
        from docker.errors import APIError

        with suppress(APIError):
            self.api.remove_container(container, force=True, v=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """A container to work in."""

    api: Any
    id: str
    half_done: str
    """The name of an image that is made of it on the way."""

    def put(self, files: Sequence[File]) -> None:
        """Lay files into it, below its root."""
        octets = BytesIO()
        pack(files, octets, 0)
        self.api.put_archive(self.id, "/", octets.getvalue())

    def take(self, path: str) -> list[File]:
        """The regular files there; one, or all of a folder."""
        chunks, _ = self.api.get_archive(self.id, path)
        above = path.strip("/").rpartition("/")[0]
        with spooled(chunks) as tree, tarfile.open(fileobj=tree) as tar:
            return [
                File(f"{above}/{entry.name}", cast(IO[bytes], tar.extractfile(entry)).read())
                for entry in tar
                if entry.isreg()
            ]

    def run(self, step: str) -> None:
        """Start it and wait for its end. MachineSaidNo (H037) with its last lines where that is not a good one."""
        self.api.start(self.id)
        status = self.api.wait(self.id, timeout=_PATIENCE_S)["StatusCode"]
        if not status:
            return
        said = self.api.logs(self.id, tail=_LAST).decode("utf-8", "replace").strip()
        if "No space left on device" in said:
            raise refusal("no space left on device", whereabouts(self.api))
        raise MachineSaidNo(
            f"a step of the image's build failed ({step}, exit status {status}):\n{said}",
            remedy="Try again from the beginning:  lab image build --fresh",
            code="H037",
        )


@contextmanager
def spooled(chunks: Iterator[bytes]) -> Iterator[IO[bytes]]:
    """What the engine sends, in a temporary file that can be read from its start."""
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        yield file


@contextmanager
def plainly(api: Any) -> Iterator[None]:
    """What the engine refuses, or that it does not answer any more, as a sentence."""
    from docker.errors import APIError, DockerException, ImageLoadError
    from requests.exceptions import RequestException

    try:
        yield
    except APIError as error:
        raise refusal(str(error.explanation or error), whereabouts(api)) from None
    except ImageLoadError as error:
        raise refusal(str(error), whereabouts(api)) from None
    except (DockerException, RequestException) as error:
        raise unanswered(whereabouts(api), str(error)) from None


def whereabouts(api: Any) -> str:
    """Where an engine is, as a person says it: the SDK calls every socket of a machine http+docker://localhost."""
    socket = getattr(getattr(api, "_custom_adapter", None), "socket_path", "")
    return f"unix://{socket}" if socket else str(api.base_url)
