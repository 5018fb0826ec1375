"""Layers that are finished, kept as files: $XDG_CACHE_HOME/mini-internet-lab/layers, or ~/.cache/….

The rule: a layer is on the shelf whole or not at all. It is written under another name, and its slip (the small
JSON file beside it) comes last; without its slip a tar is rubbish, whatever ended the writing. One build at a time
works here, held apart by a lock that the kernel releases when a process ends.

From here an image goes to any number of engines, and an engine that was wiped has it again in seconds.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from lab.errors import MachineSaidNo
from lab.fabric.docker.image.tarball import Digest, Sink
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: what it is for, the stamp of what it was made from, the identity and number of its octets, the time
    that nothing in it is younger than, and what is worth knowing of it (the version of its Python)."""

    purpose: str
    stamp: str
    diff_id: str
    octets: int
    epoch: int
    note: str = ""


Fill = Callable[[Sink], tuple[int, str]]
"""Writes a layer's tar, and returns its epoch and note."""


@dataclass(frozen=True, slots=True)
class Shelf:
    folder: Path

    def find(self, purpose: str, stamp: str) -> Layer | None:
        """The finished layer; None where there is none."""
        with suppress(OSError, ValueError, TypeError):
            layer = Layer(**json.loads(self._slip(purpose, stamp).read_text("utf-8")))
            if self.path(layer).stat().st_size == layer.octets:
                return layer
        return None

    def path(self, layer: Layer) -> Path:
        """Its tar."""
        return self._slip(layer.purpose, layer.stamp).with_suffix(".tar")

    def make(self, purpose: str, stamp: str, fill: Fill) -> Layer:
        """The layer, made now if it was not there. Older ones of its purpose go, for nothing asks for them."""
        found = self.find(purpose, stamp)
        if found:
            return found
        slip = self._slip(purpose, stamp)
        half = slip.with_suffix(".half")
        try:
            with half.open("wb") as file:
                digest = Digest(file)
                epoch, note = fill(digest)
            layer = Layer(purpose, stamp, digest.diff_id, digest.octets, epoch, note)
            self.clear(purpose)
            half.replace(self.path(layer))
            half.write_text(json.dumps(asdict(layer)), "utf-8")
            half.replace(slip)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        finally:
            half.unlink(missing_ok=True)
        return layer

    @contextmanager
    def held(self, wait: Callable[[], None]) -> Iterator[None]:
        """The shelf for this build alone; `wait` is called where another one has it just now."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def clear(self, purpose: str = "*") -> None:
        """Throw away the layers of a purpose, or all."""
        for path in self.folder.glob(f"{purpose}-*"):
            if path.suffix in (".json", ".tar"):
                path.unlink(missing_ok=True)

    def _slip(self, purpose: str, stamp: str) -> Path:
        return self.folder / f"{purpose}-{stamp}.json"


def usual() -> Shelf:
    """This user's."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Shelf(Path(cache).expanduser() / "mini-internet-lab" / "layers")


def unwritable(folder: Path, error: OSError) -> MachineSaidNo:
    reason = "no space is left" if error.errno == errno.ENOSPC else (error.strerror or str(error)).lower()
    return MachineSaidNo(
        f"the layers of the lab's images cannot be kept in {folder}: {reason}",
        remedy="Name another folder:  XDG_CACHE_HOME=/path lab image build",
        code="H038",
    )
