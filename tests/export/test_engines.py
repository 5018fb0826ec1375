"""Exported labs, held against the engines that they are for: their own programs, where they are installed
(`pip install -e '.[engines]'`), and their rules, where they are not.

A lab that runs is one through which a mail goes: submitted with a login over TLS, found by MX, read by IMAP.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.export.folder import write
from lab.export.formats import FORMATS, files
from lab.fabric.certificates import CertificateAuthority
from lab.journey import build
from lab.log import gather
from tests.export.conftest import exported, planned
from tests.export.pod import Pod

_PATIENCE_S = 60
_HERE = Path(sys.executable).parent
COMPOSE = shutil.which("docker-compose", path=f"{_HERE}{os.pathsep}{os.environ.get('PATH', '')}")
SEND = (
    "printf 'From: ann@a.be\\nTo: ed@b.ch\\nSubject: hello\\n\\nHello.\\n' | curl -sS --crlf --ssl-reqd"
    " smtp://mail.a.be:587 -u ann@a.be:secret --mail-from ann@a.be --mail-rcpt ed@b.ch -T -"
)
READ = "curl -sS --ssl-reqd 'imap://mail.b.ch/INBOX;UID=1' -u ed@b.ch:secret"
OUT = 'python3 -c \'import socket; socket.create_connection(("192.0.2.1", 25), 2); print("connected")\' 2>&1'


def folder_of(format: str, topology: str, folder: Path, image: str = "mini-internet-lab:host") -> Path:
    export = replace(exported(planned(topology)), authority=CertificateAuthority("1"), image=image)
    write(folder, files(export, FORMATS[format]))
    return folder


def carries_a_mail(run: Callable[[str], str], told: Callable[[], list[str]], hosts: int) -> None:
    """`run`: a line of shell at the student's host, and what it prints; `told`: the lines of all containers."""
    _until(lambda: sum('"HostStarted"' in line for line in told()) >= hosts)
    assert run("dig +short b.ch MX").split() == ["10", "mail.b.ch."]
    assert run(SEND) == ""
    _until(lambda: any('"MailDelivered"' in line for line in told()))
    assert "Subject: hello" in run(READ)
    outside = run(OUT)
    assert "Error" in outside
    assert "connected" not in outside
    (journey,) = build(gather(told())).values()
    assert (journey.sender, str(journey.state)) == ("ann@a.be", "delivered")


def _until(there: Callable[[], bool]) -> None:
    """Wait for what containers do, on a machine that is as busy as it is."""
    end = time.monotonic() + _PATIENCE_S
    while not there():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.1)


# -- Docker Compose --------------------------------------------------------------------------------------------


@pytest.mark.skipif(COMPOSE is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("topology", ["pair", "belgium"])
def test_compose_takes_it(tmp_path: Path, topology: str) -> None:
    assert COMPOSE is not None
    folder = folder_of("compose", topology, tmp_path / topology)
    words = [COMPOSE, "--project-directory", str(folder), "config", "--format", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert set(json.loads(done.stdout)["services"]) == {host.name for host in planned(topology).hosts}


@pytest.mark.engine
@pytest.mark.skipif(COMPOSE is None, reason="docker-compose is not installed")
def test_compose_runs_it(engine: str, host_image: str, tmp_path: Path) -> None:
    assert COMPOSE is not None
    folder = folder_of("compose", "runs", tmp_path / "runs", host_image)
    words = [COMPOSE, "--project-directory", str(folder), "--project-name", f"labtest-{os.getpid()}"]

    def compose(*more: str) -> str:
        done = subprocess.run(
            [*words, *more], env={**os.environ, "DOCKER_HOST": engine}, capture_output=True, text=True, check=False
        )
        return done.stdout + (done.stderr if more[0] == "up" and done.returncode else "")

    try:
        assert compose("up", "--detach") == ""
        carries_a_mail(
            lambda line: compose("exec", "-T", "student", "sh", "-c", line),
            lambda: compose("logs").splitlines(),
            len(planned("runs").hosts),
        )
        compose("stop", "mail.b.ch")
        assert '"ExitCode":0' in compose("ps", "--all", "--format", "json", "mail.b.ch")
    finally:
        compose("down", "--volumes")


# -- Kathará ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topology", ["pair", "belgium"])
def test_kathara_takes_it(tmp_path: Path, topology: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    parser = pytest.importorskip("Kathara.parser.netkit.LabParser")
    folder = folder_of("kathara", topology, tmp_path / topology)
    lab = parser.LabParser.parse(str(folder))
    lab.check_integrity()
    assert len(lab.machines) == len(planned(topology).hosts)
    assert list(lab.links) == ["lab"]
    for machine in lab.machines.values():
        assert machine.get_image() == "mini-internet-lab:host"
        assert machine.fs.exists("etc/lab/host/host.json")
        assert lab.fs.exists(f"{machine.name}.startup")


def test_what_kathara_starts_is_shell(tmp_path: Path) -> None:
    folder = folder_of("kathara", "pair", tmp_path / "pair")
    for script in folder.glob("*.startup"):
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


# -- containerlab ----------------------------------------------------------------------------------------------

_OF_A_NODE = {"kind", "image", "image-pull-policy", "network-mode", "cmd", "env", "binds", "exec"}
"""Those that we use of the keys that containerlab's schema knows of a node (schemas/clab.schema.json, 0.60)."""


@pytest.mark.parametrize("topology", ["pair", "belgium"])
def test_containerlab_would_take_it(tmp_path: Path, topology: str) -> None:
    folder = folder_of("containerlab", topology, tmp_path / topology)
    form = yaml.safe_load((folder / f"{topology}.clab.yml").read_text("utf-8"))
    assert set(form) == {"name", "topology"}
    assert set(form["topology"]) == {"kinds", "nodes", "links"}
    nodes = form["topology"]["nodes"]
    for node in (*form["topology"]["kinds"].values(), *nodes.values()):
        assert set(node) <= _OF_A_NODE
        for bind in node.get("binds", ()):
            assert (folder / bind.split(":")[0]).exists()
    ends = [end for link in form["topology"]["links"] for end in link["endpoints"]]
    assert len(ends) == len(set(ends)) == 2 * (len(nodes) - 1)
    for end in ends:
        node, interface = end.split(":")
        assert node in nodes
        assert re.fullmatch(r"eth[1-9][0-9]*", interface)


# -- Kubernetes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topology", ["pair", "belgium"])
def test_kubernetes_takes_it(tmp_path: Path, topology: str) -> None:
    kubernetes = pytest.importorskip("kubernetes_validate")
    folder = folder_of("kubernetes", topology, tmp_path / topology)
    for form in yaml.safe_load_all((folder / "lab.yaml").read_text("utf-8")):
        kubernetes.validate(form, "1.30", strict=True)


@pytest.mark.engine
def test_a_pod_runs_it(api: Any, host_image: str, tmp_path: Path) -> None:
    folder = folder_of("kubernetes", "runs", tmp_path / "runs", host_image)
    (tmp_path / "volumes").mkdir()
    pod = Pod(api, (folder / "lab.yaml").read_text("utf-8"), tmp_path / "volumes", f"labtest-{os.getpid()}")
    with pod.running():
        carries_a_mail(lambda line: pod.run("student", "sh", "-c", line), pod.lines, len(planned("runs").hosts))
        assert pod.run("mail-a-be", "cat", "/etc/resolv.conf") == "nameserver 10.81.0.53\n"
