"""Layers as tar files that come out the same whenever the same goes in.

The rule: nothing of the moment is in them. Entries stand in a fixed order, a time is a given one or older, and
what only tells how or when a machine was made (logs, caches with times, machine-id, backups of the password
files) is left out. A layer's identity is the SHA-256 of its octets ("diff id", OCI Image Specification,
config.md), so octets that differ would be another image.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import IO, Protocol

from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """A regular file to be put into a layer, root's, at a path without its first '/'."""

    path: str
    octets: bytes
    mode: int = 0o644


class Sink(Protocol):
    def write(self, octets: bytes, /) -> int: ...


class Digest:
    """Passes octets on, and knows their SHA-256 and their number."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.octets = 0

    def write(self, octets: bytes, /) -> int:
        self._hash.update(octets)
        self.octets += len(octets)
        return self._sink.write(octets)

    @property
    def diff_id(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def pack(files: Iterable[File], sink: Sink, epoch: int) -> None:
    """The files, and the directories above them, as a tar; all of one time (seconds since 1970)."""
    with tarfile.open(fileobj=_writable(sink), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        made: set[str] = set()
        for file in sorted(files, key=lambda file: file.path):
            for folder in _above(file.path):
                if folder not in made:
                    made.add(folder)
                    tar.addfile(_entry(folder, tarfile.DIRTYPE, 0o755, epoch))
            entry = _entry(file.path, tarfile.REGTYPE, file.mode, epoch)
            entry.size = len(file.octets)
            tar.addfile(entry, BytesIO(file.octets))


def normalise(source: IO[bytes], sink: Sink, epoch: int) -> None:
    """A tar of a root file system (a container's export, a layer of a commit), without what is of the moment."""
    with (
        tarfile.open(fileobj=source, mode="r|*") as old,
        tarfile.open(fileobj=_writable(sink), mode="w|", format=tarfile.PAX_FORMAT) as new,
    ):
        for entry in old:
            if is_lasting(entry.name, entry.isdir()):
                new.addfile(_settled(entry, epoch), old.extractfile(entry) if entry.isreg() else None)


_OF_THE_MOMENT = re.compile(
    r"""
    \.dockerenv $ | (dev|proc|sys|run|tmp)/ | (\.wh\.)? build (/|$)
    | etc/ (hostname|hosts|resolv\.conf|mtab|machine-id|\.pwd\.lock) $
    | etc/ (passwd|group|shadow|gshadow|subuid|subgid)- $
    | var/lib/dpkg/ ((status|diversions|statoverride|available)-old|lock|lock-frontend|triggers/Lock) $
    | root/\..*_history $
    """,
    re.VERBOSE,
)
_FILES_OF_THE_MOMENT = re.compile(
    r"var/(tmp|log|lib/apt|lib/systemd|cache/apt|cache/ldconfig|cache/debconf/.*-old$)"
)
"""Only the files: a server's own folder for its log belongs to the system."""


def is_lasting(path: str, folder: bool = False) -> bool:
    """Whether an entry belongs to the system, rather than to the moment when it was installed.

    >>> [is_lasting(path) for path in ("etc/passwd", "etc/passwd-", "var/log/dpkg.log", "tmp/x")]
    [True, False, False, False]
    >>> is_lasting("var/log/exim4", folder=True)
    True
    """
    path = path.removeprefix("./").rstrip("/")
    return not (_OF_THE_MOMENT.match(path) or (not folder and _FILES_OF_THE_MOMENT.match(path)))


def _settled(entry: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    entry.mtime = min(int(entry.mtime), epoch)
    entry.uname = entry.gname = ""
    entry.pax_headers = {key: value for key, value in entry.pax_headers.items() if key.startswith("SCHILY.xattr.")}
    return entry


def _entry(path: str, kind: bytes, mode: int, epoch: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.mtime = kind, mode, epoch
    return entry


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    return ("/".join(parts[: n + 1]) for n in range(len(parts)))


def _writable(sink: Sink) -> IO[bytes]:
    return sink  # type: ignore[return-value]  # in stream mode tarfile asks for no more than write()
