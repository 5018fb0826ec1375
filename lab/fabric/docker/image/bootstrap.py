"""A base made from Debian packages alone: no registry, no root, no tool beyond apt and dpkg.

The rule is that of debootstrap(8), in two stages. First the essential packages are laid out as they are, without
their scripts, into a tar; then, in a container of that, dpkg installs them and all others properly. The second
stage needs what only root has, and the engine gives that to the container; so an ordinary user can do it, and the
engine may be far away.

Time 40 s with debootstrap, and less this way, because dpkg runs twice rather than once a package.
"""

from __future__ import annotations

import fnmatch
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

from lab.fabric.docker.image import recipe
from lab.fabric.docker.image.tarball import File, Sink

_MERGED = frozenset({"bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"})
"""Folders that are links into /usr (Debian: usrmerge), though older packages have files in them."""


def first_stage(first: Iterable[Path], rest: Iterable[Path], sink: Sink) -> None:
    """The tar: files of the packages in `first`, and all packages below /build for dpkg to install."""
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT) as tar:  # type: ignore[call-overload]
        made: set[str] = set()
        for deb in first:
            for entry, content in _unpacked(deb):
                _lay(tar, made, entry, content)
        for folder, debs in (("first", first), ("rest", rest)):
            for deb in debs:
                tar.add(deb, f"build/{folder}/{deb.name}")
        for file in [
            *settings(),
            File("build/script", recipe.BOOTSTRAP.encode()),
            *(File(f"var/lib/dpkg/{name}", b"") for name in ("status", "available")),
            File("var/lib/dpkg/info/format", b"1\n"),
        ]:
            entry = tarfile.TarInfo(file.path)
            entry.size, entry.mode = len(file.octets), file.mode
            tar.addfile(entry, BytesIO(file.octets))


def epoch(debs: Iterable[Path]) -> int:
    """When the youngest of the packages was made, in seconds since 1970: nothing in the base is younger."""
    return max((_made(deb) for deb in debs), default=0)


def _made(deb: Path) -> int:
    """A .deb is an ar archive, whose first member bears the package's date: deb(5)."""
    with deb.open("rb") as file:
        return int(file.read(36)[24:36])


def _unpacked(deb: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar,
    ):
        for entry in tar:
            yield entry, tar.extractfile(entry) if entry.isreg() else None


def _lay(tar: tarfile.TarFile, made: set[str], entry: tarfile.TarInfo, content: IO[bytes] | None) -> None:
    path = entry.name.removeprefix("./").rstrip("/")
    top = path.partition("/")[0]
    if top in _MERGED and top not in made:
        made.add(top)
        tar.addfile(_link(top))
    entry.name = path if path == top and entry.issym() else merged(path)
    if entry.islnk():
        entry.linkname = merged(entry.linkname.removeprefix("./"))
    if entry.name not in made and not is_left_out(f"/{entry.name}"):
        made.add(entry.name)
        tar.addfile(entry, content)


def merged(path: str) -> str:
    """
    >>> merged("bin/bash"), merged("etc/passwd")
    ('usr/bin/bash', 'etc/passwd')
    """
    return f"usr/{path}" if path.partition("/")[0] in _MERGED else path


def is_left_out(path: str) -> bool:
    """
    >>> is_left_out("/usr/share/man/man1/dig.1.gz"), is_left_out("/usr/share/doc/curl/copyright")
    (True, False)
    """
    if fnmatch.fnmatchcase(path, recipe.KEPT):
        return False
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in recipe.LEFT_OUT)


def _link(top: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(top)
    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, f"usr/{top}", 0o777
    return entry


def settings() -> list[File]:
    """How dpkg works in every container here: what it leaves out, and that it starts no service."""
    return [
        File(recipe.DPKG_PATH, recipe.DPKG.encode()),
        File(recipe.POLICY_PATH, recipe.POLICY.encode(), 0o755),
    ]
