"""`python -m tests.kills [SECONDS] [SEED]`: kill, start again, and count; exit status 1 when a promise was
broken."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from lab.errors import MachineSaidNo
from lab.fabric import namespace
from tests.kills.ordeal import ordeal


def main(seconds: float = 60.0, seed: int = 1) -> int:
    try:
        namespace.enter()
    except MachineSaidNo as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    begun = time.monotonic()

    def goes_on(kills: int, accepted: int) -> bool:
        past = time.monotonic() - begun
        if sys.stderr.isatty():
            sys.stderr.write(f"\r {past:.0f} of {seconds:.0f} s: {kills:,} kills, {accepted:,} accepted ")
            sys.stderr.flush()
        return past < seconds

    with tempfile.TemporaryDirectory(prefix="lab-soak-") as folder:
        found = ordeal(Path(folder), seed, goes_on)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    sys.stdout.write(f" {found}\n")
    for message_id in (*found.lost, *found.twice):
        sys.stdout.write(f"   {message_id}\n")
    return 0 if found.is_well else 1


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3])))
