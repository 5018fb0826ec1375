"""Which files of this machine go into an image: the lab's own, and the libraries that its nodes need.

The rule: files of Python and nothing else, read from where this process has them, so that a node runs the very
code that started it. What only people at the terminal use (verbs, handbook) stays out: a change there makes no
image stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, PackagePath, distribution
from pathlib import Path

import lab
from lab.errors import MachineSaidNo
from lab.fabric.docker.image.recipe import LIBRARIES, SOURCE
from lab.fabric.docker.image.tarball import File

NEEDED = ("aiosmtpd", "atpublic", "attrs", "dnslib")
"""What a node imports from outside the lab, and what that imports. No certificate is made in a node, so it needs
no `cryptography`: all of this is Python, and the same on every machine."""

_ELSEWHERE = frozenset({"classroom", "cli", "export", "handbook", "testing", "web"})
_TESTS = frozenset({"test", "tests", "testing", "qa"})


def source() -> list[File]:
    """The lab's own modules."""
    root = Path(lab.__file__).parent
    paths = sorted(path.relative_to(root) for path in root.rglob("*.py"))
    return [
        File(f"{SOURCE}/lab/{path.as_posix()}", (root / path).read_bytes())
        for path in paths
        if path.parts[0] not in _ELSEWHERE
    ]


def libraries() -> list[File]:
    """Other people's modules that nodes need, with their licences. MachineSaidNo (H035) if one is missing."""
    return [file for name in NEEDED for file in _distribution(name)]


def _distribution(name: str) -> Iterator[File]:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        raise MachineSaidNo(
            f"the library {name}, which every host of the lab needs, is not installed here",
            remedy="Install the lab anew:  make install",
            code="H035",
        ) from None
    for path in sorted(found.files or ()):
        if _is_wanted(path):
            yield File(f"{LIBRARIES}/{path.as_posix()}", path.read_binary())


def _is_wanted(path: PackagePath) -> bool:
    """
    >>> [_is_wanted(PackagePath(path)) for path in ("attr/__init__.py", "aiosmtpd/tests/x.py", "../bin/x.py")]
    [True, False, False]
    """
    if ".." in path.parts or _TESTS.intersection(path.parts):
        return False
    return path.suffix == ".py" or "licen" in path.name.lower()
