"""Debian packages by way of this machine's own apt: whatever mirrors and keys it trusts, the lab trusts.

The rule: nothing of the machine changes. Its lists are read, its state and its packages are not touched; what is
fetched lies in a folder of our own. So no root is needed, and no tool beyond apt and dpkg. An engine on another
machine needs no mirror at all: the packages go there through its API.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from lab.errors import MachineSaidNo

_MINUTES = 15
"""How long a download may take; the packages of a base are 60 MB."""


def is_here() -> bool:
    """Whether this machine has apt and dpkg."""
    return all(shutil.which(tool) for tool in ("apt-get", "dpkg", "dpkg-deb"))


def architecture() -> str:
    """Debian's name for this machine's: amd64, arm64 …"""
    return _run(["dpkg", "--print-architecture"]).strip()


def release() -> str:
    """The release that this machine's packages are of: bookworm, noble …; '' where its system does not say."""
    try:
        lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME=")), "")


def fetch(packages: Iterable[str], installed: bytes, folder: Path) -> list[Path]:
    """The .deb files of these packages and of all they need beyond what is `installed` (a dpkg status file), in
    order of their names. The folder has to be there; MachineSaidNo (H036) where they cannot be had."""
    (folder / "status").write_bytes(installed)
    (folder / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    get = partial(_get, sorted(packages), folder)
    if get(()).returncode:
        fresh = _fresh_lists(folder)
        done = get(fresh)
        if done.returncode:
            raise _refused(done.stderr)
    return sorted((folder / "archives").glob("*.deb"))


def _get(packages: Sequence[str], folder: Path, options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    words = ["--yes", "--quiet=2", "--no-install-recommends", "--download-only", "install", "--", *packages]
    return _apt(folder, [*options, *words])


def _fresh_lists(folder: Path) -> list[str]:
    """Options that make apt use lists of our own, fetched now: the machine's are missing or out of date."""
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={folder / 'lists'}"]
    done = _apt(folder, [*options, "--quiet=2", "update"])
    if done.returncode:
        raise _refused(done.stderr)
    return options


def _apt(folder: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    settings = {
        "Dir::State::status": folder / "status",
        "Dir::State::extended_states": folder / "extended_states",
        "Dir::Cache::archives": folder / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": "",
        "APT::Install-Suggests": "false",
        "Debug::NoLocking": "true",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "20",
        "Acquire::https::Timeout": "20",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    try:
        return subprocess.run(
            ["apt-get", *options, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_MINUTES * 60,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
    except subprocess.TimeoutExpired:
        raise _refused(f"no end after {_MINUTES} minutes") from None


def _refused(said: str) -> MachineSaidNo:
    lines = [line.removeprefix("E: ") for line in said.strip().splitlines() if line.startswith("E: ")]
    reason = (lines or said.strip().splitlines() or ["no reason given"])[0].rstrip(".")
    return MachineSaidNo(
        f"the packages of the image could not be fetched: {reason}",
        remedy="See whether  apt-get update  works here; or take a base from a registry:  "
        "lab image build --source registry",
        code="H036",
    )


def _run(words: Sequence[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
