"""`lab doctor`: whether this machine has what the lab needs, and whether anything can leave it.

The rule: each finding is a fact that was tried or read just now, never a guess from a version number. A fault that
the lab can work around is a warning; only what keeps it from running at all is an error.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Literal

from lab.cli.escape import outward
from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show
from lab.control.home import Home, home
from lab.errors import MachineSaidNo
from lab.values import dataclass

Verdict = Literal["good", "wait", "bad"]
_GLYPHS = {"good": "✓", "wait": "○", "bad": "✕"}
_TOOLS = ("dig", "nslookup", "telnet", "nc", "swaks", "openssl")
_ROOM = 100 * 2**20
"""Octets of free disk below which mail on `local` may soon find no room."""
_FILES = 1024
"""Open files that a class of 200 hosts with five sockets each needs on `local`."""


@dataclass(frozen=True, slots=True)
class Finding:
    about: str
    verdict: Verdict
    sentence: str
    remedy: str = ""


def doctor(*, json: Json = False) -> int:
    """Look the machine over. Exit status 4 when something keeps the lab from running."""
    findings = list(examine(home()))
    if json:
        for finding in findings:
            emit(asdict(finding))
    else:
        show(line for finding in findings for line in screen(finding))
    return 4 if any(finding.verdict == "bad" for finding in findings) else 0


def screen(finding: Finding) -> Iterator[Line]:
    glyph = _GLYPHS[finding.verdict]
    yield ((f" {glyph} ", finding.verdict), (f"{finding.about:<18}", "place"), (finding.sentence, ""))
    if finding.remedy:
        yield plain(f"{'':21}{finding.remedy}", "dim")


def examine(where: Home) -> Iterator[Finding]:
    yield _python()
    yield _namespaces()
    yield _state(where)
    yield _disk(where)
    yield _open_files()
    yield _loopback()
    yield _engine()
    yield _tools()
    yield _running(where)
    yield from (Finding("nothing escapes", *told) for told in outward(where))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", "good" if sys.version_info >= (3, 11) else "bad", f"{version} ({sys.executable})")


def _namespaces() -> Finding:
    from lab.fabric.namespace import probe

    refused = probe()
    if refused is None:
        return Finding("private network", "good", "can be entered, so lab up has real addresses and ports")
    return Finding("private network", "wait", f"{refused.sentence}   {refused.code}", refused.remedy)


def _state(where: Home) -> Finding:
    try:
        where.make()
    except MachineSaidNo as error:
        return Finding("state folder", "bad", f"{error.sentence}   {error.code}", error.remedy)
    if where.is_stale():
        return Finding(
            "state folder",
            "wait",
            f"{where.path} holds what a lab left that ended unexpectedly",
            "lab up  clears it away",
        )
    return Finding("state folder", "good", str(where.path))


def _disk(where: Home) -> Finding:
    free = shutil.disk_usage(next(path for path in (where.path, *where.path.parents) if path.exists())).free
    return Finding("disk", "good" if free > _ROOM else "wait", f"{free / 2**30:.1f} GiB free")


def _open_files() -> Finding:
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most in (resource.RLIM_INFINITY,) or most >= _FILES:
        return Finding("open files", "good", "as many as a large lab needs")
    return Finding("open files", "wait", f"at most {most}: a large lab on local needs more", "ulimit -Hn 4096")


def _loopback() -> Finding:
    import socket

    try:
        with socket.create_server(("127.0.0.1", 0)):
            return Finding("front doors", "good", "ports of 127.0.0.1 can be opened")
    except OSError as error:
        return Finding(
            "front doors",
            "wait",
            f"127.0.0.1 cannot be listened at: {(error.strerror or '').lower()}",
            "lab up --no-doors",
        )


def _engine() -> Finding:
    from lab.fabric.docker.engine import Engine

    engine = Engine()
    try:
        with closing(engine):
            version = engine.api.version()["Version"]
    except MachineSaidNo as error:
        return Finding("containers", "good", f"{error.sentence} The lab needs none.   {error.code}")
    return Finding("containers", "good", f"Docker {version} at {engine}:  lab up --fabric docker")


def _tools() -> Finding:
    found = [tool for tool in _TOOLS if shutil.which(tool)]
    missing = [tool for tool in _TOOLS if tool not in found]
    sentence = f"{', '.join(found) or 'none'} found"
    return Finding("tools", "good", sentence + (f"; {', '.join(missing)} not (none is needed)" if missing else ""))


def _running(where: Home) -> Finding:
    form = where.read()
    pid = where.daemon()
    if not pid:
        return Finding("a lab", "good", "none is up")
    return Finding("a lab", "good", f'"{form.get("lab")}" is up on {form.get("fabric")}, process {pid}')
