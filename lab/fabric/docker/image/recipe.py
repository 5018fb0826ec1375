"""What is done to make the layers of an image, as data: names of packages, texts of scripts, what is left out.

The rule: whatever decides what a layer holds stands here or goes into its stamp, so that a change here makes the
images of yesterday stale. Debian's policy on services: a package that is installed here starts nothing
(policy-rc.d, exit status 101).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

LABEL = "mini-internet-lab"
"""On every image, container and whatever else the lab makes in an engine; its value says what it is."""
STAMP, VARIANT, LAYERS, SOURCE_OF_BASE, SHELF = (
    f"{LABEL}.{word}" for word in ("stamp", "variant", "layers", "source", "shelf")
)
REPOSITORY = LABEL

_EVERYWHERE = """
    base-files base-passwd bash bsdutils coreutils dash debianutils diffutils dpkg findutils grep gzip hostname
    init-system-helpers libc-bin login ncurses-base ncurses-bin perl-base sed sysvinit-utils tar usr-is-merged
    util-linux
"""
ESSENTIAL = tuple(_EVERYWHERE.split())
"""What every Debian has (Debian Policy §3.8), and no package says that it needs."""

LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/doc-base/*",
    "/usr/share/bug/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/pixmaps/*",
    # Perl is there for swaks: nobody compiles for it, tests modules of it, or sorts Japanese with it.
    "/usr/lib/*/perl/*/CORE/*",
    "/usr/lib/*/perl/*/auto/Encode/[CJKT][NPRW]/*",
    "/usr/lib/*/perl/*/auto/Unicode/Collate/*",
    "/usr/share/perl/*/CPAN/*",
    "/usr/share/perl/*/ExtUtils/*",
    "/usr/share/perl/*/Module/CoreList*",
    "/usr/share/perl/*/TAP/*",
    "/usr/share/perl/*/Test*",
    "/usr/share/perl/*/Unicode/Collate/*",
    "/usr/share/perl/*/pod/*",
    # Charsets of mainframes.
    "/usr/lib/*/gconv/EBCDIC*",
    "/usr/lib/*/gconv/IBM*",
)
"""Paths that no package brings along."""
KEPT = "/usr/share/doc/*/copyright"

DPKG = "".join([*(f"path-exclude={path}\n" for path in LEFT_OUT), f"path-include={KEPT}\n", "force-unsafe-io\n"])
POLICY = "#!/bin/sh\nexit 101\n"
DPKG_PATH, POLICY_PATH = "etc/dpkg/dpkg.cfg.d/mini-internet-lab", "usr/sbin/policy-rc.d"

_HEAD = "set -e\nexport DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8\n"
_TAIL = """\
dpkg --configure --pending
wrong=$(dpkg --audit)
if [ -n "$wrong" ]; then echo "$wrong"; exit 1; fi
# The day of an installation is no part of the system: shadow(5), date of last password change.
if [ -f /etc/shadow ]; then sed -i 's/^\\([^:]*:[^:]*\\):[0-9]*:/\\1::/' /etc/shadow; fi
rm -rf /build
"""
PYTHON = """\
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "The lab needs Python 3.11 or later; this base has: $(python3 --version 2>&1)"
  exit 1
fi
"""
BOOTSTRAP = f"""{_HEAD}\
# Pre-Depends are met by what was laid out from the same packages already. Others look up users and groups.
dpkg --force-depends --unpack /build/first/*.deb
dpkg --force-depends --configure base-passwd
dpkg --force-depends --unpack /build/rest/*.deb
{_TAIL}{PYTHON}"""
INSTALL = f"""{_HEAD}\
set -- /build/rest/*.deb
if [ -e "$1" ]; then dpkg --force-depends --unpack "$@"; fi
{_TAIL}"""
"""Of packages that were fetched here."""


def fetch_and_install(packages: Iterable[str]) -> str:
    """A script that fetches packages itself, in a container with a way to their mirrors."""
    return f"""{_HEAD}\
apt-get --quiet=2 update
apt-get --quiet=2 --yes --no-install-recommends install {" ".join(packages)}
rm -rf /var/lib/apt/lists/*
{_TAIL}"""


HOME = "opt/lab"
LIBRARIES, SOURCE = f"{HOME}/libraries", f"{HOME}/source"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": f"/{SOURCE}:/{LIBRARIES}",
    "PYTHONDONTWRITEBYTECODE": "1",
}

LEAN = f"/{HOME}/lean"
"""Where a node's Python finds everything compiled once more, without docstrings: a twentieth of its memory."""
_UNCHECKED = "-m compileall -q -j 0 --invalidation-mode unchecked-hash"
_NOT_A_NODES = "/(test|tests|unittest|idlelib|lib2to3|distutils|pydoc_data|tkinter|turtledemo|ensurepip|venv|xml)/"
COMPILE = f"""\
set -e
python3 {_UNCHECKED} /{HOME}
python3 -OO -X pycache_prefix={LEAN} {_UNCHECKED} /{HOME}
if [ -d /{LIBRARIES} ]; then
  python3 -OO -X pycache_prefix={LEAN} {_UNCHECKED} -x '{_NOT_A_NODES}' \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" || true
fi
"""
"""A container's disk may be read-only, so what Python compiles has to be there; and unchecked, for the times of
files in a layer say nothing. (That some of Debian's files are not to be compiled is no matter.)"""


def stamp(*parts: str | bytes | Iterable[str]) -> str:
    """A short name for these inputs; others have another.

    >>> stamp("a", "b") == stamp("ab")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        octets = part if isinstance(part, bytes) else part.encode() if isinstance(part, str) else _joined(part)
        digest.update(len(octets).to_bytes(8, "big") + octets)
    return digest.hexdigest()[:16]


def _joined(part: Iterable[str]) -> bytes:
    return "\0".join(part).encode()
