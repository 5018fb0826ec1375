"""`lab capture`: a file, a pipe, Wireshark; until it is enough."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.wire.pcapng import Block, Captured, blocks, read_packet
from tests import tshark

Lab = Any
"""The command line of conftest.py."""

SEND = ("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com")


def packets(file: Path) -> list[Captured]:
    return [read_packet(body) for kind, body in blocks(file.read_bytes()) if kind == Block.PACKET]


@contextmanager
def capturing(lab: Lab, *words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """`lab capture`, from when it has begun; on leaving, it is told that it is enough."""
    env = {**os.environ, "LAB_HOME": str(lab.home), "PYTHONUTF8": "1", **options}
    with subprocess.Popen(
        [sys.executable, "-m", "lab.cli.app", "capture", *words, "--json"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        # The capture itself has standard output where there is no file.
        begun = (process.stderr if "-" in words else process.stdout).readline()
        assert "capturing" in json.loads(begun), begun
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        if not process.stdout.closed:
            process.last_words = process.stdout.read().splitlines()[-1:]


def the_mail_is_there(file: Path) -> None:
    found = packets(file)
    assert any(b"RCPT TO:<ed@belgiannews.com>" in packet.octets for packet in found)
    assert any("asks for MX belgiannews.com" in packet.comment for packet in found)
    assert any("takes it: 250 2.0.0 queued as" in packet.comment for packet in found)


@pytest.mark.parametrize("where", ["sim_lab", "local_lab"])
def test_a_message_is_captured_with_its_journey(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    lab, file = request.getfixturevalue(where), tmp_path / "it.pcapng"
    with capturing(lab, str(file)) as process:
        sent = lab.json(*SEND)
    last = json.loads(process.last_words[0])
    found = packets(file)
    assert process.returncode == 0
    assert last == {
        "file": str(file),
        "packets": len(found),
        "octets": sum(len(packet.octets) for packet in found),
        "hosts": len({packet.interface for packet in found}),
        "dropped": 0,
    }
    the_mail_is_there(file)
    assert {packet.comment[:6] for packet in found} <= {sent["journey"], ""}


@tshark.needs_tshark
@pytest.mark.parametrize("where", ["sim_lab", "local_lab"])
def test_wireshark_reads_it_without_a_flaw(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    lab, file = request.getfixturevalue(where), tmp_path / "it.pcapng"
    with capturing(lab, str(file)):
        lab(*SEND)
    assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.FLAWS) == []
    assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.TROUBLE) == []
    assert tshark.read(file, "imf.subject", only="imf") != []


def test_what_the_student_s_shell_does_is_captured(local_lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "it.pcapng"
    with capturing(local_lab, str(file), "--host", "student"):
        said = local_lab.apart("shell", "--", "nslookup", "-q=MX", "belgiannews.com")
        assert said.returncode == 0, said.stderr
    found = packets(file)
    assert {packet.outbound for packet in found} == {True, False}
    assert all(b"\x0bbelgiannews\x03com" in packet.octets for packet in found)


def test_after_so_much_lab_time_it_ends_by_itself(sim_lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "it.pcapng"
    with capturing(sim_lab, str(file), "--for", "2h") as process:
        sim_lab(*SEND)
        assert process.poll() is None
        sim_lab("clock", "+3h")
        assert process.wait() == 0
    the_mail_is_there(file)


def test_a_pipe_gets_the_capture_and_nothing_else(sim_lab: Lab, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "lab.cli.app", "capture", "-", "--for", "0s"],
        env={**os.environ, "LAB_HOME": str(sim_lab.home), "PYTHONUTF8": "1"},
        capture_output=True,
        check=False,
    )
    assert said.returncode == 0
    assert [kind for kind, _ in blocks(said.stdout)][:2] == [Block.SECTION, Block.NAMES]
    assert b"0 packets" in said.stderr


def test_a_reader_that_leaves_ends_it(sim_lab: Lab) -> None:
    with capturing(sim_lab, "-") as process:
        process.stdout.close()
        sim_lab(*SEND)
        assert process.wait() == 141


WIRESHARK = """#!/bin/sh
echo "$@" > {folder}/words
cat > {folder}/seen.pcapng
echo shut > {folder}/end
"""


def the_end(fifo: int) -> bytes:
    """What is written into it, once it is; Wireshark goes on by itself when the capture has ended."""
    ready, _, _ = select.select([fifo], [], [], 60)
    return os.read(fifo, 100) if ready else b"(nothing)"


def test_live_is_wireshark_s(sim_lab: Lab, tmp_path: Path) -> None:
    program, end = tmp_path / "wireshark", tmp_path / "end"
    program.write_text(WIRESHARK.format(folder=tmp_path))
    program.chmod(0o755)
    os.mkfifo(end)
    fifo = os.open(end, os.O_RDONLY | os.O_NONBLOCK)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    try:
        with capturing(sim_lab, "--live", str(tmp_path / "file.pcapng"), PATH=path) as process:
            sim_lab(*SEND)
        assert process.returncode == 0
        assert the_end(fifo) == b"shut\n"
    finally:
        os.close(fifo)
    assert (tmp_path / "words").read_text() == "-k -i - -N n\n"
    the_mail_is_there(tmp_path / "seen.pcapng")
    the_mail_is_there(tmp_path / "file.pcapng")


def test_without_wireshark_there_is_a_sentence(
    sim_lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = sim_lab("capture", "--live")
    assert said.status == 4
    assert "Wireshark is not installed" in said.err
    assert "H016" in said.err


def test_a_lab_that_goes_down_hands_over_what_it_has(tmp_path: Path) -> None:
    from tests.cli.conftest import CommandLine

    lab, file = CommandLine(tmp_path / "home"), tmp_path / "it.pcapng"
    assert lab.apart("up", "belgium", "--fabric", "sim").returncode == 0
    with capturing(lab, str(file)) as process:
        lab(*SEND)
        assert lab("down").status == 0
        assert process.wait() == 0
    the_mail_is_there(file)


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ((), 2, "W011"),
        (("--nonsense",), 2, "W011"),
        (("it.pcapng", "--host", "nowhere.be"), 2, "W001"),
        (("it.pcapng", "--for", "soon"), 2, "W012"),
        (("/dev/null/it.pcapng",), 2, "W014"),
    ],
)
def test_what_is_wrong_is_told(
    sim_lab: Lab, words: tuple[str, ...], status: int, code: str, tmp_path: Path
) -> None:
    said = sim_lab("capture", *(str(tmp_path / word) if word == "it.pcapng" else word for word in words))
    assert said.status == status, said.err
    assert code in said.err
    assert not (tmp_path / "it.pcapng").exists()


def test_without_a_lab_there_is_nothing_to_capture(command: Lab, tmp_path: Path) -> None:
    said = command("capture", str(tmp_path / "it.pcapng"))
    assert said.status == 3
    assert "H020" in said.err
