"""Wireshark's own reader as the referee of captures. Debian's package `tshark` (see install-tools)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_VERIFYING = [
    word
    for setting in ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum")
    for word in ("-o", f"{setting}:TRUE")
]

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

FLAWS = (
    "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0"
    " || icmp.checksum.status == 0 || icmpv6.checksum.status == 0"
)
"""A packet that cannot be read whole, or whose checksum is wrong."""
TROUBLE = "tcp.analysis.flags && !tcp.analysis.retransmission"
"""Gaps, octets out of order, ACKs of what was never sent, full windows."""


def read(file: Path, *fields: str, only: str = "", twice: bool = False) -> list[tuple[str, ...]]:
    """These fields of the packets that a display filter lets through; `twice`: with what follows known."""
    words = ["tshark", "-n", "-N", "n", "-r", str(file), *_VERIFYING, *(["-2"] if twice else [])]
    words += ["-Y", only] if only else []
    words += ["-T", "fields", "-E", "separator=\t", *(word for field in fields for word in ("-e", field))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]
