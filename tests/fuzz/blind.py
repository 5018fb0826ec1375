"""One target in this process without coverage: `python -m tests.fuzz.blind TARGET SECONDS`."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.fuzz.target import named
from tests.fuzz.test_targets import AT_ONCE, DRAWN

FOUND = Path(__file__).parent / "found"


def main(name: str, seconds: int) -> None:
    target = named(name)
    smallest: list[bytes] = []

    @settings(max_examples=2_000 // AT_ONCE, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(DRAWN)
    def tried(drawn: list[bytes]) -> None:
        for octets in map(target.made, drawn):
            try:
                target.run(octets)
            except Exception:
                smallest[:] = [octets]
                raise

    until = time.monotonic() + seconds
    tries = 0
    try:
        while time.monotonic() < until:
            tried()
            tries += 2_000
    except Exception:
        (FOUND / name).mkdir(parents=True, exist_ok=True)
        (FOUND / name / hashlib.sha256(smallest[0]).hexdigest()[:16]).write_bytes(smallest[0])
        raise
    print(f"{name}: {tries} inputs")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
